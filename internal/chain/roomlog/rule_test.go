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

// TestWhoMay offers every operation by everybody.
func TestWhoMay(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	w, r := c.World, c.r
	type answers struct{ owner, member, reader string }
	for name, op := range map[string]struct {
		entry func(*chaintest.Device) *chain.Entry
		want  answers
	}{
		"rekey": {func(d *chaintest.Device) *chain.Entry { return r.Rekey(d, roomlog.ReasonAsked) },
			answers{"", "not_due", "not_owner"}},
		"rekey after many frames": {func(d *chaintest.Device) *chain.Entry { return r.Rekey(d, roomlog.ReasonFrames) },
			answers{"", "", "not_owner"}},
		"rekey after a leave": {func(d *chaintest.Device) *chain.Entry { return r.Rekey(d, roomlog.ReasonLeft) },
			answers{"", "", "not_owner"}},
		"add": {func(d *chaintest.Device) *chain.Entry { return r.AddEntry(d, members(bus.RoleMember, w.Founder), nil) },
			answers{"", "not_owner", "not_owner"}},
		"remove": {func(d *chaintest.Device) *chain.Entry { return r.RemoveEntry(d, nil, []bus.InviteID{c.guest.ID}) },
			answers{"", "not_owner", "not_owner"}},
		"remove of somebody revoked": {func(d *chaintest.Device) *chain.Entry { return r.RemoveEntry(d, ids(c.fired), nil) },
			answers{"", "", "not_owner"}},
		"role": {func(d *chaintest.Device) *chain.Entry { return r.RoleEntry(d, c.reader, bus.RoleMember) },
			answers{"", "not_owner", "not_owner"}},
		"policy": {func(d *chaintest.Device) *chain.Entry { return r.PolicyEntry(d, time.Hour, "new") },
			answers{"", "not_owner", "not_owner"}},
		"close": {r.CloseEntry, answers{"", "not_owner", "not_owner"}},
		"leave": {func(d *chaintest.Device) *chain.Entry { return r.LeaveEntry(d, nil) },
			answers{"last_owner", "", ""}},
	} {
		d := c.owner.Device()
		starts := roomlog.Pins(op.entry(d)) != nil
		as := func(change func(*chain.Entry)) *chain.Entry { return changed(op.entry(d), change, d.Content) }
		check(t, w, r,
			offer{name + " by the owner", op.entry(d), op.want.owner},
			offer{name + " by a member", op.entry(c.member.Device()), op.want.member},
			offer{name + " by a reader", op.entry(c.reader.Device()), op.want.reader},
			offer{name + " by an admin of the bus", op.entry(w.Founder.Device()), "not_member"},
			offer{name + " by somebody else", op.entry(c.outsider.Device()), "not_member"},
			offer{name + " by somebody removed", op.entry(c.removed.Device()), "not_member"},
			offer{name + " by somebody who left", op.entry(c.left.Device()), "not_member"},
			offer{name + " by somebody revoked", op.entry(c.fired.Device()), "not_member"},
			offer{name + " by a guest's account", op.entry(c.guestTaker.Device()), "not_member"},
			offer{name + " by a stranger", op.entry(w.Person("who").NewDevice("x")), "not_member"},
			offer{name + " by the owner's revoked device", op.entry(c.lostOwner), "not_member"},
			offer{name + " by a device of another", as(func(e *chain.Entry) { e.Actor = c.member.Device().ID() }), "not_member"},
			offer{name + " by a member in the owner's name", op.entry(d).Sign(identity.ContextRoom, c.member.Device().Content), "bad_signature"},
			offer{name + " by the owner's A", op.entry(d).Sign(identity.ContextRoom, c.owner.Key), "bad_signature"},
			offer{name + " with two signatures", op.entry(d).Sign(identity.ContextRoom, d.Content, d.Content), "bad_signature"},
			offer{name + " for an account chain", op.entry(d).Sign(identity.ContextAccount, d.Content), "bad_signature"},
			offer{name + " with a byte more", as(func(e *chain.Entry) { e.Body = append(e.Body[:len(e.Body):len(e.Body)], 0) }), "bad_entry"},
			offer{name + " on another bus", as(func(e *chain.Entry) { e.Bus[0]++ }), "bad_chain"},
			offer{name + " of another room", as(func(e *chain.Entry) { e.Chain[0]++ }), "bad_chain"},
			offer{name + " behind", as(func(e *chain.Entry) { e.Prev[0]++ }), "behind"},
			offer{name + " too old", as(func(e *chain.Entry) { e.Time = e.Time.Add(-bus.ChainSkew - time.Millisecond) }), "bad_time"},
			offer{name + " naming an older bus log", as(func(e *chain.Entry) { e.Seen = w.BusLog[1].Head().Ref() }), "behind"},
			offer{name + " naming an unknown bus log", as(func(e *chain.Entry) { e.Seen.Index++ }), "withheld"},
			offer{name + " naming another bus log", as(func(e *chain.Entry) { e.Seen.Hash[0]++ }), "forked"},
		)
		if code := map[bool]string{true: op.want.owner, false: "not_member"}[starts]; code != "last_owner" {
			check(t, w, r, offer{name + " by a device that the epoch does not know", op.entry(c.newOwner), code})
		}
	}
}

