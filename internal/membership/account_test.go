package membership_test

import (
	"slices"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/chaintest"
	"unibus/internal/identity"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

// TestFirstDevice lists the first device of somebody whom the node knows by his
// account key alone. Until then his transport key opens nothing.
func TestFirstDevice(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	carol := b.Person("carol")
	b.bus(b.Founder.Device(), buslog.OpUser, buslog.User{Handle: "carol", Key: carol.Key.Public()}.Encode())
	d := carol.NewDevice("first")
	first := b.AddEntry(d)
	b.refused(second(b.s.Authorize(d.Transport.Public())), "unauthenticated")
	b.refused(second(b.s.Bus(b.ctx(), stranger(d), 0)), "unauthenticated")

	mallory := b.NewDevice()
	mallory.Owner = carol // with the right account in the entry and the wrong key under it
	crooked := b.AddEntry(mallory)
	crooked.Sigs[0][3] ^= 1
	for name, err := range map[string]error{
		"another T":      second(b.s.AppendAccount(b.ctx(), stranger(mallory), "carol", first.Encode())),
		"no T":           second(b.s.AppendAccount(b.ctx(), membership.Signer{}, "carol", first.Encode())),
		"bad signature":  second(b.s.AppendAccount(b.ctx(), stranger(mallory), "carol", crooked.Encode())),
		"another handle": second(b.s.AppendAccount(b.ctx(), stranger(d), "alice", first.Encode())),
		"no such handle": second(b.s.AppendAccount(b.ctx(), stranger(d), "nobody", first.Encode())),
	} {
		if bus.CodeOf(err) != "unauthenticated" {
			t.Errorf("%s: %v (%s), want unauthenticated", name, err, bus.CodeOf(err))
		}
	}
	b.told()
	got, err := b.s.AppendAccount(b.ctx(), stranger(d), "carol", first.Encode())
	b.must(err)
	if got.Head != first.Head() {
		t.Errorf("head %v, want %v", got.Head, first.Head())
	}
	if c := b.change(); !slices.Equal(c.Notify, []bus.EndpointID{d.ID()}) || c.Bus || len(c.Cut) != 0 {
		t.Errorf("told %+v", c)
	}
	if got, err := b.s.Authorize(d.Transport.Public()); err != nil || got.Handle != "carol" {
		t.Errorf("carol is %+v, %v", got, err)
	}
}

// TestFurtherDevice: whoever holds A lists a device from itself or from
// another; who is behind is told the head.
func TestFurtherDevice(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	phone, tablet := b.Alice.NewDevice("phone"), b.Alice.NewDevice("tablet")
	head := b.Alice.State().Head()
	late := b.AddEntry(tablet)
	_, err := b.s.AppendAccount(b.ctx(), by(b.Bob.Device()), "alice", late.Encode())
	b.refused(err, "not_yours")
	_, err = b.s.AppendAccount(b.ctx(), by(b.Alice.Device()), "alice", b.AddEntry(phone).Encode())
	b.must(err)
	behind, err := b.s.AppendAccount(b.ctx(), stranger(tablet), "alice", late.Encode())
	if bus.CodeOf(err) != "behind" || behind.Head.Index != head.Index+1 {
		t.Errorf("%+v, %v; want behind with the head", behind, err)
	}
}

// TestLaterKey: whoever holds the key that took the place of the first one, and
// nothing else, finds the account by it and lists a device.
func TestLaterKey(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first, alice := b.Alice.Key, b.Alice.Device()
	b.Alice.Rotate()
	b.sync(b.Alice, alice)
	found := b.Alice.NewDevice("found")
	later := identity.AccountIDOf(b.Alice.Key.Public())
	if got, ok := b.s.HandleOf(later); got != "alice" || !ok {
		t.Errorf("the later key names %q, %v", got, ok)
	}
	offer := func(account bus.AccountID, key identity.SigningKey) (wire.Appended, error) {
		e := b.AddEntry(found)
		e.Account, e.Chain = account, chain.ID(account)
		e.Sign(identity.ContextAccount, key, found.Content)
		return b.s.AppendAccount(b.ctx(), stranger(found), "alice", e.Encode())
	}
	got, err := offer(later, b.Alice.Key)
	if bus.CodeOf(err) != "behind" || got.Account == nil || *got.Account != b.Alice.ID() || got.Head.Ref() != b.Alice.Head() {
		t.Errorf("%+v, %v; want behind with account and head", got, err)
	}
	for name, err := range map[string]error{
		"the first key":  second(offer(b.Alice.ID(), first)),
		"another's key":  second(offer(later, b.Bob.Key)),
		"the device's C": second(offer(later, alice.Content)),
	} {
		if bus.CodeOf(err) != "unauthenticated" {
			t.Errorf("%s: %v, want unauthenticated", name, err)
		}
	}
	b.must(second(offer(b.Alice.ID(), b.Alice.Key)))
	b.revoke(b.Alice)
	if got, err := offer(later, b.Alice.Key); bus.CodeOf(err) != "revoked" || got.Account != nil {
		t.Errorf("after a revocation: %+v, %v", got, err)
	}
}

// TestOneKeyOneHolder: nobody lists a transport key, a one-time key or a
// recovery key that stands for somebody else.
func TestOneKeyOneHolder(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	bob := b.Bob.Device()
	inv := b.invite("carol")
	recovery := b.Bob.AddRecovery()
	b.sync(b.Bob, bob)
	listed := b.Bob.State().Endpoint(recovery)
	key, _, _, _ := listed.KEM(b.Bob.State().Len)

	stolen := b.Alice.NewDevice("stolen")
	stolen.Transport = bob.Transport
	early := b.Alice.NewDevice("early")
	early.Transport = inv.Keys.Transport
	clone := account.Add{By: account.ByAccount, Key: b.Alice.Key.Public(), Kind: account.KindRecovery, KEM: *key}
	for name, raw := range map[string][]byte{
		"transport key of another": b.AddEntry(stolen).Encode(),
		"one-time key":             b.AddEntry(early).Encode(),
		"recovery key of another":  b.AccountEntry(b.Alice, b.Alice.Device(), account.OpAdd, clone.Encode(), b.Alice.Key).Encode(),
	} {
		if _, err := b.s.AppendAccount(b.ctx(), by(b.Alice.Device()), "alice", raw); bus.CodeOf(err) != "key_used" {
			t.Errorf("%s: %v (%s), want key_used", name, err, bus.CodeOf(err))
		}
	}
	if got, err := b.s.Authorize(bob.Transport.Public()); err != nil || got.Handle != "bob" {
		t.Errorf("bob is %+v, %v", got, err)
	}
}

// TestRevokeDevice ends one device of a user: the others go on.
func TestRevokeDevice(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice, lost := b.Alice.Device(), b.Alice.AddDevice("lost")
	b.sync(b.Alice, alice)
	r := b.room(alice)
	b.add(alice, r, bus.RoleMember, b.Bob)
	b.told()

	end := account.Revoke{By: account.ByEndpoint, Endpoint: lost.ID()}
	e := b.AccountEntry(b.Alice, alice, account.OpRevoke, end.Encode(), alice.Content)
	b.refused(second(b.s.AppendAccount(b.ctx(), by(b.Bob.Device()), "alice", e.Encode())), "not_yours")
	own := b.AccountEntry(b.Alice, b.Bob.Device(), account.OpRevoke, end.Encode(), b.Bob.Device().Content)
	b.refused(second(b.s.AppendAccount(b.ctx(), by(b.Bob.Device()), "alice", own.Encode())), "not_allowed")
	b.must(second(b.s.AppendAccount(b.ctx(), by(alice), "alice", e.Encode())))
	c := b.change()
	if !slices.Equal(c.Cut, []bus.EndpointID{lost.ID()}) ||
		!slices.Equal(c.Removed, []membership.Access{{Endpoint: lost.ID(), Room: r.State.ID}}) ||
		!slices.Contains(c.Notify, b.Bob.Device().ID()) {
		t.Errorf("told %+v", c)
	}
	b.refused(second(b.s.Authorize(lost.Transport.Public())), "revoked")
	b.must(second(b.s.Authorize(alice.Transport.Public())))
	b.refused(second(b.s.RoomFacts(lost.ID(), r.State.ID)), "not_member")
}

// TestRevokeByAdmin: an admin ends a device of anybody, but only who is admin
// now, whatever the log says of the past.
func TestRevokeByAdmin(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	carol := b.joined("carol")
	promote := buslog.Role{Handle: "carol", Role: bus.RoleAdmin}.Encode()
	b.bus(b.Founder.Device(), buslog.OpRole, promote)
	end := account.Revoke{By: account.ByAdmin, Endpoint: b.Bob.Device().ID(), At: carol.Head()}.Encode()
	past := b.AccountEntry(b.Bob, carol.Device(), account.OpRevoke, end, carol.Device().Content)

	demote := b.BusEntry(b.Founder.Device(), buslog.OpRole, buslog.Role{Handle: "carol", Role: bus.RoleUser}.Encode(), b.Org)
	b.must(second(b.s.AppendBus(b.ctx(), by(b.Founder.Device()), demote.Encode())))
	b.MustBus(demote)
	b.refused(second(b.s.AppendAccount(b.ctx(), by(carol.Device()), "bob", past.Encode())), "not_allowed")

	admin := b.Founder.Device()
	end = account.Revoke{By: account.ByAdmin, Endpoint: b.Bob.Device().ID(), At: b.Founder.Head()}.Encode()
	e := b.AccountEntry(b.Bob, admin, account.OpRevoke, end, admin.Content)
	b.must(second(b.s.AppendAccount(b.ctx(), by(admin), "bob", e.Encode())))
	b.refused(second(b.s.Authorize(b.Bob.Device().Transport.Public())), "revoked")
}

// TestAdminEndsNoAdminsDevices, nor those of somebody who became an admin after
// the position of the bus log that the entry names.
func TestAdminEndsNoAdminsDevices(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	end := func(by, of *chaintest.Person) *chain.Entry {
		body := account.Revoke{By: account.ByAdmin, Endpoint: of.Device().ID(), At: by.Head()}.Encode()
		return b.AccountEntry(of, by.Device(), account.OpRevoke, body, by.Device().Content)
	}
	early := end(b.Founder, b.Alice)
	b.bus(b.Founder.Device(), buslog.OpRole, buslog.Role{Handle: "alice", Role: bus.RoleAdmin}.Encode())
	founder, alice := by(b.Founder.Device()), by(b.Alice.Device())
	b.refused(second(b.s.AppendAccount(b.ctx(), founder, "alice", early.Encode())), "not_allowed")
	b.refused(second(b.s.AppendAccount(b.ctx(), alice, "admin", end(b.Alice, b.Founder).Encode())), "not_allowed")
	b.must(second(b.s.Authorize(b.Founder.Device().Transport.Public())))
}

// joined brings in a new person by an invite.
func (b *bench) joined(h bus.Handle) *chaintest.Person {
	b.t.Helper()
	return b.join(b.invite(h))
}

// TestRenewKEM: the endpoint renews its own key, nobody else.
func TestRenewKEM(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := b.Alice.Device()
	b.Pass(bus.KEMPause)
	e := alice.KEMEntry(account.KEM{Serial: 2, Key: b.KEMKey().Public()})
	b.refused(second(b.s.AppendAccount(b.ctx(), by(b.Bob.Device()), "alice", e.Encode())), "not_yours")
	b.refused(second(b.s.AppendAccount(b.ctx(), by(alice), "bob", e.Encode())), "not_allowed")
	b.must(second(b.s.AppendAccount(b.ctx(), by(alice), "alice", e.Encode())))
	b.must(second(b.s.AppendAccount(b.ctx(), by(alice), "alice", e.Encode()))) // an answer was lost
}

// TestRevokedUserAddsNothing: with his account key alone a revoked user does
// not come back.
func TestRevokedUserAddsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.revoke(b.Bob)
	d := b.Bob.NewDevice("new")
	b.refused(second(b.s.AppendAccount(b.ctx(), stranger(d), "bob", b.AddEntry(d).Encode())), "revoked")
	b.refused(second(b.s.AppendAccount(b.ctx(), by(b.Bob.Device()), "bob", b.AddEntry(d).Encode())), "revoked")
	b.refused(second(b.s.AccountEntries(b.ctx(), by(b.Bob.Device()), "alice", 0)), "revoked")
}

