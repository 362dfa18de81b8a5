package account_test

import (
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/chaintest"
	"unibus/internal/identity"
)

func TestLink(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	alice := w.Alice
	d, plain := alice.Device(), alice.NewDevice("plain")
	plain.Rights = account.Rights{}
	w.MustAccount(alice, w.AddEntry(plain))
	bot := alice.AddBot("ci", account.Rights{})
	lost := alice.AddDevice("lost")
	lost.Revoke()
	used := d.Link(time.Hour)
	room := bus.RoomID{1}
	link := func(change func(*chaintest.Linked)) *chain.Entry {
		l := w.NewLink(account.KindDevice, account.Rights{}, time.Hour)
		change(l)
		return w.LinkEntry(d, l)
	}
	by := func(who *chaintest.Device) *chain.Entry {
		return w.AccountEntry(alice, who, account.OpLink,
			w.NewLink(account.KindDevice, account.Rights{}, time.Hour).Encode(), who.Content)
	}
	byA := func(actor bus.EndpointID, key identity.SigningKey) *chain.Entry {
		l := w.NewLink(account.KindDevice, account.Rights{MayAdd: true}, time.Hour)
		l.By = account.ByAccount
		return changed(w.LinkEntry(d, l), func(e *chain.Entry) { e.Actor = actor }, key)
	}
	low := w.KEMKey().Public()
	clear(low[len(low)-32:])
	check(t, w, []offer{
		{"for an hour", alice, link(func(*chaintest.Linked) {}), ""},
		{"that may add", alice, link(func(l *chaintest.Linked) { l.Rights.MayAdd = true }), ""},
		{"for a bot", alice, link(func(l *chaintest.Linked) {
			l.Kind, l.Rights = account.KindBot, account.Rights{NotAfter: w.Now.Add(time.Hour), Scope: account.NewScope(account.VerbRead, room)}
		}), ""},
		{"by A", alice, byA(d.ID(), alice.Key), ""},
		{"by A without a device", alice, byA(bus.EndpointID{}, alice.Key), ""},
		{"by A naming a revoked device", alice, byA(lost.ID(), alice.Key), "not_allowed"},
		{"by C as A", alice, byA(d.ID(), d.Content), "bad_signature"},
		{"for more than an hour", alice, link(func(l *chaintest.Linked) { l.NotAfter = w.Now.Add(time.Hour + time.Millisecond) }), "not_allowed"},
		{"that is over", alice, link(func(l *chaintest.Linked) { l.NotAfter = w.Now.Add(-time.Millisecond) }), "not_allowed"},
		{"for a bot that is over", alice, link(func(l *chaintest.Linked) {
			l.Kind, l.Rights.NotAfter = account.KindBot, w.Now.Add(-time.Millisecond)
		}), "not_allowed"},
		{"for a bot that may add", alice, link(func(l *chaintest.Linked) { l.Kind, l.Rights.MayAdd = account.KindBot, true }), "bad_entry"},
		{"for a device that ends", alice, link(func(l *chaintest.Linked) { l.Rights.NotAfter = w.Now.Add(time.Hour) }), "bad_entry"},
		{"for a recovery endpoint", alice, link(func(l *chaintest.Linked) { l.Kind = account.KindRecovery }), "bad_entry"},
		{"with an id that was used", alice, link(func(l *chaintest.Linked) { l.ID = used.ID }), "not_allowed"},
		{"with keys that were used", alice, link(func(l *chaintest.Linked) { l.Content = used.Content }), "not_allowed"},
		{"with a device's C", alice, link(func(l *chaintest.Linked) { l.Content = lost.Content.Public() }), "not_allowed"},
		{"with A", alice, link(func(l *chaintest.Linked) { l.Content = alice.Key.Public() }), "not_allowed"},
		{"with one key as two", alice, link(func(l *chaintest.Linked) { l.Transport = identity.TransportID(l.Content) }), "bad_entry"},
		{"without a kem key", alice, link(func(l *chaintest.Linked) { l.KEM = low }), "bad_key"},
		{"by a device that may not add", alice, by(plain), "not_allowed"},
		{"by a bot", alice, by(bot), "not_allowed"},
		{"by a revoked device", alice, by(lost), "not_allowed"},
		{"by a stranger's device", alice, by(alice.NewDevice("x")), "not_allowed"},
		{"by another user", alice, w.AccountEntry(alice, w.Bob.Device(), account.OpLink, used.Encode(), w.Bob.Device().Content), "bad_entry"},
		{"by an admin", alice, link(func(l *chaintest.Linked) { l.By = account.ByAdmin }), "bad_entry"},
		{"first of all", w.Bare("carol"), w.AccountEntry(w.Bare("dave"), d, account.OpLink, used.Encode(), d.Content), "bad_chain"},
	})
}

