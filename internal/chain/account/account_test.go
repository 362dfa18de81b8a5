package account_test

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

// offer is an entry that the rules must answer with code; "" is yes.
type offer struct {
	name string
	on   *chaintest.Person // whose chain
	e    *chain.Entry
	code string
}

// check offers entries without taking them, so that all see the same state.
func check(t *testing.T, w *chaintest.World, offers []offer) {
	t.Helper()
	for _, o := range offers {
		_, err := o.on.State().Check(o.e, w)
		if got := code(err); got != o.code {
			t.Errorf("%s: got %q (%v), want %q", o.name, got, err, o.code)
		}
	}
}

func code(err error) string {
	if err == nil {
		return ""
	}
	return bus.CodeOf(err)
}

// changed is an entry with something else in it, signed again.
func changed(e *chain.Entry, change func(*chain.Entry), keys ...identity.SigningKey) *chain.Entry {
	change(e)
	return e.Sign(identity.ContextAccount, keys...)
}

func TestAdd(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	alice, bob := w.Alice, w.Bob
	first := alice.Device()
	old := alice.AddDevice("old")
	old.Revoke()
	bare := w.Bare("carol")

	add := func(p *chaintest.Person, change func(*account.Add), keys ...identity.SigningKey) *chain.Entry {
		d := p.NewDevice("new")
		body := d.Add()
		if change != nil {
			change(&body)
		}
		if keys == nil {
			keys = []identity.SigningKey{p.Key, d.Content}
		}
		e := w.AccountEntry(p, d, account.OpAdd, body.Encode(), keys...)
		e.Actor = body.Endpoint()
		return e.Sign(identity.ContextAccount, keys...)
	}
	recovery := func(p *chaintest.Person, by *chaintest.Device, keys ...identity.SigningKey) *chain.Entry {
		body := account.Add{By: account.ByAccount, Key: p.Key.Public(), Kind: account.KindRecovery, KEM: w.KEMKey().Public()}
		return w.AccountEntry(p, by, account.OpAdd, body.Encode(), keys...)
	}
	reuse := func(change func(*chaintest.Device)) *chain.Entry {
		d := alice.NewDevice("new")
		change(d)
		return w.AddEntry(d)
	}
	low := w.KEMKey().Public()
	clear(low[len(low)-32:])

	fresh, twin := alice.NewDevice("new"), alice.NewDevice("new")
	check(t, w, []offer{
		{"a first device", bare, add(bare, nil), ""},
		{"a second device", alice, w.AddEntry(fresh), ""},
		{"a name of 64 bytes", alice, add(alice, func(a *account.Add) { a.Name = string(make([]byte, 64)) }), ""},
		{"a name of 65 bytes", alice, add(alice, func(a *account.Add) { a.Name = string(make([]byte, 65)) }), "bad_entry"},
		{"a recovery endpoint", alice, recovery(alice, first, alice.Key), ""},
		{"a recovery endpoint first", bare, recovery(bare, bare.NewDevice("x"), bare.Key), "bad_entry"},
		{"a recovery endpoint by a stranger's device", alice, recovery(alice, twin, alice.Key), "bad_entry"},
		{"a recovery endpoint by a revoked device", alice, recovery(alice, old, alice.Key), "bad_entry"},
		{"a recovery endpoint by C", alice, recovery(alice, first, first.Content), "bad_signature"},
		{"by A alone", alice, changed(w.AddEntry(twin), none, alice.Key), "bad_signature"},
		{"by C alone", alice, changed(w.AddEntry(twin), none, twin.Content), "bad_signature"},
		{"by the other order", alice, changed(w.AddEntry(twin), none, twin.Content, alice.Key), "bad_signature"},
		{"by another A", alice, changed(w.AddEntry(twin), none, bob.Key, twin.Content), "bad_signature"},
		{"by a listed device", alice, changed(w.AddEntry(twin), none, first.Content, twin.Content), "bad_signature"},
		{"for another context", alice, w.AddEntry(twin).Sign(identity.ContextBus, alice.Key, twin.Content), "bad_signature"},
		{"to another's chain", bob, changed(w.AddEntry(bob.NewDevice("x")), func(e *chain.Entry) { e.Account = alice.ID() }, alice.Key), "bad_entry"},
		{"under another A", alice, add(alice, func(a *account.Add) { a.Key = bob.Key.Public() }), "bad_entry"},
		{"by a third device", alice, changed(w.AddEntry(twin), func(e *chain.Entry) { e.Actor = bob.Device().ID() }, alice.Key, twin.Content), "bad_entry"},
		{"a device twice", alice, w.AddEntry(first), "not_allowed"},
		{"a revoked device", alice, w.AddEntry(old), "not_allowed"},
		{"a C in use", alice, reuse(func(d *chaintest.Device) { d.Content = first.Content }), "not_allowed"},
		{"a T in use", alice, reuse(func(d *chaintest.Device) { d.Transport = first.Transport }), "not_allowed"},
		{"a C that was revoked", alice, reuse(func(d *chaintest.Device) { d.Content = old.Content }), "not_allowed"},
		{"a T that was revoked", alice, reuse(func(d *chaintest.Device) { d.Transport = old.Transport }), "not_allowed"},
		{"no C", alice, add(alice, func(a *account.Add) { a.Content = identity.VerifyKey{} }), "bad_entry"},
		{"no T", alice, add(alice, func(a *account.Add) { a.Transport = identity.TransportID{} }), "bad_entry"},
		{"C and T in one", alice, add(alice, func(a *account.Add) { a.Transport = identity.TransportID(a.Content) }), "bad_entry"},
		{"A as C", alice, add(alice, func(a *account.Add) { a.Content = a.Key }), "bad_entry"},
		{"A as T", alice, add(alice, func(a *account.Add) { a.Transport = identity.TransportID(a.Key) }), "bad_entry"},
		{"no kind", alice, add(alice, func(a *account.Add) { a.Kind = 0 }), "bad_entry"},
		{"an unknown kind", alice, add(alice, func(a *account.Add) { a.Kind = 4 }), "bad_entry"},
		{"a recovery endpoint with C", alice, add(alice, func(a *account.Add) { a.Kind = account.KindRecovery }), "bad_entry"},
		{"a cut body", alice, changed(w.AddEntry(twin), func(e *chain.Entry) { e.Body = e.Body[:len(e.Body)-1] }, alice.Key, twin.Content), "bad_entry"},
		{"an unknown op", alice, w.AccountEntry(alice, first, 99, nil, alice.Key), "not_allowed"},
		{"of another bus", alice, changed(w.AddEntry(fresh), func(e *chain.Entry) { e.Bus[0]++ }, alice.Key, fresh.Content), "bad_chain"},
		{"behind", alice, changed(w.AddEntry(fresh), func(e *chain.Entry) { e.Index-- }, alice.Key, fresh.Content), "behind"},
	})
	for name, kem := range map[string]identity.KEMPublic{"a kem key of zeros": {}, "a kem key of small order": low} {
		d := alice.NewDevice("new")
		body := d.Add()
		body.KEM = kem
		e := w.AccountEntry(alice, d, account.OpAdd, body.Encode(), alice.Key, d.Content)
		check(t, w, []offer{{name, alice, e, "bad_key"}})
	}
}

