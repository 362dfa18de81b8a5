package buslog_test

import (
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/chaintest"
	"unibus/internal/identity"
)

// offer is an entry that the rules must answer with code; "" is yes.
type offer struct {
	name string
	e    *chain.Entry
	code string
}

// check offers entries without taking them, so that all see the same state.
func check(t *testing.T, w *chaintest.World, offers []offer) {
	t.Helper()
	for _, o := range offers {
		_, err := w.Bus().Check(o.e, w)
		got := ""
		if err != nil {
			got = bus.CodeOf(err)
		}
		if got != o.code {
			t.Errorf("%s: got %q (%v), want %q", o.name, got, err, o.code)
		}
	}
}

// changed is an entry with something else in it, signed again.
func changed(e *chain.Entry, change func(*chain.Entry), keys ...identity.SigningKey) *chain.Entry {
	change(e)
	return e.Sign(identity.ContextBus, keys...)
}

func role(p *chaintest.Person, r bus.UserRole) []byte {
	return buslog.Role{Handle: p.Handle, Role: r}.Encode()
}

// TestWhoMay offers every operation of an admin by everybody who is none.
func TestWhoMay(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	second, demoted, fired, left := w.User("second"), w.User("demoted"), w.User("fired"), w.User("left")
	for _, p := range []*chaintest.Person{second, demoted, fired} {
		w.Promote(p)
	}
	w.MustBus(w.BusEntry(w.Founder.Device(), buslog.OpRole, role(demoted, bus.RoleUser), w.Org))
	w.Revoke(fired)
	w.Revoke(left)
	before := second.AddDevice("lost")
	lostAt := second.Head()
	before.Revoke()
	open := w.Invite("open", time.Hour)
	w.MustBus(w.BusEntry(w.Founder.Device(), buslog.OpNodeAdd, buslog.Node{Name: "n1"}.Encode()))

	ops := map[string]struct {
		op   chain.Op
		body []byte
	}{
		"invite":        {buslog.OpInvite, w.NewInvite("new", time.Hour).Encode()},
		"invite revoke": {buslog.OpInviteRevoke, open.ID[:]},
		"user":          {buslog.OpUser, buslog.User{Handle: "new", Key: w.SigningKey().Public()}.Encode()},
		"promotion":     {buslog.OpRole, role(w.Bob, bus.RoleAdmin)},
		"revoke":        {buslog.OpRevoke, buslog.Revoke{Handle: "bob"}.Encode()},
		"node add":      {buslog.OpNodeAdd, buslog.Node{Name: "n2", SPKI: bus.Hash{2}}.Encode()},
		"node remove":   {buslog.OpNodeRemove, buslog.NameBody("n1")},
	}
	for name, o := range ops {
		by := func(d *chaintest.Device) *chain.Entry { return w.BusEntry(d, o.op, o.body) }
		as := func(d *chaintest.Device, change func(*chain.Entry)) *chain.Entry {
			return changed(by(d), change, d.Content)
		}
		boss := w.Founder.Device()
		check(t, w, []offer{
			{name + " by the founder", by(boss), ""},
			{name + " by another admin", by(second.Device()), ""},
			{name + " by an admin's lost device that nobody knows of", w.BusEntryAt(before, lostAt, o.op, o.body), ""},
			{name + " by an admin's revoked device", by(before), "not_allowed"},
			{name + " by a device that is not listed", by(second.NewDevice("x")), "not_allowed"},
			{name + " by a user", by(w.Bob.Device()), "not_allowed"},
			{name + " by a demoted admin", by(demoted.Device()), "not_allowed"},
			{name + " by a revoked admin", by(fired.Device()), "not_allowed"},
			{name + " by a revoked user", by(left.Device()), "not_allowed"},
			{name + " by a stranger", by(w.Person("who").NewDevice("x")), "not_allowed"},
			{name + " by a user in an admin's name", as(w.Bob.Device(), func(e *chain.Entry) { e.Account = w.Founder.ID() }), "not_allowed"},
			{name + " by a user in an admin's device's name", as(w.Bob.Device(), func(e *chain.Entry) {
				e.Account, e.Actor, e.Seen = w.Founder.ID(), boss.ID(), w.Founder.Head()
			}), "bad_signature"},
			{name + " by an admin's A", by(boss).Sign(identity.ContextBus, w.Founder.Key), "bad_signature"},
			{name + " by O", by(boss).Sign(identity.ContextBus, w.Org), "bad_signature"},
			{name + " with a signature too many", by(boss).Sign(identity.ContextBus, boss.Content, w.Org), "bad_signature"},
			{name + " of a room", by(boss).Sign(identity.ContextRoom, boss.Content), "bad_signature"},
			{name + " with an unknown position", as(boss, func(e *chain.Entry) { e.Seen.Index++ }), "not_allowed"},
			{name + " with a wrong position", as(boss, func(e *chain.Entry) { e.Seen.Hash[0]++ }), "not_allowed"},
			{name + " with a byte more", as(boss, func(e *chain.Entry) { e.Body = append(e.Body[:len(e.Body):len(e.Body)], 0) }), "bad_entry"},
			{name + " with a byte less", as(boss, func(e *chain.Entry) { e.Body = e.Body[:len(e.Body)-1] }), "bad_entry"},
			{name + " without a body", as(boss, func(e *chain.Entry) { e.Body = nil }), "bad_entry"},
			{name + " on another bus", as(boss, func(e *chain.Entry) { e.Bus[0]++ }), "bad_chain"},
			{name + " behind", as(boss, func(e *chain.Entry) { e.Prev[0]++ }), "behind"},
		})
	}

	// From the first entry on that names the revocation, the lost device is out.
	w.MustBus(w.BusEntry(second.Device(), buslog.OpNodeAdd, buslog.Node{Name: "n1"}.Encode()))
	for name, o := range ops {
		check(t, w, []offer{{name + " backdated by a lost device", w.BusEntryAt(before, lostAt, o.op, o.body), "behind"}})
	}
}