func TestAcceptLink(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	alice := w.Alice
	maker, foreign := alice.AddDevice("maker"), w.Bob.Device().Link(time.Hour)
	l, ended, orphan, taken := maker.Link(time.Hour), alice.Device().Link(time.Hour), maker.Link(time.Hour), alice.Device().Link(time.Hour)
	revoke := func(id bus.EndpointID) *chain.Entry {
		return w.AccountEntry(alice, alice.Device(), account.OpRevoke,
			account.Revoke{By: account.ByEndpoint, Endpoint: id}.Encode(), alice.Device().Content)
	}
	w.MustAccount(alice, revoke(ended.Endpoint()))
	tablet := alice.TakeUp(taken, "tablet")
	fresh := alice.NewDevice("fresh")
	accept := func(change func(*chain.Entry), keys ...identity.SigningKey) *chain.Entry {
		return changed(w.LinkAcceptEntry(fresh, l), change, keys...)
	}
	with := func(change func(*chaintest.Device)) *chain.Entry {
		d := alice.NewDevice("x")
		change(d)
		return w.LinkAcceptEntry(d, l)
	}
	check(t, w, []offer{
		{"as linked", alice, w.LinkAcceptEntry(fresh, l), ""},
		{"by the link alone", alice, accept(none, l.Keys.Content), "bad_signature"},
		{"by the device alone", alice, accept(none, fresh.Content), "bad_signature"},
		{"in the other order", alice, accept(none, fresh.Content, l.Keys.Content), "bad_signature"},
		{"by another link", alice, accept(none, orphan.Keys.Content, fresh.Content), "bad_signature"},
		{"in another's name", alice, accept(func(e *chain.Entry) { e.Actor = tablet.ID() }, l.Keys.Content, fresh.Content), "bad_entry"},
		{"for another account", w.Bob, w.AccountEntry(w.Bob, fresh, account.OpAccept, nil, l.Keys.Content, fresh.Content), "bad_entry"},
		{"a revoked link", alice, w.LinkAcceptEntry(fresh, ended), "link_used"},
		{"a used link", alice, w.LinkAcceptEntry(fresh, taken), "link_used"},
		{"a link of another", alice, w.LinkAcceptEntry(fresh, foreign), "link_used"},
		{"with the link's own keys", alice, with(func(d *chaintest.Device) { d.Content = l.Keys.Content }), "not_allowed"},
		{"with the keys of a device", alice, with(func(d *chaintest.Device) { d.Transport = maker.Transport }), "not_allowed"},
		{"with A", alice, with(func(d *chaintest.Device) { d.Content = alice.Key }), "not_allowed"},
		{"a used link revoked", alice, revoke(taken.Endpoint()), "no_endpoint"},
	})
	if got := alice.State().Endpoint(tablet.ID()); got.AddedBy != alice.Device().ID() || got.Kind != account.KindDevice || got.Name != "tablet" {
		t.Errorf("the linked device is %+v", got)
	}
	if s := alice.State(); !s.LinkOpen(l.ID, w.Now) || s.LinkOpen(taken.ID, w.Now) || s.LinkOpen(ended.ID, w.Now) ||
		s.LinkOpen(bus.InviteID{}, w.Now) || *s.LinkOf(taken.ID).Accepted != tablet.ID() || len(s.Links()) != 4 {
		t.Error("which links are open is wrong")
	}
	maker.Revoke()
	check(t, w, []offer{{"a link of a device that was revoked", alice, w.LinkAcceptEntry(fresh, orphan), "link_used"}})
	if alice.State().LinkOpen(l.ID, w.Now) {
		t.Error("a revoked device left an open link")
	}
	late := alice.Device().Link(time.Minute)
	w.Pass(time.Minute)
	check(t, w, []offer{{"at the last moment", alice, w.LinkAcceptEntry(fresh, late), ""}})
	w.Pass(time.Millisecond)
	check(t, w, []offer{{"too late", alice, w.LinkAcceptEntry(fresh, late), "link_expired"}})
}