func none(*chain.Entry) {}

// TestEndpointsAreBounded keeps one account from filling its rooms.
func TestEndpointsAreBounded(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	for range 255 {
		w.Alice.AddDevice("")
	}
	check(t, w, []offer{{"a device more", w.Alice, w.AddEntry(w.Alice.NewDevice("")), "not_allowed"}})
}

func TestKEM(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	alice, bob := w.Alice, w.Bob
	d, old := alice.Device(), alice.AddDevice("old")
	first := d.KEM.Public()
	d.Renew()
	old.Revoke()
	w.Pass(bus.KEMPause)
	next := account.KEM{Serial: 3, Key: w.KEMKey().Public()}
	by := func(d *chaintest.Device, k account.KEM) *chain.Entry {
		return w.AccountEntry(alice, d, account.OpKEM, k.Encode(), d.Content)
	}
	check(t, w, []offer{
		{"the next key", alice, by(d, next), ""},
		{"serial again", alice, by(d, account.KEM{Serial: 2, Key: next.Key}), "not_allowed"},
		{"serial left out", alice, by(d, account.KEM{Serial: 4, Key: next.Key}), "not_allowed"},
		{"the key in force", alice, by(d, account.KEM{Serial: 3, Key: d.KEM.Public()}), "not_allowed"},
		{"an old key", alice, by(d, account.KEM{Serial: 3, Key: first}), "not_allowed"},
		{"no key", alice, by(d, account.KEM{Serial: 3}), "bad_key"},
		{"by a revoked device", alice, by(old, account.KEM{Serial: 2, Key: next.Key}), "not_allowed"},
		{"by a device that is not listed", alice, by(alice.NewDevice("x"), next), "not_allowed"},
		{"by another account", alice, by(bob.Device(), next), "bad_entry"},
		{"by another's device", alice, changed(by(d, next), func(e *chain.Entry) { e.Actor = bob.Device().ID() }, bob.Device().Content), "not_allowed"},
		{"by A", alice, by(d, next).Sign(identity.ContextAccount, alice.Key), "bad_signature"},
		{"with a signature more", alice, by(d, next).Sign(identity.ContextAccount, d.Content, alice.Key), "bad_signature"},
		{"with a byte more", alice, changed(by(d, next), func(e *chain.Entry) { e.Body = append(e.Body, 0) }, d.Content), "bad_entry"},
		{"on an empty chain", w.Bare("carol"), w.AccountEntry(w.Bare("dave"), d, account.OpKEM, next.Encode(), d.Content), "bad_chain"},
	})
	carol := w.Bare("erin")
	x := carol.NewDevice("x")
	check(t, w, []offer{{"before any device", carol, w.AccountEntry(carol, x, account.OpKEM, next.Encode(), x.Content), "not_allowed"}})
}

