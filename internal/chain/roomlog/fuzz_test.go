package roomlog_test

import (
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
)

// FuzzCheck gives every operation any body, well signed: whatever it says, the
// rules answer, and change nothing before the step runs.
func FuzzCheck(f *testing.F) {
	w := chaintest.New(f)
	d := w.Alice.Device()
	empty, fresh, r := w.EmptyRoom(), w.EmptyRoom(), w.Room(d)
	fresh.Must(fresh.CreateEntry(d))
	inv := w.Invite("carol", time.Hour)
	r.Add(d, bus.RoleMember, w.Bob)
	r.Guest(d, bus.RoleMember, inv)
	carol := w.Join(inv).Device()
	for _, e := range []*chain.Entry{
		empty.CreateEntry(d),
		fresh.Rekey(d, roomlog.ReasonAsked),
		r.Rekey(d, roomlog.ReasonAsked),
		r.AddEntry(d, members(bus.RoleMember, w.Founder), nil),
		r.RemoveEntry(d, ids(w.Bob), []bus.InviteID{inv.ID}),
		r.AcceptEntry(carol, inv),
		r.RoleEntry(d, w.Bob, bus.RoleReader),
		r.PolicyEntry(d, time.Hour, "x"),
		r.CloseEntry(d),
		r.LeaveEntry(d, w.Bob),
	} {
		f.Add(uint8(e.Op), e.Body)
	}
	f.Fuzz(func(t *testing.T, op uint8, body []byte) {
		for _, room := range []*chaintest.Room{empty, fresh, r} {
			before := room.State.Tail
			for _, e := range []*chain.Entry{
				room.Entry(d, chain.Op(op), body),
				room.Unsigned(carol, chain.Op(op), body).Sign(identity.ContextRoom, inv.Keys.Content, carol.Content),
			} {
				if _, err := room.State.Check(e, w); err != nil && bus.KindOf(err) == bus.Failed {
					t.Errorf("an error without a kind: %v", err)
				}
				roomlog.Pins(e)
			}
			if room.State.Tail != before {
				t.Error("Check changed the state")
			}
		}
	})
}
