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

func TestAdd(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	alice, bob := w.Alice, w.Bob
	d := alice.Device()
	r := w.Room(d)
	inv, ended, expired := w.Invite("carol", time.Hour), w.Invite("dave", time.Hour), w.Invite("erin", time.Minute)
	taken := w.Invite("frank", time.Hour)
	fired, bare := w.User("fired"), w.Bare("bare")
	frank := w.Join(taken)
	w.EndInvite(ended)
	w.Revoke(fired)
	w.Pass(2 * time.Minute)
	add := func(m []roomlog.NewMember, g []roomlog.NewGuest, tweaks ...chaintest.Tweak) *chain.Entry {
		return r.AddEntry(d, m, g, tweaks...)
	}
	unknown := &chaintest.Invited{}
	check(t, w, r,
		offer{"a member", add(members(bus.RoleMember, bob), nil), ""},
		offer{"a reader and an owner", add(append(members(bus.RoleReader, bob), members(bus.RoleOwner, frank)...), nil), ""},
		offer{"a member and a guest", add(members(bus.RoleMember, bob), guests(bus.RoleMember, inv)), ""},
		offer{"nobody", add(nil, nil), "bad_entry"},
		offer{"no role", add(members(0, bob), nil), "not_allowed"},
		offer{"an unknown role", add(members(4, bob), nil), "not_allowed"},
		offer{"somebody who is in", add(members(bus.RoleMember, alice), nil), "not_allowed"},
		offer{"somebody twice", add(members(bus.RoleMember, bob, bob), nil), "not_allowed"},
		offer{"somebody with two roles", add(append(members(bus.RoleReader, bob), members(bus.RoleOwner, bob)...), nil), "not_allowed"},
		offer{"somebody revoked", add(members(bus.RoleMember, fired), nil), "not_allowed"},
		offer{"a stranger", add(members(bus.RoleMember, w.Person("who")), nil), "not_allowed"},
		offer{"a guest without a role", add(nil, guests(0, inv)), "not_allowed"},
		offer{"a guest twice", add(nil, guests(bus.RoleMember, inv, inv)), "not_allowed"},
		offer{"a guest by a revoked invite", add(nil, guests(bus.RoleMember, ended)), "not_allowed"},
		offer{"a guest by an expired invite", add(nil, guests(bus.RoleMember, expired)), "not_allowed"},
		offer{"a guest by an invite that was taken up", add(nil, guests(bus.RoleMember, taken)), "not_allowed"},
		offer{"a guest by no invite", add(nil, guests(bus.RoleMember, unknown)), "not_allowed"},
	)
	if _, _, err := r.State.Draft(w, roomlog.Change{Add: []roomlog.Member{{Account: bare.ID()}}}, w.Now); bus.CodeOf(err) != "not_joined" {
		t.Errorf("drafting for somebody without a device: got %v, want not_joined", err)
	}

	since := r.State.Len
	r.Must(add(members(bus.RoleReader, bob), guests(bus.RoleMember, inv)))
	if m, ok := r.State.Member(bob.ID()); !ok || m.Role != bus.RoleReader || m.Since != since || m.Pin != bob.Head() || !m.Time.Equal(w.Now) {
		t.Errorf("bob is %+v", m)
	}
	if g, ok := r.State.Guest(inv.ID); !ok || g.Role != bus.RoleMember || g.Since != since {
		t.Errorf("the guest is %+v", g)
	}
	if !r.Has(bob.Device().ID()) || !r.Has(inv.Endpoint()) || !r.Has(d.ID()) || len(r.State.Epoch.Audience) != 3 {
		t.Errorf("the audience is %+v", r.State.Epoch.Audience)
	}
	check(t, w, r, offer{"a guest who is in", add(nil, guests(bus.RoleMember, inv)), "not_allowed"})
}

