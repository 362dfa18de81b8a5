package membership

import (
	"context"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// heirs are the recipients of grants that have their place in the room by now.
type heirs struct {
	of      map[bus.EndpointID]bus.AccountID // whose they are; a guest's is the zero account
	devices map[bus.AccountID][]bus.EndpointID
}

// heirs finds those of the recipients who are there: what is sealed to who is gone
// is for a thief.
func (v *view) heirs(r *room, grants []wire.Grant) heirs {
	to := heirs{map[bus.EndpointID]bus.AccountID{}, map[bus.AccountID][]bus.EndpointID{}}
	var guests map[bus.EndpointID]bool
	for _, g := range grants {
		rec, stays := r.state.Epoch.Recipient(g.Endpoint)
		if rec.Account == (bus.AccountID{}) && stays && guests == nil {
			guests = v.openGuests(r)
		}
		switch {
		case !stays:
		case rec.Account == bus.AccountID{} && guests[g.Endpoint]:
			to.of[g.Endpoint] = rec.Account
		case v.present(r, g.Endpoint, rec.Account):
			to.of[g.Endpoint] = rec.Account
			if to.devices[rec.Account] == nil {
				to.devices[rec.Account] = v.listed(rec.Account)
			}
		}
	}
	return to
}

// present reports whether an endpoint of a member has its place on the bus and in
// the room; an epoch without it may be due, and not begun.
func (v *view) present(r *room, id bus.EndpointID, of bus.AccountID) bool {
	_, member := r.state.Member(of)
	return member && v.log.Account(of).Active() && v.accounts[of].Live(id, v.now())
}

// listed are all endpoints that an account ever had.
func (v *view) listed(id bus.AccountID) (out []bus.EndpointID) {
	for _, e := range v.accounts[id].Endpoints() {
		out = append(out, e.ID)
	}
	return out
}

// openGuests are the one-time endpoints of a room's guests who may still come.
func (v *view) openGuests(r *room) map[bus.EndpointID]bool {
	open := map[bus.EndpointID]bool{}
	for _, g := range r.state.Guests() {
		if inv := v.log.Invite(g.Invite); inv.Open(v.now()) {
			open[inv.Endpoint()] = true
		}
	}
	return open
}

// takeable are the grants that are kept: to who is there, of not too many epochs
// back, and not more to one user than bus.MaxHeirGrants. What he hands on to himself
// does not count, so that nobody fills that up with keys that do not open.
func (s *Service) takeable(ctx context.Context, at Granting, to heirs, grants []wire.Grant) (keep []wire.Grant, err error) {
	left := map[bus.AccountID]int{at.By: bus.MaxEnvelopes, {}: bus.MaxEnvelopes}
	for _, g := range grants {
		h, present := to.of[g.Endpoint]
		if !present || at.Since-g.Epoch > bus.MaxGrantEpochs {
			continue
		}
		if _, counted := left[h]; !counted {
			n, err := s.store.GrantsTo(ctx, at.Room, h, to.devices[h])
			if err != nil {
				return nil, err
			}
			left[h] = bus.MaxHeirGrants - n
		}
		if left[h] > 0 {
			left[h]--
			keep = append(keep, g)
		}
	}
	return keep, nil
}