func TestNoSuchOp(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	d := w.Alice.Device()
	r := w.Room(d)
	check(t, w, r,
		offer{"create again", r.CreateEntry(d), "not_allowed"},
		offer{"an unknown op", r.Entry(d, 9, nil), "not_allowed"},
	)
	for op, want := range map[chain.Op]string{roomlog.OpCreate: "create", roomlog.OpLeave: "leave", 9: "unknown", 255: "unknown"} {
		if got := roomlog.OpName(op); got != want {
			t.Errorf("op %d is %q, want %q", op, got, want)
		}
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	d := w.Alice.Device()
	lost := w.Alice.AddDevice("lost")
	was := w.Alice.Head()
	lost.Revoke()
	w.Revoke(w.Bob)
	r := w.EmptyRoom()
	with := func(change func(*roomlog.Create)) *chain.Entry { return r.CreateEntry(d, change) }
	as := func(change func(*chain.Entry)) *chain.Entry { return changed(r.CreateEntry(d), change, d.Content) }
	check(t, w, r,
		offer{"a room", r.CreateEntry(d), ""},
		offer{"a cleartext room", with(func(c *roomlog.Create) { c.Suite = bus.SuiteClear }), ""},
		offer{"a room for ever", with(func(c *roomlog.Create) { c.Retention = 1<<32*time.Second - time.Second }), ""},
		offer{"an unknown suite", with(func(c *roomlog.Create) { c.Suite = 2 }), "bad_entry"},
		offer{"an unknown history", with(func(c *roomlog.Create) { c.History = 3 }), "bad_entry"},
		offer{"no history", with(func(c *roomlog.Create) { c.History = 0 }), "bad_entry"},
		offer{"no retention", with(func(c *roomlog.Create) { c.Retention = time.Millisecond }), "bad_entry"},
		offer{"an unknown flag", as(func(e *chain.Entry) { e.Body[1] |= 8 }), "bad_entry"},
		offer{"a byte more", as(func(e *chain.Entry) { e.Body = append(e.Body, 0) }), "bad_entry"},
		offer{"another op first", as(func(e *chain.Entry) { e.Op = roomlog.OpRekey }), "bad_entry"},
		offer{"by a revoked user", r.CreateEntry(w.Bob.Device()), "not_member"},
		offer{"by a revoked device", r.CreateEntry(lost), "not_member"},
		offer{"by a revoked device, backdated", r.CreateEntry(lost, func(c *roomlog.Create) { c.Owner = was }), ""},
		offer{"by a stranger", r.CreateEntry(w.Person("who").NewDevice("x")), "not_member"},
		offer{"for another", changed(r.CreateEntry(d), func(e *chain.Entry) { e.Account = w.Founder.ID() }, d.Content), "withheld"},
		offer{"with another's key", r.CreateEntry(d).Sign(identity.ContextRoom, w.Founder.Device().Content), "bad_signature"},
		offer{"for another context", r.CreateEntry(d).Sign(identity.ContextBus, d.Content), "bad_signature"},
		offer{"with a chain id", as(func(e *chain.Entry) { e.Chain[0]++ }), "bad_chain"},
		offer{"on no bus", as(func(e *chain.Entry) { e.Bus = bus.ID{} }), "bad_chain"},
		offer{"naming an unknown bus log", as(func(e *chain.Entry) { e.Seen.Index = 1000 }), "withheld"},
		offer{"naming the end of time", as(func(e *chain.Entry) { e.Seen.Index = 1<<32 - 1 }), "withheld"},
		offer{"naming another bus log", as(func(e *chain.Entry) { e.Seen.Hash[0]++ }), "forked"},
		offer{"naming an unknown account chain", with(func(c *roomlog.Create) { c.Owner.Index = 9 }), "withheld"},
		offer{"naming another account chain", with(func(c *roomlog.Create) { c.Owner.Hash[0]++ }), "forked"},
	)
	e := r.CreateEntry(d)
	r.Must(e)
	if r.State.ID != bus.RoomID(e.Hash().Prefix()) || r.State.Chain != chain.ID(r.State.ID) || roleOf(r, w.Alice) != bus.RoleOwner ||
		r.State.Epoch != nil || r.State.Retention != bus.DefaultRetention {
		t.Errorf("state %+v", r.State)
	}
	check(t, w, r,
		offer{"a policy before the first epoch", r.PolicyEntry(d, time.Hour, "x"), "not_allowed"},
		offer{"an add before the first epoch", r.AddEntry(d, members(bus.RoleMember, w.Founder), nil), "not_allowed"},
		offer{"a close before the first epoch", r.CloseEntry(d), "not_allowed"},
	)
	r.Must(r.Rekey(d, roomlog.ReasonAsked))
}

func TestClosed(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	r, d := c.r, c.owner.Device()
	r.Must(r.CloseEntry(d))
	if !r.State.Closed {
		t.Fatal("not closed")
	}
	check(t, c.World, r,
		offer{"rekey", r.Rekey(d, roomlog.ReasonAsked), "not_allowed"},
		offer{"add", r.AddEntry(d, members(bus.RoleMember, c.outsider), nil), "not_allowed"},
		offer{"remove", r.RemoveEntry(d, ids(c.member), nil), "not_allowed"},
		offer{"accept", r.AcceptEntry(c.guestTaker.Device(), c.guest), "not_allowed"},
		offer{"role", r.RoleEntry(d, c.member, bus.RoleReader), "not_allowed"},
		offer{"policy", r.PolicyEntry(d, time.Hour, "x"), "not_allowed"},
		offer{"close", r.CloseEntry(d), "not_allowed"},
		offer{"leave", r.LeaveEntry(c.member.Device(), nil), "not_allowed"},
	)
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	d := w.Alice.Device()
	r := w.Room(d)
	r.Must(r.Rekey(d, roomlog.ReasonAsked))
	r.Must(r.PolicyEntry(d, time.Hour, "other"))
	if s := r.State; s.Retention != time.Hour || string(s.Name) != "other" || s.NameEpoch != 2 || s.Create.Retention != bus.DefaultRetention {
		t.Errorf("got %v, %q under epoch %d", s.Retention, s.Name, s.NameEpoch)
	}
	check(t, w, r,
		offer{"no retention", r.PolicyEntry(d, 0, "x"), "bad_entry"},
		offer{"a name of 128 bytes", r.PolicyEntry(d, time.Hour, string(make([]byte, 128))), ""},
		offer{"a name of 129 bytes", r.PolicyEntry(d, time.Hour, string(make([]byte, 129))), "bad_entry"},
		offer{"an epoch's name of 129 bytes", r.Rekey(d, roomlog.ReasonAsked, func(st *roomlog.Start) { st.Name = make([]byte, 129) }), "not_allowed"},
	)
}

// TestSeenStays replays a log whose entries name older and older facts: each
// entry counts as of what it names, and no entry goes back.
func TestSeenStays(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	d := w.Alice.Device()
	r := w.Room(d)
	r.Add(d, bus.RoleMember, w.Bob)
	before := w.Bus().Head().Ref()
	w.Revoke(w.Bob)
	policy := func(seen bus.Ref) *chain.Entry {
		return changed(r.PolicyEntry(d, time.Hour, "x"), func(e *chain.Entry) { e.Seen = seen }, d.Content)
	}
	leave := changed(r.LeaveEntry(w.Bob.Device(), nil), func(e *chain.Entry) { e.Seen = before }, w.Bob.Device().Content)
	check(t, w, r, offer{"by somebody revoked later than he has seen", leave, ""})
	late := w.User("late")
	inv := w.Invite("carol", time.Hour)
	guest := changed(r.AddEntry(d, nil, guests(bus.RoleMember, inv)), func(e *chain.Entry) { e.Seen = before }, d.Content)
	early := changed(r.AddEntry(d, members(bus.RoleMember, late), nil), func(e *chain.Entry) { e.Seen = before }, d.Content)
	room := w.EmptyRoom()
	check(t, w, r,
		offer{"an add of somebody admitted later", early, "not_allowed"},
		offer{"an add of a guest invited later", guest, "not_allowed"},
	)
	check(t, w, room, offer{"a room by somebody admitted later", changed(room.CreateEntry(late.Device()),
		func(e *chain.Entry) { e.Seen = before }, late.Device().Content), "not_member"})
	r.Must(policy(before))
	r.Must(policy(w.Bus().Head().Ref()))
	check(t, w, r, offer{"back to before the revocation", policy(before), "behind"})
}

// TestReplayWithNewerFacts does in one room all that later facts could undo.
// When the test ends, chaintest replays it with the facts of the end.
func TestReplayWithNewerFacts(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	w, r, d := c.World, c.r, c.owner.Device()
	second := w.User("second")
	r.Add(d, bus.RoleOwner, second)
	r.Must(r.AcceptEntry(c.guestTaker.Device(), c.guest))
	r.Must(r.RemoveEntry(d, ids(c.member), nil))
	late := w.Invite("late", time.Hour)
	r.Guest(second.Device(), bus.RoleReader, late)
	r.Must(r.LeaveEntry(d, c.guestTaker))
	r.Must(r.RoleEntry(second.Device(), c.reader, bus.RoleMember))
	w.Pass(2 * time.Hour) // the guest expires
	r.Must(r.Rekey(c.reader.Device(), roomlog.ReasonLeft))
	if len(r.State.Guests()) != 0 {
		t.Error("an expired guest is in the new epoch")
	}
	for _, p := range []*chaintest.Person{second, c.guestTaker, c.reader, c.owner, c.member} {
		p.Device().Renew()
		p.Device().Revoke()
		w.Revoke(p)
	}
	w.Pass(100 * 24 * time.Hour)
}
