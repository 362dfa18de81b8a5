package buslog_test

import (
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/chaintest"
	"unibus/internal/identity"
)

// with names a second admin as of his newest entry.
func with(d *chaintest.Device) *buslog.Cosigner {
	return &buslog.Cosigner{Account: d.Owner.ID(), Endpoint: d.ID(), At: d.Owner.Head()}
}

// TestCosigned removes an admin without the organisation key.
func TestCosigned(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	boss, alice, bob := w.Founder, w.Alice, w.Bob
	w.Promote(alice)
	check(t, w, []offer{{"two admins of whom one would be left", w.BusEntry(boss.Device(), buslog.OpRevoke,
		buslog.Revoke{Handle: "alice", With: with(boss.Device())}.Encode(), boss.Device().Content), "not_allowed"}})
	w.Promote(bob)
	w.Pass(bus.AdminAge)
	carol := w.User("carol")
	revoke := func(by, second *chaintest.Device, of *chaintest.Person) *chain.Entry {
		return w.BusEntry(by, buslog.OpRevoke, buslog.Revoke{Handle: of.Handle, With: with(second)}.Encode(), second.Content)
	}
	a, b, o := alice.Device(), bob.Device(), boss.Device()
	lost, bot := bob.AddDevice("lost"), bob.AddBot("ci", account.Rights{Scope: account.NewScope(account.VerbRead, bus.RoomID{1})})
	was := bob.Head()
	lost.Revoke()
	stale := with(b)
	stale.At = bus.Ref{Index: was.Index, Hash: bus.Prefix{1}}
	signed := func(keys ...identity.SigningKey) *chain.Entry {
		return revoke(a, b, boss).Sign(identity.ContextBus, keys...)
	}
	check(t, w, []offer{
		{"by two other admins", revoke(a, b, boss), ""},
		{"demoted by two other admins", w.BusEntry(a, buslog.OpRole,
			buslog.Role{Handle: "admin", Role: bus.RoleUser, With: with(b)}.Encode(), b.Content), ""},
		{"by one of them alone", signed(a.Content), "bad_signature"},
		{"in the other order", signed(b.Content, a.Content), "bad_signature"},
		{"by one of them twice", signed(a.Content, a.Content), "bad_signature"},
		{"by the second's A", signed(a.Content, bob.Key), "bad_signature"},
		{"by O besides", signed(a.Content, b.Content, w.Org), "bad_signature"},
		{"by O instead", signed(a.Content, w.Org), "bad_signature"},
		{"by two devices of one", revoke(a, alice.AddDevice("phone"), boss), "not_allowed"},
		{"with him as the second", revoke(a, o, boss), "not_allowed"},
		{"by himself with another", revoke(o, a, boss), "not_allowed"},
		{"with a user", revoke(a, carol.Device(), boss), "not_allowed"},
		{"by a user", revoke(carol.Device(), a, boss), "not_allowed"},
		{"with a revoked device", revoke(a, lost, boss), "not_allowed"},
		{"with a bot that has a scope", revoke(a, bot, boss), "not_allowed"},
		{"with a position that is none", w.BusEntry(a, buslog.OpRevoke,
			buslog.Revoke{Handle: "admin", With: stale}.Encode(), b.Content), "not_allowed"},
		{"of a user", revoke(a, b, carol), "not_allowed"},
		{"with half a second", w.BusEntry(a, buslog.OpRevoke, revoke(a, b, boss).Body[:30], b.Content), "bad_entry"},
	})
	e := revoke(a, b, boss)
	if c, ok := buslog.CosignerOf(e); !ok || c != *with(b) {
		t.Errorf("the cosigner is %+v", c)
	}
	w.MustBus(e)
	if w.Bus().User("admin").Active() {
		t.Error("the admin is still one")
	}
	back := with(lost) // as a device that was revoked since
	back.At = was
	if _, ok := buslog.CosignerOf(w.BusLog[0]); ok {
		t.Error("the genesis has a cosigner")
	}
	w.MustBus(w.BusEntry(a, buslog.OpRole, role(carol, bus.RoleAdmin)))
	w.Pass(bus.AdminAge)
	check(t, w, []offer{{"going back to before a revocation", w.BusEntry(a, buslog.OpRevoke,
		buslog.Revoke{Handle: "carol", With: back}.Encode(), lost.Content), "behind"}})
}