// TestRecoveryNeverSigns gives a recovery endpoint's id as actor.
func TestRecoveryNeverSigns(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	rec := w.Alice.AddRecovery()
	d := w.Alice.Device()
	for name, e := range map[string]*chain.Entry{
		"kem":    w.AccountEntry(w.Alice, d, account.OpKEM, account.KEM{Serial: 2, Key: w.KEMKey().Public()}.Encode()),
		"revoke": w.AccountEntry(w.Alice, d, account.OpRevoke, account.Revoke{By: account.ByEndpoint, Endpoint: d.ID()}.Encode()),
	} {
		e.Actor = rec
		check(t, w, []offer{{name, w.Alice, e.Sign(identity.ContextAccount, d.Content), "not_allowed"}})
	}
	if _, ok := w.Alice.State().Signer(rec, w.Alice.Head(), w.Now); ok {
		t.Error("a recovery endpoint has a content key")
	}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	alice, bob, boss := w.Alice, w.Bob, w.Founder
	d, lost, gone := alice.Device(), alice.AddDevice("lost"), alice.AddDevice("gone")
	rec := alice.AddRecovery()
	gone.Revoke()
	by := func(who *chaintest.Device, r account.Revoke, key identity.SigningKey) *chain.Entry {
		return w.AccountEntry(alice, who, account.OpRevoke, r.Encode(), key)
	}
	revoke := func(s account.Signer, id bus.EndpointID) account.Revoke {
		r := account.Revoke{By: s, Endpoint: id}
		if s == account.ByAdmin {
			r.At = boss.Head()
		}
		return r
	}
	noActor := func(e *chain.Entry) { e.Actor = bus.EndpointID{} }
	check(t, w, []offer{
		{"by another device", alice, by(d, revoke(account.ByEndpoint, lost.ID()), d.Content), ""},
		{"by itself", alice, by(lost, revoke(account.ByEndpoint, lost.ID()), lost.Content), ""},
		{"of the recovery endpoint", alice, by(d, revoke(account.ByEndpoint, rec), d.Content), ""},
		{"by A with a device", alice, by(d, revoke(account.ByAccount, lost.ID()), alice.Key), ""},
		{"by A without a device", alice, changed(by(d, revoke(account.ByAccount, lost.ID()), alice.Key), noActor, alice.Key), ""},
		{"by A naming a revoked device", alice, by(gone, revoke(account.ByAccount, lost.ID()), alice.Key), "not_allowed"},
		{"by A naming another's device", alice, changed(by(d, revoke(account.ByAccount, lost.ID()), alice.Key), func(e *chain.Entry) { e.Actor = bob.Device().ID() }, alice.Key), "not_allowed"},
		{"by a revoked device", alice, by(gone, revoke(account.ByEndpoint, d.ID()), gone.Content), "not_allowed"},
		{"by a device that is not listed", alice, by(alice.NewDevice("x"), revoke(account.ByEndpoint, d.ID()), d.Content), "not_allowed"},
		{"by another user", alice, by(bob.Device(), revoke(account.ByEndpoint, d.ID()), bob.Device().Content), "not_allowed"},
		{"by another's A", alice, by(bob.Device(), revoke(account.ByAccount, d.ID()), bob.Key), "not_allowed"},
		{"by an admin", alice, by(boss.Device(), revoke(account.ByAdmin, lost.ID()), boss.Device().Content), ""},
		{"by an admin's A", alice, by(boss.Device(), revoke(account.ByAdmin, lost.ID()), boss.Key), "bad_signature"},
		{"by an admin who names no position", alice, by(boss.Device(), account.Revoke{By: account.ByAdmin, Endpoint: lost.ID()}, boss.Device().Content), "not_allowed"},
		{"by a user as an admin", alice, by(bob.Device(), account.Revoke{By: account.ByAdmin, Endpoint: lost.ID(), At: bob.Head()}, bob.Device().Content), "not_allowed"},
		{"by nobody", alice, by(d, revoke(0, lost.ID()), d.Content), "not_allowed"},
		{"by A with a position", alice, by(d, account.Revoke{By: account.ByAccount, Endpoint: lost.ID(), At: alice.Head()}, alice.Key), "bad_entry"},
		{"of a revoked device", alice, by(d, revoke(account.ByEndpoint, gone.ID()), d.Content), "no_endpoint"},
		{"of another's device", alice, by(d, revoke(account.ByEndpoint, bob.Device().ID()), d.Content), "no_endpoint"},
		{"with a wrong key", alice, by(d, revoke(account.ByEndpoint, lost.ID()), lost.Content), "bad_signature"},
	})
}