// TestAddBare adds somebody whose chain is empty: nothing could be sealed to
// him, and once it is not the log would read differently.
func TestAddBare(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	d := w.Alice.Device()
	r := w.Room(d)
	bare := w.Bare("bare")
	st := r.Start(roomlog.Change{})
	entry := func(st roomlog.Start) *chain.Entry {
		return r.Entry(d, roomlog.OpAdd, roomlog.Add{Members: members(bus.RoleMember, bare), Start: st}.Encode())
	}
	check(t, w, r, offer{"left out of the pins", entry(st), "not_allowed"})
	st.Members = append(st.Members, roomlog.Pin{Account: bare.ID()})
	if a, b := st.Members[0].Account, st.Members[1].Account; string(a[:]) > string(b[:]) {
		st.Members[0], st.Members[1] = st.Members[1], st.Members[0]
	}
	check(t, w, r, offer{"pinned at nothing", entry(st), "withheld"})
	w.Arrive(bare)
	check(t, w, r, offer{"pinned elsewhere", entry(st), "forked"})
	r.Add(d, bus.RoleMember, bare)
}

func TestRemove(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	w, r, d := c.World, c.r, c.owner.Device()
	remove := func(by *chaintest.Device, people []bus.AccountID, gone ...bus.InviteID) *chain.Entry {
		return r.RemoveEntry(by, people, gone)
	}
	check(t, w, r,
		offer{"a member", remove(d, ids(c.member)), ""},
		offer{"everybody else", remove(d, ids(c.member, c.reader, c.fired), c.guest.ID), ""},
		offer{"nobody", remove(d, nil), "bad_entry"},
		offer{"oneself", remove(d, ids(c.owner)), "not_member"},
		offer{"somebody who is not in", remove(d, ids(c.outsider)), "not_allowed"},
		offer{"somebody who left", remove(d, ids(c.left)), "not_allowed"},
		offer{"somebody twice", remove(d, ids(c.member, c.member)), "not_allowed"},
		offer{"a guest twice", remove(d, nil, c.guest.ID, c.guest.ID), "not_allowed"},
		offer{"a guest who is none", remove(d, nil, bus.InviteID{1}), "not_allowed"},
		offer{"a member by a member", remove(c.member.Device(), ids(c.reader)), "not_owner"},
		offer{"a guest by a member", remove(c.member.Device(), nil, c.guest.ID), "not_owner"},
		offer{"somebody revoked by a member", remove(c.member.Device(), ids(c.fired)), ""},
		offer{"somebody revoked and a reader by a member", remove(c.member.Device(), ids(c.fired, c.reader)), "not_owner"},
		offer{"somebody revoked and himself by a member", remove(c.member.Device(), ids(c.fired, c.member)), "not_member"},
		offer{"somebody revoked by a reader", remove(c.reader.Device(), ids(c.fired)), "not_owner"},
	)
	stay := remove(d, ids(c.member))
	st := r.Start(roomlog.Change{})
	stay.Body = roomlog.Remove{Members: ids(c.member), Start: st}.Encode()
	check(t, w, r, offer{"a member who stays in the epoch", stay.Sign(identity.ContextRoom, d.Content), "not_allowed"})
	self := changed(remove(d, ids(c.member)), func(e *chain.Entry) {
		e.Body = roomlog.Remove{Members: ids(c.owner), Start: st}.Encode()
	}, d.Content)
	check(t, w, r, offer{"oneself, who stays in the epoch", self, "not_allowed"})

	r.Must(remove(d, ids(c.member)))
	if roleOf(r, c.member) != 0 || r.Has(c.member.Device().ID()) || roleOf(r, c.fired) != 0 {
		t.Error("somebody removed or revoked is in the new epoch")
	}
	w.Pass(2 * time.Hour)
	check(t, w, r, offer{"an expired guest by the owner", remove(d, nil, c.guest.ID), ""})
}