// TestAddByDevice lists endpoints without A.
func TestAddByDevice(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	alice := w.Alice
	d, plain := alice.Device(), alice.NewDevice("plain")
	plain.Rights = account.Rights{}
	w.MustAccount(alice, w.AddEntry(plain))
	by := func(who *chaintest.Device, change func(*account.Add), key identity.SigningKey) *chain.Entry {
		d := alice.NewDevice("new")
		a := d.Add()
		a.By = account.ByEndpoint
		change(&a)
		return w.AccountEntry(alice, who, account.OpAdd, a.Encode(), key, d.Content)
	}
	same := func(*account.Add) {}
	lost := alice.AddDevice("lost")
	lost.Revoke()
	check(t, w, []offer{
		{"by a device that may", alice, by(d, same, d.Content), ""},
		{"a bot", alice, by(d, func(a *account.Add) { a.Kind, a.Rights = account.KindBot, account.Rights{} }, d.Content), ""},
		{"by A instead", alice, by(d, same, alice.Key), "bad_signature"},
		{"by a device that may not", alice, by(plain, same, plain.Content), "not_allowed"},
		{"by a revoked device", alice, by(lost, same, lost.Content), "bad_entry"},
		{"by a stranger's device", alice, by(w.Bob.Device(), same, w.Bob.Device().Content), "bad_entry"},
		{"under no A", alice, by(d, func(a *account.Add) { a.Key = identity.VerifyKey{} }, d.Content), "bad_entry"},
		{"a recovery endpoint", alice, by(d, func(a *account.Add) {
			*a = account.Add{By: account.ByEndpoint, Key: a.Key, Kind: account.KindRecovery, KEM: a.KEM}
		}, d.Content), "bad_entry"},
	})
	bare := w.Bare("carol")
	self := bare.NewDevice("x")
	a := self.Add()
	a.By = account.ByEndpoint
	check(t, w, []offer{{"the first by itself", bare,
		w.AccountEntry(bare, self, account.OpAdd, a.Encode(), self.Content, self.Content), "bad_entry"}})
}