// TestPuppetAdmin: nobody makes himself the second admin whom it takes to remove
// a third.
func TestPuppetAdmin(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	mallory, d := w.Alice, w.Alice.Device()
	w.Promote(mallory)
	w.Pass(bus.AdminAge)
	puppet := w.Person("puppet")
	w.MustBus(w.BusEntry(d, buslog.OpUser, buslog.User{Handle: "puppet", Key: puppet.Key.Public()}.Encode()))
	w.Arrive(puppet)
	w.MustBus(w.BusEntry(d, buslog.OpRole, role(puppet, bus.RoleAdmin)))
	second := puppet.Device()
	revoke := func(by, second *chaintest.Device, of *chaintest.Person) *chain.Entry {
		return w.BusEntry(by, buslog.OpRevoke, buslog.Revoke{Handle: of.Handle, With: with(second)}.Encode(), second.Content)
	}
	demote := func() *chain.Entry {
		body := buslog.Role{Handle: w.Founder.Handle, Role: bus.RoleUser, With: with(second)}.Encode()
		return w.BusEntry(d, buslog.OpRole, body, second.Content)
	}
	w.Pass(bus.AdminAge - time.Millisecond)
	check(t, w, []offer{
		{"revoked with an admin of yesterday", revoke(d, second, w.Founder), "not_allowed"},
		{"revoked by an admin of yesterday", revoke(second, d, w.Founder), "not_allowed"},
		{"demoted with an admin of yesterday", demote(), "not_allowed"},
		{"revoked with the founder", revoke(d, w.Founder.Device(), puppet), ""},
	})
	w.Pass(time.Millisecond)
	check(t, w, []offer{{"with one of a week", revoke(d, second, w.Founder), ""}})
	again := buslog.Role{Handle: "puppet", Role: bus.RoleAdmin}.Encode()
	w.MustBus(w.BusEntry(d, buslog.OpRole, again, w.Org))
	check(t, w, []offer{{"with one who was made admin again", revoke(d, second, w.Founder), ""}})
	w.MustBus(w.BusEntry(d, buslog.OpRole, role(puppet, bus.RoleUser), w.Org))
	w.MustBus(w.BusEntry(d, buslog.OpRole, role(puppet, bus.RoleAdmin)))
	check(t, w, []offer{{"with one who was none meanwhile", revoke(d, second, w.Founder), "not_allowed"}})
}

// TestFounderCounts from the first day, with O lost.
func TestFounderCounts(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	w.Promote(w.Alice)
	w.Pass(bus.AdminAge)
	w.Promote(w.Bob)
	boss, a := w.Founder.Device(), w.Alice.Device()
	check(t, w, []offer{{"with the founder", w.BusEntry(a, buslog.OpRevoke,
		buslog.Revoke{Handle: "bob", With: with(boss)}.Encode(), boss.Content), ""}})
}

func TestOrgRotate(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	boss, first, next := w.Founder.Device(), w.Org, w.SigningKey()
	w.Promote(w.Alice)
	rotate := func(by *chaintest.Device, to identity.SigningKey) *chain.Entry {
		return w.BusEntry(by, buslog.OpOrgRotate, buslog.OrgRotateBody(to.Public()), w.Org, to)
	}
	inv := w.Invite("carol", bus.InviteLife)
	check(t, w, []offer{
		{"by both", rotate(boss, next), ""},
		{"by another admin and both", rotate(w.Alice.Device(), next), ""},
		{"by a user and both", rotate(w.Bob.Device(), next), "not_allowed"},
		{"by the new one alone", rotate(boss, next).Sign(identity.ContextBus, boss.Content, next), "bad_signature"},
		{"by the old one alone", rotate(boss, next).Sign(identity.ContextBus, boss.Content, first), "bad_signature"},
		{"by both without an admin", rotate(boss, next).Sign(identity.ContextBus, first, next), "bad_signature"},
		{"in the other order", rotate(boss, next).Sign(identity.ContextBus, boss.Content, next, first), "bad_signature"},
		{"to the key in force", rotate(boss, first), "not_allowed"},
		{"to an account key", rotate(boss, w.Alice.Key), "not_allowed"},
		{"to the author's C", rotate(boss, boss.Content), "not_allowed"},
		{"to an invite's key", rotate(boss, inv.Keys.Content), "not_allowed"},
		{"to no key", w.BusEntry(boss, buslog.OpOrgRotate, make([]byte, 32), first, next), "bad_entry"},
		{"to a key of 33 bytes", w.BusEntry(boss, buslog.OpOrgRotate, make([]byte, 33), first, next), "bad_entry"},
	})
	w.MustBus(rotate(boss, next))
	s := w.Bus()
	if orgs := s.Orgs(); s.Org != next.Public() || len(orgs) != 2 || orgs[0] != first.Public() || orgs[1] != s.Org ||
		!s.HasOrg(first.Public()) || !s.HasOrg(next.Public()) || s.HasOrg(w.Alice.Key.Public()) {
		t.Errorf("the organisation keys are %v", s.Orgs())
	}
	against := buslog.Revoke{Handle: "alice"}.Encode()
	check(t, w, []offer{
		{"against an admin by the old key", w.BusEntry(boss, buslog.OpRevoke, against, first), "bad_signature"},
		{"against an admin by the new key", w.BusEntry(boss, buslog.OpRevoke, against, next), ""},
		{"back to the old key", w.BusEntry(boss, buslog.OpOrgRotate, buslog.OrgRotateBody(first.Public()), next, first), "not_allowed"},
	})
}

// TestScopedAdmin keeps an admin's bot that has a scope from the bus.
func TestScopedAdmin(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	boss := w.Founder
	scoped := boss.AddBot("ci", account.Rights{Scope: account.NewScope(account.VerbPublish, bus.RoomID{1})})
	ends := boss.AddBot("helper", account.Rights{NotAfter: w.Now})
	user := func(by *chaintest.Device) *chain.Entry {
		return w.BusEntry(by, buslog.OpUser, buslog.User{Handle: "new", Key: w.SigningKey().Public()}.Encode())
	}
	check(t, w, []offer{
		{"by a bot with a scope", user(scoped), "not_allowed"},
		{"by a bot in its time", user(ends), ""},
	})
	w.Pass(1e6)
	check(t, w, []offer{{"by a bot after its time", user(ends), "not_allowed"}})
}