// TestRemoveExpiredGuest lets any member remove a guest whose invite ended.
func TestRemoveExpiredGuest(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*chaintest.World, *chaintest.Invited){
		"expired": func(w *chaintest.World, _ *chaintest.Invited) { w.Pass(2 * time.Hour) },
		"revoked": func(w *chaintest.World, inv *chaintest.Invited) { w.EndInvite(inv) },
		"taken up by somebody revoked": func(w *chaintest.World, inv *chaintest.Invited) {
			w.Revoke(w.Join(inv))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := chaintest.New(t)
			r := w.Room(w.Alice.Device())
			r.Add(w.Alice.Device(), bus.RoleMember, w.Bob)
			inv := w.Invite("carol", time.Hour)
			r.Guest(w.Alice.Device(), bus.RoleMember, inv)
			remove := func() *chain.Entry { return r.RemoveEntry(w.Bob.Device(), nil, []bus.InviteID{inv.ID}) }
			check(t, w, r, offer{"an open guest", remove(), "not_owner"})
			end(w, inv)
			r.Must(remove())
			if _, in := r.State.Guest(inv.ID); in || r.Has(inv.Endpoint()) {
				t.Error("the guest is still in")
			}
		})
	}
}

func TestAccept(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	d := w.Alice.Device()
	r := w.Room(d)
	inv, other := w.Invite("carol", time.Hour), w.Invite("dave", time.Hour)
	early := w.Bus().Head().Ref()
	r.Guest(d, bus.RoleMember, inv)
	check(t, w, r, offer{"before the bus log's accept", r.AcceptEntry(w.Bob.Device(), inv), "not_member"})
	carol, dave := w.Join(inv), w.Join(other)
	cd := carol.Device()
	accept := func(change func(*chain.Entry), keys ...identity.SigningKey) *chain.Entry {
		return changed(r.AcceptEntry(cd, inv), change, keys...)
	}
	same := func(*chain.Entry) {}
	both := []identity.SigningKey{inv.Keys.Content, cd.Content}
	check(t, w, r,
		offer{"as invited", r.AcceptEntry(cd, inv), ""},
		offer{"by the device alone", accept(same, cd.Content), "bad_signature"},
		offer{"by the one-time key alone", accept(same, inv.Keys.Content), "bad_signature"},
		offer{"in the other order", accept(same, cd.Content, inv.Keys.Content), "bad_signature"},
		offer{"by another invite's key", accept(same, other.Keys.Content, cd.Content), "bad_signature"},
		offer{"by A", accept(same, inv.Keys.Content, carol.Key), "bad_signature"},
		offer{"for another context", r.AcceptEntry(cd, inv).Sign(identity.ContextBus, both...), "bad_signature"},
		offer{"by another user with the link", r.AcceptEntry(dave.Device(), inv), "not_member"},
		offer{"by a member with the link", r.AcceptEntry(d, inv), "not_member"},
		offer{"by another's device", accept(func(e *chain.Entry) { e.Actor = dave.Device().ID() }, inv.Keys.Content, dave.Device().Content), "not_member"},
		offer{"of a guest who is none", r.AcceptEntry(dave.Device(), other), "not_member"},
		offer{"as of before the bus log's accept", accept(func(e *chain.Entry) { e.Seen = early }, both...), "not_member"},
		offer{"without oneself", accept(func(e *chain.Entry) {
			e.Body = roomlog.Accept{Invite: inv.ID, Start: r.Start(roomlog.Change{Uninvite: []bus.InviteID{inv.ID}})}.Encode()
		}, both...), "not_member"},
		offer{"keeping the guest", accept(func(e *chain.Entry) {
			e.Body = roomlog.Accept{Invite: inv.ID, Start: r.Start(roomlog.Change{Add: []roomlog.Member{{Account: carol.ID(), Role: bus.RoleMember}}},
				func(st *roomlog.Start) { st.Guests = []bus.InviteID{inv.ID}; st.Endpoints++ })}.Encode()
		}, both...), "not_allowed"},
	)
	r.Must(r.AcceptEntry(cd, inv))
	if _, in := r.State.Guest(inv.ID); in || roleOf(r, carol) != bus.RoleMember || r.Has(inv.Endpoint()) || !r.Has(cd.ID()) {
		t.Error("carol did not take the guest's place")
	}
	check(t, w, r,
		offer{"twice", r.AcceptEntry(cd, inv), "not_member"},
		offer{"the guest added again", r.AddEntry(d, nil, guests(bus.RoleMember, inv)), "not_allowed"},
	)
	r.Remove(d, carol)
	check(t, w, r, offer{"after being removed", r.AcceptEntry(cd, inv), "not_member"})
}