// TestBots holds endpoints without a person to their end and their scope.
func TestBots(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	alice, room := w.Alice, bus.RoomID{1}
	ends := w.Now.Add(time.Hour)
	scoped := account.Rights{NotAfter: ends, Scope: account.NewScope(account.VerbPublish, room)}
	add := func(change func(*account.Add)) *chain.Entry {
		d := alice.NewBot("x", scoped)
		a := d.Add()
		change(&a)
		return w.AccountEntry(alice, alice.Device(), account.OpAdd, a.Encode(), alice.Key, d.Content)
	}
	rights := func(r account.Rights) func(*account.Add) { return func(a *account.Add) { a.Rights = r } }
	many := make([]bus.RoomID, account.MaxScopeRooms+1)
	for i := range many {
		many[i] = bus.RoomID{byte(i)}
	}
	check(t, w, []offer{
		{"with both", alice, add(func(*account.Add) {}), ""},
		{"with neither", alice, add(rights(account.Rights{})), ""},
		{"with an end", alice, add(rights(account.Rights{NotAfter: ends})), ""},
		{"for 64 rooms", alice, add(rights(account.Rights{Scope: account.NewScope(account.VerbRead, many[:64]...)})), ""},
		{"for 65 rooms", alice, add(rights(account.Rights{Scope: account.NewScope(account.VerbRead, many...)})), "bad_entry"},
		{"for no room", alice, add(rights(account.Rights{Scope: account.NewScope(account.VerbRead)})), "bad_entry"},
		{"for nothing", alice, add(rights(account.Rights{Scope: account.NewScope(0, room)})), "bad_entry"},
		{"for more than there is", alice, add(rights(account.Rights{Scope: account.NewScope(4, room)})), "bad_entry"},
		{"for rooms out of order", alice, add(rights(account.Rights{Scope: &account.Scope{Rooms: []bus.RoomID{{2}, {1}}, Verbs: 1}})), "bad_entry"},
		{"for a room twice", alice, add(rights(account.Rights{Scope: &account.Scope{Rooms: []bus.RoomID{{1}, {1}}, Verbs: 1}})), "bad_entry"},
		{"over already", alice, add(rights(account.Rights{NotAfter: w.Now.Add(-time.Millisecond)})), "not_allowed"},
		{"that may add", alice, add(rights(account.Rights{MayAdd: true})), "bad_entry"},
		{"a device with a scope", alice, add(func(a *account.Add) { a.Kind, a.Rights.NotAfter = account.KindDevice, time.Time{} }), "bad_entry"},
		{"a device with an end", alice, add(func(a *account.Add) { a.Kind, a.Rights.Scope = account.KindDevice, nil }), "bad_entry"},
	})
	bot, free := alice.AddBot("ci", scoped), alice.AddBot("free", account.Rights{NotAfter: ends})
	revoke := func(by *chaintest.Device, id bus.EndpointID) *chain.Entry {
		return w.AccountEntry(alice, by, account.OpRevoke, account.Revoke{By: account.ByEndpoint, Endpoint: id}.Encode(), by.Content)
	}
	kem := func(by *chaintest.Device) *chain.Entry {
		return by.KEMEntry(account.KEM{Serial: 2, Key: w.KEMKey().Public()})
	}
	s := alice.State()
	speaks := func(d *chaintest.Device) bool { _, ok := s.Signer(d.ID(), alice.Head(), w.Now); return ok }
	acts := func(d *chaintest.Device) bool { _, ok := s.Actor(d.ID(), alice.Head(), w.Now); return ok }
	if speaks(bot) || !acts(bot) || !speaks(free) || !s.Live(bot.ID(), w.Now) {
		t.Error("what bots may sign is wrong")
	}
	w.Pass(time.Hour)
	check(t, w, []offer{
		{"a kem key at the end", alice, kem(bot), ""},
		{"ending itself", alice, revoke(bot, bot.ID()), ""},
		{"ending a device", alice, revoke(bot, alice.Device().ID()), "not_allowed"},
		{"a bot without a scope ending another", alice, revoke(free, bot.ID()), ""},
	})
	w.Pass(time.Millisecond)
	check(t, w, []offer{
		{"a kem key after the end", alice, kem(bot), "not_allowed"},
		{"ending itself after the end", alice, revoke(free, free.ID()), "not_allowed"},
		{"ended by a device", alice, revoke(alice.Device(), free.ID()), ""},
	})
	if speaks(free) || acts(bot) || s.Live(free.ID(), w.Now) {
		t.Error("an endpoint signs after its end")
	}
}

// TestBotAccount gives a bot no recovery endpoint.
func TestBotAccount(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	p := w.Bare("builder")
	p.AddBot("first", account.Rights{})
	add := account.Add{By: account.ByAccount, Key: p.Key.Public(), Kind: account.KindRecovery, KEM: w.KEMKey().Public()}
	check(t, w, []offer{{"a bot's recovery endpoint", p,
		w.AccountEntry(p, p.Device(), account.OpAdd, add.Encode(), p.Key), "not_allowed"}})
}