func TestOps(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	boss := w.Founder.Device()
	by := func(op chain.Op, body []byte) *chain.Entry { return w.BusEntry(boss, op, body) }
	check(t, w, []offer{
		{"a second genesis", w.Genesis(w.Founder, boss), "bad_chain"},
		{"genesis as an op", by(buslog.OpGenesis, w.BusLog[0].Body), "not_allowed"},
		{"an unknown op", by(99, nil), "not_allowed"},
		{"a user whose handle is taken", by(buslog.OpUser, buslog.User{Handle: "bob", Key: w.SigningKey().Public()}.Encode()), "user_exists"},
		{"a user whose key is taken", by(buslog.OpUser, buslog.User{Handle: "new", Key: w.Bob.Key.Public()}.Encode()), "key_used"},
		{"a user in capitals", by(buslog.OpUser, append([]byte{3, 'B', 'o', 'b'}, make([]byte, 32)...)), "bad_entry"},
		{"a user with an @", by(buslog.OpUser, append([]byte{4, '@', 'b', 'o', 'b'}, make([]byte, 32)...)), "bad_entry"},
		{"a role for nobody", by(buslog.OpRole, buslog.Role{Handle: "who", Role: bus.RoleAdmin}.Encode()), "no_user"},
		{"no role", by(buslog.OpRole, role(w.Bob, 0)), "bad_entry"},
		{"an unknown role", by(buslog.OpRole, role(w.Bob, 3)), "bad_entry"},
		{"a revocation of nobody", by(buslog.OpRevoke, buslog.Revoke{Handle: "who"}.Encode()), "no_user"},
		{"an end of no invite", by(buslog.OpInviteRevoke, make([]byte, 16)), "invite_used"},
		{"a removal of no node", by(buslog.OpNodeRemove, buslog.NameBody("n9")), "no_node"},
		{"a node without a name", by(buslog.OpNodeAdd, buslog.Node{}.Encode()), "bad_entry"},
		{"a node with a long name", by(buslog.OpNodeAdd, buslog.Node{Name: string(make([]byte, 33))}.Encode()), "bad_entry"},
		{"a node with an unknown floor", by(buslog.OpNodeAdd, buslog.Node{Name: "n1", Floor: 8}.Encode()), "bad_entry"},
	})
}