// TestAdminRevoke replays an admin's revocation when he is admin no more, and
// offers backdated ones.
func TestAdminRevoke(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	alice, bob := w.Alice, w.Bob
	w.Promote(alice)
	phone := alice.AddDevice("phone")
	devices := []*chaintest.Device{bob.AddDevice("a"), bob.AddDevice("b")}
	was := w.Bus().Head().Ref()
	by := func(who *chaintest.Device, of *chaintest.Device, at, own bus.Ref) *chain.Entry {
		body := account.Revoke{By: account.ByAdmin, Endpoint: of.ID(), At: own}.Encode()
		e := w.AccountEntry(bob, who, account.OpRevoke, body)
		e.Seen = at
		return e.Sign(identity.ContextAccount, who.Content)
	}
	check(t, w, []offer{
		{"before he was admin", bob, by(alice.Device(), devices[0], bus.Ref{Index: 0, Hash: w.BusLog[0].Hash().Prefix()}, alice.Head()), "not_allowed"},
		{"of an unknown bus-log entry", bob, by(alice.Device(), devices[0], bus.Ref{Index: 99}, alice.Head()), "not_allowed"},
		{"of another bus log", bob, by(alice.Device(), devices[0], bus.Ref{Index: was.Index}, alice.Head()), "not_allowed"},
	})
	phone.Revoke()
	check(t, w, []offer{{"by a revoked device", bob, by(phone, devices[0], was, alice.Head()), "not_allowed"}})
	w.MustAccount(bob, by(alice.Device(), devices[0], was, alice.Head()))
	w.Revoke(alice) // the entry above must stay valid: chaintest replays it
	now := w.Bus().Head().Ref()
	check(t, w, []offer{{"as a revoked admin", bob, by(alice.Device(), devices[1], now, alice.Head()), "not_allowed"}})
	w.MustAccount(bob, by(w.Founder.Device(), devices[1], now, w.Founder.Head()))
	last := bob.AddDevice("c")
	check(t, w, []offer{{"backdated by a revoked admin", bob, by(alice.Device(), last, was, alice.Head()), "not_allowed"}})
}