func TestAcceptTooLate(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	r := w.Room(w.Alice.Device())
	inv, fired := w.Invite("carol", time.Hour), w.Invite("dave", time.Hour)
	r.Guest(w.Alice.Device(), bus.RoleMember, inv)
	r.Guest(w.Alice.Device(), bus.RoleMember, fired)
	carol, dave := w.Join(inv), w.Join(fired)
	w.Revoke(dave)
	check(t, w, r, offer{"by somebody revoked", r.AcceptEntry(dave.Device(), fired), "not_member"})
	w.Pass(time.Hour)
	check(t, w, r, offer{"at the last moment", r.AcceptEntry(carol.Device(), inv), ""})
	w.Pass(time.Millisecond)
	check(t, w, r, offer{"a moment too late", r.AcceptEntry(carol.Device(), inv), "not_member"})
}

// TestGuestGoesWithItsMember adds the account that took a guest's invite up:
// were the guest left, a removed member would keep its key.
func TestGuestGoesWithItsMember(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	d := w.Alice.Device()
	r := w.Room(d)
	inv := w.Invite("carol", time.Hour)
	r.Guest(d, bus.RoleOwner, inv)
	carol := w.Join(inv)
	r.Add(d, bus.RoleReader, carol)
	if _, in := r.State.Guest(inv.ID); in || r.Has(inv.Endpoint()) {
		t.Error("the guest is still in")
	}
	check(t, w, r, offer{"a reader becomes owner by an old link", r.AcceptEntry(carol.Device(), inv), "not_member"})
	r.Remove(d, carol)
	check(t, w, r, offer{"somebody removed comes back by an old link", r.AcceptEntry(carol.Device(), inv), "not_member"})
}

func TestRole(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	w, r, d := c.World, c.r, c.owner.Device()
	check(t, w, r,
		offer{"a member to owner", r.RoleEntry(d, c.member, bus.RoleOwner), ""},
		offer{"a member to reader", r.RoleEntry(d, c.member, bus.RoleReader), ""},
		offer{"a member to nothing", r.RoleEntry(d, c.member, 0), "bad_entry"},
		offer{"a member to something unknown", r.RoleEntry(d, c.member, 4), "bad_entry"},
		offer{"somebody who is not in", r.RoleEntry(d, c.outsider, bus.RoleMember), "no_member"},
		offer{"the last owner to member", r.RoleEntry(d, c.owner, bus.RoleMember), "last_owner"},
		offer{"the last owner to owner", r.RoleEntry(d, c.owner, bus.RoleOwner), ""},
	)
	r.Must(r.RoleEntry(d, c.member, bus.RoleOwner))
	if roleOf(r, c.member) != bus.RoleOwner || r.State.Owners() != 2 {
		t.Error("there are no two owners")
	}
	r.Must(r.RoleEntry(c.member.Device(), c.owner, bus.RoleReader))
	check(t, w, r, offer{"by the former owner", r.RoleEntry(d, c.owner, bus.RoleOwner), "not_owner"})
}

func TestLeave(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	w, r, d := c.World, c.r, c.owner.Device()
	check(t, w, r,
		offer{"the last owner without an heir", r.LeaveEntry(d, nil), "last_owner"},
		offer{"the last owner with himself as heir", r.LeaveEntry(d, c.owner), "not_allowed"},
		offer{"with an heir who is not in", r.LeaveEntry(d, c.outsider), "not_allowed"},
		offer{"with an heir who was revoked", r.LeaveEntry(d, c.fired), "not_allowed"},
		offer{"with a reader as heir", r.LeaveEntry(d, c.reader), ""},
		offer{"a member with an heir", r.LeaveEntry(c.member.Device(), c.reader), "not_allowed"},
		offer{"a member", r.LeaveEntry(c.member.Device(), nil), ""},
		offer{"a reader", r.LeaveEntry(c.reader.Device(), nil), ""},
	)
	epoch := r.State.Epoch
	r.Must(r.LeaveEntry(d, c.reader))
	if roleOf(r, c.owner) != 0 || roleOf(r, c.reader) != bus.RoleOwner || r.State.Epoch != epoch {
		t.Error("the heir is no owner, or an epoch began")
	}
	if got, ok := r.State.Left[c.owner.ID()]; !ok || got.Index != r.State.Len-1 || len(r.State.Left) != 2 {
		t.Errorf("who left: %+v", r.State.Left)
	}
	check(t, w, r, offer{"twice", r.LeaveEntry(d, nil), "not_member"})
	r.Must(r.Rekey(c.member.Device(), roomlog.ReasonLeft))
	if len(r.State.Left) != 0 || r.Has(d.ID()) {
		t.Error("somebody who left is in the new epoch")
	}
	check(t, w, r, offer{"a rekey for nobody who left", r.Rekey(c.member.Device(), roomlog.ReasonLeft), "not_due"})
}