func TestUsers(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	boss, bob := w.Founder.Device(), w.Bob
	u := w.Bus().User("bob")
	if u == nil || u != w.Bus().Account(bob.ID()) || u.Role != bus.RoleUser || !u.Active() || u.Key != bob.Key.Public() {
		t.Fatalf("got %+v", u)
	}
	w.Revoke(bob)
	if !u.Active() {
		t.Error("an account that was handed out changed")
	}
	if now := w.Bus().User("bob"); now.Active() || now.RevokedAt != w.Bus().Len-1 {
		t.Errorf("got %+v", now)
	}
	check(t, w, []offer{
		{"revoked twice", w.BusEntry(boss, buslog.OpRevoke, buslog.Revoke{Handle: "bob"}.Encode()), "no_user"},
		{"promoted after it", w.BusEntry(boss, buslog.OpRole, role(bob, bus.RoleAdmin)), "no_user"},
		{"his handle for another key", w.BusEntry(boss, buslog.OpUser, buslog.User{Handle: "bob", Key: w.SigningKey().Public()}.Encode()), "user_exists"},
		{"his handle for an invite", w.BusEntry(boss, buslog.OpInvite, w.NewInvite("bob", time.Hour).Encode()), "user_exists"},
		{"his key under another handle", w.BusEntry(boss, buslog.OpUser, buslog.User{Handle: "bob2", Key: bob.Key.Public()}.Encode()), "key_used"},
	})
	var names []bus.Handle
	for _, u := range w.Bus().Users() {
		names = append(names, u.Handle)
	}
	if want := []bus.Handle{"admin", "alice", "bob"}; len(names) != 3 || names[0] != want[0] || names[1] != want[1] || names[2] != want[2] {
		t.Errorf("users are %v, want %v", names, want)
	}
}

// TestAgainstAdmins needs O, and leaves one admin.
func TestAgainstAdmins(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	boss, alice, bob := w.Founder, w.Alice, w.Bob
	by := func(p *chaintest.Person, op chain.Op, body []byte, more ...identity.SigningKey) *chain.Entry {
		return w.BusEntry(p.Device(), op, body, more...)
	}
	check(t, w, []offer{
		{"the last admin revokes himself", by(boss, buslog.OpRevoke, buslog.Revoke{Handle: "admin"}.Encode(), w.Org), "last_admin"},
		{"the last admin steps down", by(boss, buslog.OpRole, role(boss, bus.RoleUser), w.Org), "last_admin"},
	})
	w.Promote(alice)
	was := w.Bus().Head().Ref()
	check(t, w, []offer{
		{"an admin revoked without O", by(boss, buslog.OpRevoke, buslog.Revoke{Handle: "alice"}.Encode()), "bad_signature"},
		{"an admin demoted without O", by(boss, buslog.OpRole, role(alice, bus.RoleUser)), "bad_signature"},
		{"by O alone", by(boss, buslog.OpRevoke, buslog.Revoke{Handle: "alice"}.Encode()).Sign(identity.ContextBus, w.Org), "bad_signature"},
		{"by O first", by(boss, buslog.OpRevoke, buslog.Revoke{Handle: "alice"}.Encode()).Sign(identity.ContextBus, w.Org, boss.Device().Content), "bad_signature"},
		{"by a user with O", by(bob, buslog.OpRevoke, buslog.Revoke{Handle: "alice"}.Encode(), w.Org), "not_allowed"},
		{"by the other admin and O", by(boss, buslog.OpRevoke, buslog.Revoke{Handle: "alice"}.Encode(), w.Org), ""},
		{"by himself and O", by(alice, buslog.OpRevoke, buslog.Revoke{Handle: "alice"}.Encode(), w.Org), ""},
	})
	w.MustBus(by(boss, buslog.OpRole, role(alice, bus.RoleUser), w.Org))
	now := w.Bus().Head().Ref()
	s := w.Bus()
	if s.IsAdmin(alice.ID()) || !s.IsAdmin(boss.ID()) || !s.HasAdmin() {
		t.Error("who is admin now is wrong")
	}
	for name, tc := range map[string]struct {
		at   bus.Ref
		p    *chaintest.Person
		want bool
	}{
		"alice when she was": {was, alice, true}, "alice now": {now, alice, false}, "bob": {was, bob, false},
		"the founder": {was, boss, true}, "the founder in the future": {bus.Ref{Index: 99}, boss, false},
		"the founder elsewhere": {bus.Ref{Index: was.Index}, boss, false}, "a stranger": {was, w.Person("who"), false},
	} {
		if got := s.WasAdmin(tc.p.ID(), tc.at); got != tc.want {
			t.Errorf("%s: admin %v, want %v", name, got, tc.want)
		}
	}
	w.Promote(alice)
	w.MustBus(by(alice, buslog.OpRevoke, buslog.Revoke{Handle: "admin"}.Encode(), w.Org))
	if head := w.Bus().Head().Ref(); s.WasAdmin(boss.ID(), head) || !s.WasAdmin(boss.ID(), now) || !s.WasAdmin(alice.ID(), head) {
		t.Error("who was admin around a revocation is wrong")
	}
}