// TestAdminsDevices: one admin alone ends no device of another, as he cannot
// remove him alone.
func TestAdminsDevices(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	boss, alice := w.Founder, w.Alice
	phone := alice.AddDevice("phone")
	was := w.Bus().Head().Ref()
	w.Promote(alice)
	by := func(who *chaintest.Person, of *chaintest.Device, at bus.Ref) *chain.Entry {
		body := account.Revoke{By: account.ByAdmin, Endpoint: of.ID(), At: who.Head()}.Encode()
		e := w.AccountEntry(of.Owner, who.Device(), account.OpRevoke, body)
		e.Seen = at
		return e.Sign(identity.ContextAccount, who.Device().Content)
	}
	now := w.Bus().Head().Ref()
	check(t, w, []offer{
		{"of the founder", boss, by(alice, boss.Device(), now), "not_allowed"},
		{"of another admin", alice, by(boss, phone, now), "not_allowed"},
		{"of his own", alice, by(alice, phone, now), ""},
		{"of one who was none as of seen, for the node to judge", alice, by(boss, phone, was), ""},
	})
	w.MustBus(w.BusEntry(boss.Device(), buslog.OpRole, buslog.Role{Handle: "alice", Role: bus.RoleUser}.Encode(), w.Org))
	w.MustAccount(alice, by(boss, phone, w.Bus().Head().Ref()))
	w.Promote(alice) // the entry above stays valid: chaintest replays it
}

// TestPositions asks about every endpoint as of every entry.
func TestPositions(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	a := w.Alice
	first := a.Device()           // entry 0
	made := w.Now                 //
	phone := a.AddDevice("phone") // entry 1
	w.Pass(time.Hour)             //
	first.Renew()                 // entry 2
	phone.Revoke()                // entry 3
	firstKey, s := a.State().Endpoint(first.ID()), a.State()
	refs := make([]bus.Ref, 4)
	for i, e := range w.AccountLogs[a.ID()] {
		refs[i] = e.Head().Ref()
	}
	live := map[*chaintest.Device][4]bool{first: {true, true, true, true}, phone: {false, true, true, false}}
	for d, want := range live {
		for i, ref := range refs {
			key, got := s.Signer(d.ID(), ref, w.Now)
			if got != want[i] || got && key != d.Content.Public() {
				t.Errorf("%s as of entry %d: live %v, want %v", d.Name, i, got, want[i])
			}
		}
	}
	for i, want := range []uint32{1, 1, 2, 2} {
		key, serial, when, ok := firstKey.KEM(uint32(i))
		if !ok || serial != want || (serial == 2) != (*key == first.KEM.Public()) || !when.Equal(made.Add(time.Duration(want-1)*time.Hour)) {
			t.Errorf("kem key as of entry %d: serial %d made %v, want serial %d", i, serial, when, want)
		}
	}
	if _, _, _, ok := s.Endpoint(phone.ID()).KEM(0); ok {
		t.Error("a kem key before its endpoint was listed")
	}
	if s.Live(phone.ID(), w.Now) || !s.Live(first.ID(), w.Now) || s.Live(bus.EndpointID{}, w.Now) {
		t.Error("Live is wrong about now")
	}
	wrong := refs[3]
	wrong.Hash[0]++
	for name, ref := range map[string]bus.Ref{"another hash": wrong, "the future": {Index: 4, Hash: refs[3].Hash}} {
		if _, ok := s.Signer(first.ID(), ref, w.Now); ok || s.Holds(ref) {
			t.Errorf("%s is a position of the chain", name)
		}
	}
}