// TestLeaveIsNotAReturn names oneself as heir where another owner remains.
func TestLeaveIsNotAReturn(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	r := w.Room(w.Alice.Device())
	r.Add(w.Alice.Device(), bus.RoleOwner, w.Bob)
	check(t, w, r,
		offer{"to oneself", r.LeaveEntry(w.Alice.Device(), w.Alice), "not_allowed"},
		offer{"to nobody", r.LeaveEntry(w.Alice.Device(), nil), ""},
		offer{"to the other owner", r.LeaveEntry(w.Alice.Device(), w.Bob), ""},
	)
}

// TestCrown revokes the last owner: whoever has been in longest is owner.
func TestCrown(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		roles []bus.RoomRole // of those who were added one after the other
		want  int
	}{
		"the older member":        {[]bus.RoomRole{bus.RoleMember, bus.RoleMember}, 0},
		"a member before readers": {[]bus.RoomRole{bus.RoleReader, bus.RoleMember}, 1},
		"the older reader":        {[]bus.RoomRole{bus.RoleReader, bus.RoleReader}, 0},
		"the other owner":         {[]bus.RoomRole{bus.RoleMember, bus.RoleOwner}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := chaintest.New(t)
			r := w.Room(w.Alice.Device())
			var people []*chaintest.Person
			for i, role := range tc.roles {
				p := w.User(bus.Handle('a' + rune(i)))
				people = append(people, p)
				r.Add(w.Alice.Device(), role, p)
			}
			w.Revoke(w.Alice)
			heir, other := people[tc.want], people[1-tc.want]
			if tc.roles[1-tc.want] == bus.RoleReader {
				check(t, w, r, offer{"by the other", r.RemoveEntry(other.Device(), ids(w.Alice), nil), "not_owner"})
			}
			check(t, w, r,
				offer{"a removal of the other too", r.RemoveEntry(heir.Device(), ids(w.Alice, other), nil), ""},
				offer{"an addition", r.AddEntry(heir.Device(), members(bus.RoleMember, w.Bob), nil), ""},
				offer{"a role before the new epoch", r.RoleEntry(heir.Device(), other, bus.RoleReader), map[bool]string{true: "", false: "not_owner"}[tc.roles[tc.want] == bus.RoleOwner]},
			)
			r.Must(r.RemoveEntry(heir.Device(), ids(w.Alice), nil))
			if roleOf(r, heir) != bus.RoleOwner || roleOf(r, other) != tc.roles[1-tc.want] || r.State.Owners() != 1 {
				t.Errorf("roles are %v and %v", roleOf(r, heir), roleOf(r, other))
			}
		})
	}
}

// TestDirect holds a room of two to two.
func TestDirect(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	d := w.Alice.Device()
	r := w.Room(d, func(c *roomlog.Create) { c.Direct = true })
	inv := w.Invite("carol", time.Hour)
	check(t, w, r, offer{"two at once", r.AddEntry(d, members(bus.RoleMember, w.Bob), guests(bus.RoleMember, inv)), "room_full"})
	r.Add(d, bus.RoleOwner, w.Bob)
	check(t, w, r,
		offer{"a third", r.AddEntry(d, members(bus.RoleMember, w.Founder), nil), "room_full"},
		offer{"a third as guest", r.AddEntry(d, nil, guests(bus.RoleMember, inv)), "room_full"},
		offer{"the same two", r.Rekey(w.Bob.Device(), roomlog.ReasonAsked), ""},
	)
}
