package membership

import (
	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/roomlog"
)

// part notes which members the newest entry of r put out, and who is in again. The
// log names everybody once for each entry, so this is never larger than that.
func (r *room) part(before []roomlog.Member) {
	for _, m := range before {
		if _, in := r.state.Member(m.Account); !in {
			if r.former == nil {
				r.former = map[bus.AccountID]chain.Tail{}
			}
			r.former[m.Account] = r.state.Tail
		}
	}
	for _, m := range r.state.Members() {
		delete(r.former, m.Account)
	}
}

// upTo is how far a signer may read the log of a room: a member and a guest all of
// it, who was put out, or left, up to the entry that says so. That entry is for him:
// who is told no more than that he is out can only believe it, and never learns by
// whom. Whoever was never in a room is told what he would be of none.
func (v *view) upTo(by Signer, id bus.RoomID) (chain.Tail, error) {
	at, err := v.seatOrClosed(by, id)
	if err == nil {
		return at.state.Tail, nil
	}
	if r := v.rooms[id]; r != nil && !by.OneTime() && by.Rights.Scope == nil {
		if end, ok := r.former[by.Account]; ok {
			return end, nil
		}
	}
	return chain.Tail{}, err
}