// TestEndpointsDoNotChange keeps what Endpoint returned before entries that
// change it.
func TestEndpointsDoNotChange(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	d := w.Alice.Device()
	was := w.Alice.State().Endpoint(d.ID())
	list := w.Alice.State().Endpoints()
	d.Renew()
	d.Revoke()
	if _, serial, _, _ := was.KEM(99); serial != 1 || was.Revoked || list[0] != was {
		t.Error("an endpoint that was handed out changed")
	}
}

func FuzzCheck(f *testing.F) {
	w := chaintest.New(f)
	a := w.Alice
	d := a.Device()
	l := d.Link(time.Hour)
	for _, e := range []*chain.Entry{
		w.AddEntry(a.NewBot("x", account.Rights{Scope: account.NewScope(account.VerbRead, bus.RoomID{1})})),
		w.LinkEntry(d, w.NewLink(account.KindDevice, account.Rights{MayAdd: true}, time.Hour)),
		w.LinkAcceptEntry(a.NewDevice("y"), l),
		w.RotateEntry(a, w.SigningKey()),
		w.AddEntry(a.NewDevice("x")),
		d.KEMEntry(account.KEM{Serial: 2, Key: w.KEMKey().Public()}),
		w.AccountEntry(a, d, account.OpRevoke, account.Revoke{By: account.ByEndpoint, Endpoint: d.ID()}.Encode()),
		w.AccountEntry(a, d, account.OpRevoke, account.Revoke{By: account.ByAdmin, Endpoint: d.ID(), At: a.Head()}.Encode()),
	} {
		f.Add(uint8(e.Op), e.Body)
	}
	f.Fuzz(func(t *testing.T, op uint8, body []byte) {
		e := w.AccountEntry(a, d, chain.Op(op), body, d.Content)
		before := a.State().Tail
		if _, err := a.State().Check(e, w); err != nil && bus.KindOf(err) == bus.Failed {
			t.Errorf("an error without a kind: %v", err)
		}
		if add, ok := account.ParseAdd(body); ok && string(add.Encode()) != string(body) {
			t.Error("two bodies for one add")
		}
		if a.State().Tail != before {
			t.Error("Check changed the state")
		}
	})
}

// TestKEMPause: an endpoint, also one that may only read, does not move the
// chain of its account as often as it likes.
func TestKEMPause(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	l := w.Alice.Device().Link(time.Hour)
	w.Pass(time.Minute)
	bot := w.Alice.AddBot("ci", account.Rights{Scope: account.NewScope(account.VerbRead, bus.RoomID{1})})
	linked := w.Alice.TakeUp(l, "phone")
	next := func(d *chaintest.Device) *chain.Entry {
		return d.KEMEntry(account.KEM{Serial: d.Serial + 1, Key: w.KEMKey().Public()})
	}
	w.Pass(bus.KEMPause - time.Millisecond)
	check(t, w, []offer{
		{"a bot just added", w.Alice, next(bot), "not_allowed"},
		{"a device just linked", w.Alice, next(linked), "not_allowed"},
		{"a device of an hour", w.Alice, next(w.Alice.Device()), ""},
	})
	w.Pass(time.Millisecond)
	check(t, w, []offer{{"a bot of an hour", w.Alice, next(bot), ""}, {"a link of an hour", w.Alice, next(linked), ""}})
	bot.Renew()
	check(t, w, []offer{{"at once again", w.Alice, next(bot), "not_allowed"}, {"another's", w.Alice, next(linked), ""}})
	w.Pass(bus.KEMPause)
	check(t, w, []offer{{"an hour later", w.Alice, next(bot), ""}})
}