func TestAccountPages(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	inv := b.invite("carol")
	for name, c := range map[string]struct {
		by   membership.Signer
		of   bus.Handle
		from uint32
		want int
	}{
		"own": {by(b.Alice.Device()), "alice", 0, 1}, "another's": {by(b.Bob.Device()), "alice", 0, 1},
		"invite": {byInvite(inv), "admin", 0, 1}, "end": {by(b.Bob.Device()), "alice", 1, 0}, "beyond": {by(b.Bob.Device()), "bob", 99, 0},
	} {
		got, err := b.s.AccountEntries(b.ctx(), c.by, c.of, c.from)
		if err != nil || len(got.Entries) != c.want || got.More || got.Head == nil || got.Head.Index != 0 {
			t.Errorf("%s: %d entries, %v; want %d", name, len(got.Entries), err, c.want)
		}
	}
	b.refused(second(b.s.AccountEntries(b.ctx(), by(b.Alice.Device()), "nobody", 0)), "no_user")
	b.bus(b.Founder.Device(), buslog.OpUser, buslog.User{Handle: "dora", Key: b.SigningKey().Public()}.Encode())
	if got, err := b.s.AccountEntries(b.ctx(), by(b.Alice.Device()), "dora", 0); err != nil || len(got.Entries) != 0 || got.Head != nil {
		t.Errorf("a chain without entries: %d, %v", len(got.Entries), err)
	}
}

// TestHandleOf tells somebody who knows his account alone what he is called.
func TestHandleOf(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if got, ok := b.s.HandleOf(b.Bob.ID()); got != "bob" || !ok {
		t.Errorf("bob is %q, %v", got, ok)
	}
	if got, ok := b.s.HandleOf(bus.AccountID{1}); got != "" || ok {
		t.Errorf("nobody is %q, %v", got, ok)
	}
}