func TestRotate(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	alice, id, first := w.Alice, w.Alice.ID(), w.Alice.Key
	d, next := alice.Device(), w.SigningKey()
	bot := alice.AddBot("ci", account.Rights{NotAfter: w.Now.Add(time.Hour)})
	l, old := d.Link(time.Hour), w.NewLink(account.KindDevice, account.Rights{}, time.Hour)
	old.By = account.ByAccount
	w.MustAccount(alice, w.LinkEntry(d, old).Sign(identity.ContextAccount, alice.Key))
	rotate := func(change func(*chain.Entry), keys ...identity.SigningKey) *chain.Entry {
		return changed(w.RotateEntry(alice, next), change, keys...)
	}
	check(t, w, []offer{
		{"by both", alice, w.RotateEntry(alice, next), ""},
		{"without a device", alice, rotate(func(e *chain.Entry) { e.Actor = bus.EndpointID{} }, alice.Key, next), ""},
		{"by a stranger's device", alice, rotate(func(e *chain.Entry) { e.Actor = w.Bob.Device().ID() }, alice.Key, next), "not_allowed"},
		{"by the old key alone", alice, rotate(none, alice.Key), "bad_signature"},
		{"by the new key alone", alice, rotate(none, next), "bad_signature"},
		{"in the other order", alice, rotate(none, next, alice.Key), "bad_signature"},
		{"by a device", alice, rotate(none, d.Content, next), "bad_signature"},
		{"to the key in force", alice, w.RotateEntry(alice, alice.Key), "not_allowed"},
		{"to a device's C", alice, w.RotateEntry(alice, d.Content), "not_allowed"},
		{"to a link's key", alice, w.RotateEntry(alice, l.Keys.Content), "not_allowed"},
		{"to no key", alice, rotate(func(e *chain.Entry) { e.Body = make([]byte, 32) }, alice.Key, next), "bad_entry"},
		{"to a key of 31 bytes", alice, rotate(func(e *chain.Entry) { e.Body = e.Body[:31] }, alice.Key, next), "bad_entry"},
		{"of another's account", alice, rotate(func(e *chain.Entry) { e.Account = w.Bob.ID() }, alice.Key, next), "bad_entry"},
	})
	w.Pass(time.Hour + time.Millisecond)
	check(t, w, []offer{{"by a bot that is over", alice, rotate(func(e *chain.Entry) { e.Actor = bot.ID() }, alice.Key, next), "not_allowed"}})
	w.Pass(-time.Hour)
	at := alice.State().Len
	alice.Rotate()
	s := alice.State()
	if keys := s.Keys(); s.ID != id || alice.ID() != id || s.Key != alice.Key.Public() || len(keys) != 2 ||
		keys[0].Key != first.Public() || keys[1].Key != s.Key || keys[1].Index != at {
		t.Errorf("after a rotation: account %s, keys %v", s.ID, s.Keys())
	}
	fresh := alice.NewDevice("fresh")
	withOld := func(e *chain.Entry) *chain.Entry { return changed(e, none, first, fresh.Content) }
	a := fresh.Add()
	a.Key = first.Public()
	check(t, w, []offer{
		{"a device by the new key", alice, w.AddEntry(fresh), ""},
		{"a device by the old key", alice, withOld(w.AddEntry(fresh)), "bad_signature"},
		{"a device under the old key", alice, w.AccountEntry(alice, fresh, account.OpAdd, a.Encode(), first, fresh.Content), "bad_entry"},
		{"back to the old key", alice, w.RotateEntry(alice, first), "not_allowed"},
		{"a link that a device made", alice, w.LinkAcceptEntry(fresh, l), ""},
		{"a link that the old key made", alice, w.LinkAcceptEntry(fresh, old), "link_used"},
	})
}