func TestNodes(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	boss := w.Founder.Device()
	add := func(n buslog.Node) *chain.Entry { return w.BusEntry(boss, buslog.OpNodeAdd, n.Encode()) }
	n1 := buslog.Node{Name: "n1", SPKI: bus.Hash{1}, Floor: buslog.FloorEnforce | buslog.FloorTLS}
	w.MustBus(add(n1))
	w.MustBus(add(buslog.Node{Name: "n0", SPKI: bus.Hash{2}}))
	if got, ok := w.Bus().Node("n1"); !ok || got != n1 || len(w.Bus().Nodes()) != 2 || w.Bus().Nodes()[0].Name != "n0" {
		t.Errorf("nodes are %+v", w.Bus().Nodes())
	}
	check(t, w, []offer{
		{"its key under another name", add(buslog.Node{Name: "n2", SPKI: bus.Hash{1}}), "node_exists"},
		{"another key under its name", add(buslog.Node{Name: "n1", SPKI: bus.Hash{3}}), ""},
		{"the same again", add(n1), ""},
	})
	w.MustBus(w.BusEntry(boss, buslog.OpNodeRemove, buslog.NameBody("n1")))
	check(t, w, []offer{
		{"removed twice", w.BusEntry(boss, buslog.OpNodeRemove, buslog.NameBody("n1")), "no_node"},
		{"its key once it is gone", add(buslog.Node{Name: "n2", SPKI: bus.Hash{1}}), ""},
	})
}

