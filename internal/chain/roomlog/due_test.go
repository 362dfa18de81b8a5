package roomlog_test

import (
	"slices"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
)

// TestDue changes one thing after the other. Each makes an epoch due once, any
// member may start it for the reason given, and then nothing is due.
func TestDue(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	a, b := w.Alice.Device(), w.Bob.Device()
	carol, dave := w.User("carol"), w.User("dave")
	r := w.EmptyRoom()
	r.Must(r.CreateEntry(a))
	if why, _ := r.State.Due(w, w.Now); why != roomlog.ReasonAsked {
		t.Errorf("a room without an epoch: due for %d", why)
	}
	r.Must(r.Rekey(a, roomlog.ReasonAsked))
	inv, ended := w.Invite("erin", time.Hour), w.Invite("frank", time.Hour)
	r.Must(r.AddEntry(a, members(bus.RoleMember, w.Bob, carol, dave), guests(bus.RoleMember, inv, ended)))
	var phone *chaintest.Device
	for _, step := range []struct {
		name string
		do   func()
		why  roomlog.Reason
		drop []bus.AccountID
		out  []bus.InviteID
	}{
		{"nothing", func() {}, 0, nil, nil},
		{"a policy", func() { r.Must(r.PolicyEntry(a, time.Hour, "x")) }, 0, nil, nil},
		{"a new kem key", func() { w.Alice.Device().Renew() }, 0, nil, nil},
		{"a new user", func() { w.User("new") }, 0, nil, nil},
		{"a new device", func() { phone = w.Alice.AddDevice("phone") }, roomlog.ReasonMoved, nil, nil},
		{"a lost device", func() { phone.Revoke() }, roomlog.ReasonMoved, nil, nil},
		{"a device that came and went", func() { w.Alice.AddDevice("loan").Revoke() }, 0, nil, nil},
		{"a recovery endpoint", func() { w.Alice.AddRecovery() }, roomlog.ReasonMoved, nil, nil},
		{"a second owner", func() { r.Must(r.RoleEntry(a, carol, bus.RoleOwner)) }, 0, nil, nil},
		{"a new reader", func() { r.Must(r.RoleEntry(a, dave, bus.RoleReader)) }, roomlog.ReasonMoved, nil, nil},
		{"a new writer", func() { r.Must(r.RoleEntry(a, dave, bus.RoleMember)) }, roomlog.ReasonMoved, nil, nil},
		{"a revoked user", func() { w.Revoke(carol) }, roomlog.ReasonMoved, ids(carol), nil},
		{"a revoked invite", func() { w.EndInvite(ended) }, roomlog.ReasonMoved, nil, []bus.InviteID{ended.ID}},
		{"an expired invite", func() { w.Pass(2 * time.Hour) }, roomlog.ReasonMoved, nil, []bus.InviteID{inv.ID}},
		{"a leave", func() { r.Must(r.LeaveEntry(dave.Device(), nil)) }, roomlog.ReasonLeft, nil, nil},
		{"most of a day", func() { w.Pass(bus.EpochAge - time.Millisecond) }, 0, nil, nil},
		{"a day", func() { w.Pass(time.Millisecond) }, roomlog.ReasonAge, nil, nil},
	} {
		step.do()
		why, c := r.State.Due(w, w.Now)
		if why != step.why || !slices.Equal(c.Drop, step.drop) || !slices.Equal(c.Uninvite, step.out) || len(c.Add)+len(c.Invite) > 0 {
			t.Fatalf("%s: due for %d, dropping %v and %v; want %d", step.name, why, c.Drop, c.Uninvite, step.why)
		}
		switch {
		case why == 0:
			continue
		case len(c.Drop)+len(c.Uninvite) > 0:
			r.Must(r.RemoveEntry(b, c.Drop, c.Uninvite))
		default:
			r.Must(r.Rekey(b, why))
		}
		if why, c := r.State.Due(w, w.Now); why != 0 {
			t.Fatalf("%s: still due for %d, dropping %v and %v", step.name, why, c.Drop, c.Uninvite)
		}
	}
}

// TestDueWithoutRecovery does not wait for an endpoint that the room refuses.
func TestDueWithoutRecovery(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	r := w.Room(w.Alice.Device(), func(c *roomlog.Create) { c.Recovery = false })
	w.Alice.AddRecovery()
	if why, _ := r.State.Due(w, w.Now); why != 0 {
		t.Errorf("due for %d", why)
	}
}

// TestPins lists what a client must know before it checks an entry.
func TestPins(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	r, d := c.r, c.owner.Device()
	create := r.CreateEntry(d)
	if got := roomlog.Pins(create); len(got) != 1 || got[0] != (roomlog.Pin{Account: c.owner.ID(), At: c.owner.Head()}) {
		t.Errorf("create rests on %v", got)
	}
	want := r.Start(roomlog.Change{}).Members
	if got := roomlog.Pins(r.Rekey(d, roomlog.ReasonAsked)); !slices.Equal(got, want) {
		t.Errorf("rekey rests on %v, want %v", got, want)
	}
	if got := roomlog.Pins(r.PolicyEntry(d, time.Hour, "x")); got != nil {
		t.Errorf("policy rests on %v", got)
	}
	broken := r.Rekey(d, roomlog.ReasonAsked)
	broken.Body = broken.Body[:20]
	if got := roomlog.Pins(broken); got != nil {
		t.Errorf("a broken entry rests on %v", got)
	}
}