func TestGenesis(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	p := w.Person("root")
	d := p.NewDevice("desk")
	keys := []identity.SigningKey{w.Org, p.Key, d.Content}
	genesis := func(change func(*buslog.Genesis)) *chain.Entry {
		g := buslog.Genesis{Org: w.Org.Public(), CA: w.CA, Handle: "root", Key: p.Key.Public(),
			Content: d.Content.Public(), Transport: d.Transport.Public()}
		change(&g)
		return changed(w.Genesis(p, d), func(e *chain.Entry) { e.Body = g.Encode() }, keys...)
	}
	for _, tc := range []offer{
		{"good", w.Genesis(p, d), ""},
		{"another op", changed(w.Genesis(p, d), func(e *chain.Entry) { e.Op = buslog.OpUser }, keys...), "bad_entry"},
		{"naming a bus", changed(w.Genesis(p, d), func(e *chain.Entry) { e.Bus[0]++ }, keys...), "bad_chain"},
		{"naming a chain", changed(w.Genesis(p, d), func(e *chain.Entry) { e.Chain[0]++ }, keys...), "bad_chain"},
		{"naming an entry before", changed(w.Genesis(p, d), func(e *chain.Entry) { e.Prev[0]++ }, keys...), "behind"},
		{"at index 1", changed(w.Genesis(p, d), func(e *chain.Entry) { e.Index = 1 }, keys...), "behind"},
		{"of another account", changed(w.Genesis(p, d), func(e *chain.Entry) { e.Account[0]++ }, keys...), "bad_entry"},
		{"by another endpoint", changed(w.Genesis(p, d), func(e *chain.Entry) { e.Actor[0]++ }, keys...), "bad_entry"},
		{"with a bad handle", genesis(func(g *buslog.Genesis) { g.Handle = "Root" }), "bad_entry"},
		{"with O as A", genesis(func(g *buslog.Genesis) { g.Org = g.Key }), "bad_entry"},
		{"with O as C", genesis(func(g *buslog.Genesis) { g.Org = g.Content }), "bad_entry"},
		{"without O's signature", w.Genesis(p, d).Sign(identity.ContextBus, p.Key, d.Content), "bad_signature"},
		{"with another's O", w.Genesis(p, d).Sign(identity.ContextBus, w.SigningKey(), p.Key, d.Content), "bad_signature"},
		{"in another order", w.Genesis(p, d).Sign(identity.ContextBus, p.Key, w.Org, d.Content), "bad_signature"},
		{"for another context", w.Genesis(p, d).Sign(identity.ContextAccount, keys...), "bad_signature"},
	} {
		s := buslog.New()
		step, err := s.Check(tc.e, w)
		if got := bus.CodeOf(err); err != nil && got != tc.code || err == nil && tc.code != "" {
			t.Errorf("%s: got %v, want %q", tc.name, err, tc.code)
		}
		if err != nil {
			continue
		}
		step()
		if s.Bus != bus.ID(tc.e.Hash().Prefix()) || s.Chain != chain.ID(s.Bus) || s.Org != w.Org.Public() || !s.IsAdmin(p.ID()) {
			t.Errorf("%s: state %+v", tc.name, s)
		}
	}
}

func TestHolds(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	s := w.Bus()
	for i, e := range w.BusLog {
		if h, ok := s.HashAt(uint32(i)); !ok || h != e.Hash() || !s.Holds(e.Head().Ref()) {
			t.Errorf("entry %d is not held", i)
		}
	}
	if _, ok := s.HashAt(s.Len); ok || s.Holds(bus.Ref{Index: s.Len}) || s.Holds(bus.Ref{}) {
		t.Error("an entry that is none is held")
	}
}

func FuzzCheck(f *testing.F) {
	w := chaintest.New(f)
	inv := w.Invite("carol", time.Hour)
	w.MustBus(w.BusEntry(w.Founder.Device(), buslog.OpNodeAdd, buslog.Node{Name: "n1"}.Encode()))
	for op, body := range map[chain.Op][]byte{
		buslog.OpInvite:       w.NewInvite("new", time.Hour).Encode(),
		buslog.OpInviteRevoke: inv.ID[:],
		buslog.OpAccept:       buslog.Accept{Invite: inv.ID, Key: w.SigningKey().Public()}.Encode(),
		buslog.OpUser:         buslog.User{Handle: "new"}.Encode(),
		buslog.OpRole:         role(w.Bob, bus.RoleAdmin),
		buslog.OpRevoke:       buslog.Revoke{Handle: "bob"}.Encode(),
		buslog.OpNodeAdd:      buslog.Node{Name: "n2"}.Encode(),
		buslog.OpNodeRemove:   buslog.NameBody("n1"),
		buslog.OpOrgRotate:    buslog.OrgRotateBody(w.SigningKey().Public()),
	} {
		f.Add(uint8(op), body)
	}
	genesis := buslog.New()
	f.Fuzz(func(t *testing.T, op uint8, body []byte) {
		e := w.BusEntry(w.Founder.Device(), chain.Op(op), body)
		before := w.Bus().Tail
		if _, err := w.Bus().Check(e, w); err != nil && bus.KindOf(err) == bus.Failed {
			t.Errorf("an error without a kind: %v", err)
		}
		if w.Bus().Tail != before {
			t.Error("Check changed the state")
		}
		e.Bus, e.Chain, e.Index, e.Prev = bus.ID{}, chain.ID{}, 0, bus.Hash{}
		if _, err := genesis.Check(e, w); err == nil {
			t.Error("a genesis without O")
		}
	})
}
