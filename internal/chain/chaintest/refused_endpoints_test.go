package chaintest_test

import (
	"bytes"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/chaintest"
	"unibus/internal/identity"
)

// endpoints are those of alice in manyEndpoints.
type endpoints struct {
	plain, lost, ci, over                                 *chaintest.Device
	open, used, ended, orphan, expired, byFormer, overBot *chaintest.Linked
	former                                                identity.SigningKey // her first A
}

// manyEndpoints has alice with devices that may add and may not, bots with a
// scope and with an end, links of every fate, and her second A; carol begins
// with a bot.
func manyEndpoints(t *testing.T) offers {
	w := chaintest.New(t)
	alice := w.Alice
	phone := alice.Device()
	one := account.NewScope(account.VerbRead, bus.RoomID{1})
	x := endpoints{plain: alice.NewDevice("plain"), former: alice.Key}
	x.plain.Rights = account.Rights{}
	w.MustAccount(alice, w.AddEntry(x.plain))
	x.lost = alice.AddDevice("lost")
	x.ci = alice.AddBot("ci", account.Rights{Scope: one})
	x.over = alice.AddBot("over", account.Rights{NotAfter: w.Now.Add(time.Minute)})
	x.open, x.used, x.ended = phone.Link(time.Hour), phone.Link(time.Hour), phone.Link(time.Hour)
	x.orphan, x.expired = x.lost.Link(time.Hour), phone.Link(time.Minute)
	alice.TakeUp(x.used, "tablet")
	end := account.Revoke{By: account.ByEndpoint, Endpoint: x.ended.Endpoint()}
	w.MustAccount(alice, w.AccountEntry(alice, phone, account.OpRevoke, end.Encode(), phone.Content))
	x.overBot = w.NewLink(account.KindBot, account.Rights{NotAfter: w.Now.Add(time.Minute)}, time.Hour)
	w.MustAccount(alice, w.LinkEntry(phone, x.overBot))
	x.byFormer = w.NewLink(account.KindDevice, account.Rights{}, time.Hour)
	x.byFormer.By = account.ByAccount
	w.MustAccount(alice, w.AccountEntry(alice, phone, account.OpLink, x.byFormer.Encode(), alice.Key))
	x.lost.Revoke()
	alice.Rotate()
	carol := w.Bare("carol")
	carol.AddBot("first", account.Rights{})
	scoped := w.Founder.AddBot("scoped", account.Rights{Scope: one})
	ended := w.Founder.AddBot("over", account.Rights{NotAfter: w.Now.Add(time.Minute)})
	w.Pass(10 * time.Minute)

	o := &offering{t: t, w: w}
	node := buslog.Node{Name: "n1", SPKI: bus.Hash{1}}.Encode()
	o.refuse("bus", "by an endpoint with a scope", "scope", w.BusEntry(scoped, buslog.OpNodeAdd, node).Encode())
	o.refuse("bus", "by an endpoint whose time is over", "actor", w.BusEntry(ended, buslog.OpNodeAdd, node).Encode())
	recovery := account.Add{By: account.ByAccount, Key: carol.Key.Public(), Kind: account.KindRecovery, KEM: w.KEMKey().Public()}
	o.refuse("carol", "add: a recovery endpoint where a bot was first", "kind",
		w.AccountEntry(carol, carol.Device(), account.OpAdd, recovery.Encode(), carol.Key).Encode())
	o.linkEntries(x)
	o.linkAccepts(x)
	o.addsByDevice(x)
	o.accountEnds(x, scoped, ended)
	o.rotations(x)
	return o.offers("many endpoints")
}

// crooked are rights that no endpoint of the kind may have.
func crooked(now time.Time) []struct {
	name, reason string
	kind         account.Kind
	rights       account.Rights
} {
	rooms := make([]bus.RoomID, account.MaxScopeRooms+1)
	for i := range rooms {
		rooms[i] = bus.RoomID{byte(i)}
	}
	scope := func(verbs account.Verb, rooms ...bus.RoomID) account.Rights {
		return account.Rights{Scope: &account.Scope{Verbs: verbs, Rooms: rooms}}
	}
	const device, bot = account.KindDevice, account.KindBot
	return []struct {
		name, reason string
		kind         account.Kind
		rights       account.Rights
	}{
		{"a device that ends", "rights", device, account.Rights{NotAfter: now.Add(time.Hour)}},
		{"a device with a scope", "rights", device, scope(1, bus.RoomID{1})},
		{"a bot that may add", "rights", bot, account.Rights{MayAdd: true}},
		{"a bot that is over", "not-after", bot, account.Rights{NotAfter: now.Add(-time.Millisecond)}},
		{"a bot for no room", "scope", bot, scope(1)},
		{"a bot for 65 rooms", "scope", bot, scope(1, rooms...)},
		{"a bot without verbs", "scope", bot, scope(0, bus.RoomID{1})},
		{"a bot with verb 4", "scope", bot, scope(4, bus.RoomID{1})},
		{"a bot for rooms in another order", "scope", bot, scope(3, bus.RoomID{2}, bus.RoomID{1})},
		{"a bot for one room twice", "scope", bot, scope(3, bus.RoomID{1}, bus.RoomID{1})},
	}
}

func (o *offering) linkEntries(x endpoints) {
	w, alice := o.w, o.w.Alice
	phone := alice.Device()
	refuse := func(name, reason string, e *chain.Entry) { o.refuse("alice", "link: "+name, reason, e.Encode()) }
	by := func(d *chaintest.Device, signer account.Signer, key identity.SigningKey) *chain.Entry {
		l := w.NewLink(account.KindDevice, account.Rights{}, time.Hour)
		l.By = signer
		return w.AccountEntry(alice, d, account.OpLink, l.Encode(), key)
	}
	link := func(name, reason string, change func(*chaintest.Linked)) {
		l := w.NewLink(account.KindDevice, account.Rights{}, time.Hour)
		change(l)
		refuse(name, reason, w.LinkEntry(phone, l))
	}
	o.good("alice", by(phone, account.ByEndpoint, phone.Content))
	o.good("alice", by(phone, account.ByAccount, alice.Key))
	refuse("signer 0", "signer", by(phone, 0, phone.Content))
	refuse("signer 3", "signer", by(phone, account.ByAdmin, phone.Content))
	refuse("signer 1, by A", "signature", by(phone, account.ByEndpoint, alice.Key))
	refuse("signer 2, by C", "signature", by(phone, account.ByAccount, phone.Content))
	refuse("signer 2, by a former A", "signature", by(phone, account.ByAccount, x.former))
	refuse("signer 2, by a device that is revoked", "actor", by(x.lost, account.ByAccount, alice.Key))
	refuse("by a device that may not add", "right", by(x.plain, account.ByEndpoint, x.plain.Content))
	refuse("by a bot", "right", by(x.ci, account.ByEndpoint, x.ci.Content))
	refuse("by a device that is revoked", "actor", by(x.lost, account.ByEndpoint, x.lost.Content))
	refuse("by another account", "account", by(w.Bob.Device(), account.ByEndpoint, w.Bob.Device().Content))
	for _, c := range crooked(w.Now) {
		link(c.name, c.reason, func(l *chaintest.Linked) { l.Kind, l.Rights = c.kind, c.rights })
	}
	link("kind 0", "kind", func(l *chaintest.Linked) { l.Kind = 0 })
	link("a recovery endpoint", "kind", func(l *chaintest.Linked) { l.Kind = account.KindRecovery })
	link("not-after before the entry", "not-after", func(l *chaintest.Linked) { l.NotAfter = w.Now.Add(-time.Millisecond) })
	link("not-after too late", "not-after", func(l *chaintest.Linked) { l.NotAfter = w.Now.Add(bus.MaxLinkLife + time.Millisecond) })
	link("an id again", "used", func(l *chaintest.Linked) { l.ID = x.ended.ID })
	link("a one-time C again", "used", func(l *chaintest.Linked) { l.Content = x.used.Content })
	link("a one-time T as C", "used", func(l *chaintest.Linked) { l.Content = identity.VerifyKey(x.open.Transport) })
	link("the T of a revoked device", "used", func(l *chaintest.Linked) { l.Transport = x.lost.Transport.Public() })
	link("a former A as C", "used", func(l *chaintest.Linked) { l.Content = x.former.Public() })
	link("A as T", "same key", func(l *chaintest.Linked) { l.Transport = identity.TransportID(alice.Key.Public()) })
	link("C as T", "same key", func(l *chaintest.Linked) { l.Transport = identity.TransportID(l.Content) })
	link("no T", "key", func(l *chaintest.Linked) { l.Transport = identity.TransportID{} })
	link("a kem key of small order", "key", func(l *chaintest.Linked) { clear(l.KEM[1184:]) })
	body := w.NewLink(account.KindDevice, account.Rights{}, time.Hour).Encode()
	raw := func(name, reason string, body []byte) {
		refuse(name, reason, w.AccountEntry(alice, phone, account.OpLink, body, phone.Content))
	}
	const atFlags = 1 + 16 + 32 + 32 + 1216 + 1
	raw("flags 8", "flags", with(body, atFlags, 8))
	raw("an end that does not stand there", "short", with(body, atFlags, 4|2))
	raw("a byte less", "short", body[:len(body)-1])
	raw("a byte more", "trailing", append(bytes.Clone(body), 0))
}

func (o *offering) linkAccepts(x endpoints) {
	w, alice := o.w, o.w.Alice
	refuse := func(name, reason string, e *chain.Entry) { o.refuse("alice", "accept: "+name, reason, e.Encode()) }
	fresh := alice.NewDevice("fresh")
	accept := func(l *chaintest.Linked) *chain.Entry { return w.LinkAcceptEntry(fresh, l) }
	o.good("alice", accept(x.open))
	refuse("an unknown link", "link", accept(w.NewLink(account.KindDevice, account.Rights{}, time.Hour)))
	refuse("a link that was taken up", "link", accept(x.used))
	refuse("a link that was revoked", "link", accept(x.ended))
	refuse("a link of a device that is revoked", "link", accept(x.orphan))
	refuse("a link of a former A", "link", accept(x.byFormer))
	refuse("a link that expired", "not-after", accept(x.expired))
	refuse("a bot that is over", "not-after", accept(x.overBot))
	signed := func(keys ...identity.SigningKey) *chain.Entry {
		return accept(x.open).Sign(identity.ContextAccount, keys...)
	}
	once := x.open.Keys.Content
	refuse("without C", "signatures", signed(once))
	refuse("without the one-time C", "signatures", signed(fresh.Content))
	refuse("in the other order", "signature", signed(fresh.Content, once))
	refuse("by A", "signature", signed(alice.Key, fresh.Content))
	refuse("by another link", "signature", signed(x.used.Keys.Content, fresh.Content))
	moved := accept(x.open)
	moved.Actor = alice.Device().ID()
	refuse("by another endpoint", "actor", moved.Sign(identity.ContextAccount, once, fresh.Content))
	other := accept(x.open)
	other.Account = w.Bob.ID()
	refuse("for another account", "account", other.Sign(identity.ContextAccount, once, fresh.Content))
	device := func(name, reason string, change func(*account.Accept)) {
		a := account.Accept{Link: x.open.ID, Content: fresh.Content.Public(), Transport: fresh.Transport.Public(),
			KEM: fresh.KEM.Public(), Name: fresh.Name}
		change(&a)
		e := w.AccountEntry(alice, fresh, account.OpAccept, a.Encode(), once, fresh.Content)
		e.Actor = a.Endpoint()
		refuse(name, reason, e.Sign(identity.ContextAccount, once, fresh.Content))
	}
	device("the link's own C", "used", func(a *account.Accept) { a.Content = x.open.Content })
	device("a T that was revoked", "used", func(a *account.Accept) { a.Transport = x.lost.Transport.Public() })
	device("a C as T", "used", func(a *account.Accept) { a.Transport = identity.TransportID(x.plain.Content.Public()) })
	device("a former A", "used", func(a *account.Accept) { a.Content = x.former.Public() })
	device("T is C", "same key", func(a *account.Accept) { a.Transport = identity.TransportID(a.Content) })
	device("no T", "key", func(a *account.Accept) { a.Transport = identity.TransportID{} })
	device("a kem key of small order", "key", func(a *account.Accept) { clear(a.KEM[1184:]) })
	device("a name of 65", "name", func(a *account.Accept) { a.Name = string(bytes.Repeat([]byte("n"), 65)) })
}

func (o *offering) addsByDevice(x endpoints) {
	w, alice := o.w, o.w.Alice
	phone, fresh := alice.Device(), alice.NewDevice("fresh")
	refuse := func(name, reason string, e *chain.Entry) { o.refuse("alice", "add: "+name, reason, e.Encode()) }
	body := func(change func(*account.Add)) []byte {
		a := fresh.Add()
		a.By = account.ByEndpoint
		change(&a)
		return a.Encode()
	}
	same := body(func(*account.Add) {})
	entry := func(by *chaintest.Device, body []byte, key identity.SigningKey) *chain.Entry {
		return w.AccountEntry(alice, by, account.OpAdd, body, key, fresh.Content)
	}
	o.good("alice", entry(phone, same, phone.Content))
	refuse("signer 0", "signer", entry(phone, with(same, 0, 0), phone.Content))
	refuse("signer 3", "signer", entry(phone, with(same, 0, 3), phone.Content))
	refuse("signer 1, by A", "signature", entry(phone, same, alice.Key))
	refuse("signer 2, by C", "signature", entry(phone, with(same, 0, 2), phone.Content))
	refuse("signer 2, by a former A", "signature", entry(phone, with(same, 0, 2), x.former))
	refuse("under a former A", "account key", entry(phone, body(func(a *account.Add) { a.Key = x.former.Public() }), phone.Content))
	refuse("signer 1, by itself", "actor", entry(fresh, same, fresh.Content))
	refuse("by a device that may not add", "right", entry(x.plain, same, x.plain.Content))
	refuse("by a bot", "right", entry(x.ci, same, x.ci.Content))
	refuse("signer 1, by a device that is revoked", "actor", entry(x.lost, same, x.lost.Content))
	for _, c := range crooked(w.Now) {
		refuse(c.name, c.reason, entry(phone, body(func(a *account.Add) { a.Kind, a.Rights = c.kind, c.rights }), phone.Content))
	}
	const atFlags = 1 + 32 + 1 + 32 + 32 + 1216
	refuse("flags 8", "flags", entry(phone, with(same, atFlags, 8), phone.Content))
	recovery := account.Add{By: account.ByEndpoint, Key: alice.Key.Public(), Kind: account.KindRecovery, KEM: fresh.KEM.Public()}
	refuse("a recovery endpoint by a device", "signer",
		w.AccountEntry(alice, phone, account.OpAdd, recovery.Encode(), phone.Content))
	recovery.By, recovery.Rights.MayAdd = account.ByAccount, true
	refuse("a recovery endpoint that may add", "rights",
		w.AccountEntry(alice, phone, account.OpAdd, recovery.Encode(), alice.Key))
}

// accountEnds are revokes and kem keys of endpoints that may not.
func (o *offering) accountEnds(x endpoints, scoped, ended *chaintest.Device) {
	w, alice := o.w, o.w.Alice
	refuse := func(name, reason string, e *chain.Entry) { o.refuse("alice", name, reason, e.Encode()) }
	revoke := func(by *chaintest.Device, signer account.Signer, id bus.EndpointID, key identity.SigningKey) *chain.Entry {
		r := account.Revoke{By: signer, Endpoint: id}
		if signer == account.ByAdmin {
			r.At = by.Owner.Head()
		}
		return w.AccountEntry(alice, by, account.OpRevoke, r.Encode(), key)
	}
	phone := alice.Device()
	o.good("alice", revoke(x.ci, account.ByEndpoint, x.ci.ID(), x.ci.Content))
	o.good("alice", revoke(x.plain, account.ByEndpoint, x.open.Endpoint(), x.plain.Content))
	refuse("revoke: another, by an endpoint with a scope", "scope", revoke(x.ci, account.ByEndpoint, phone.ID(), x.ci.Content))
	refuse("revoke: a link, by an endpoint with a scope", "scope", revoke(x.ci, account.ByEndpoint, x.open.Endpoint(), x.ci.Content))
	refuse("revoke: by an endpoint whose time is over", "actor", revoke(x.over, account.ByEndpoint, x.over.ID(), x.over.Content))
	refuse("revoke: a link again", "endpoint", revoke(phone, account.ByEndpoint, x.ended.Endpoint(), phone.Content))
	refuse("revoke: a link that was taken up", "endpoint", revoke(phone, account.ByEndpoint, x.used.Endpoint(), phone.Content))
	refuse("revoke: signer 2, a former A", "signature", revoke(phone, account.ByAccount, x.ci.ID(), x.former))
	o.good("alice", revoke(w.Founder.Device(), account.ByAdmin, x.ci.ID(), w.Founder.Device().Content))
	refuse("revoke: signer 3, with a scope", "scope", revoke(scoped, account.ByAdmin, x.ci.ID(), scoped.Content))
	refuse("revoke: signer 3, whose time is over", "actor", revoke(ended, account.ByAdmin, x.ci.ID(), ended.Content))
	refuse("kem: of an endpoint whose time is over", "actor", x.over.KEMEntry(account.KEM{Serial: 2, Key: w.KEMKey().Public()}))
}

func (o *offering) rotations(x endpoints) {
	w, alice := o.w, o.w.Alice
	refuse := func(name, reason string, e *chain.Entry) { o.refuse("alice", "rotate: "+name, reason, e.Encode()) }
	next := w.SigningKey()
	entry := func() *chain.Entry { return w.RotateEntry(alice, next) }
	signed := func(keys ...identity.SigningKey) *chain.Entry { return entry().Sign(identity.ContextAccount, keys...) }
	o.good("alice", entry())
	refuse("without A", "signatures", signed(next))
	refuse("without the new A", "signatures", signed(alice.Key))
	refuse("in the other order", "signature", signed(next, alice.Key))
	refuse("by a former A", "signature", signed(x.former, next))
	refuse("to the same", "used", w.RotateEntry(alice, alice.Key))
	refuse("to a former one", "used", w.RotateEntry(alice, x.former))
	refuse("to a C", "used", w.RotateEntry(alice, x.plain.Content))
	refuse("to a one-time C", "used", w.RotateEntry(alice, x.ended.Keys.Content))
	lost := entry()
	lost.Actor = x.lost.ID()
	refuse("by a device that is revoked", "actor", lost.Sign(identity.ContextAccount, alice.Key, next))
	other := entry()
	other.Account = w.Bob.ID()
	refuse("for another account", "account", other.Sign(identity.ContextAccount, alice.Key, next))
	raw := func(body []byte) *chain.Entry {
		return w.AccountEntry(alice, alice.Device(), account.OpRotate, body, alice.Key, next)
	}
	pub := next.Public()
	refuse("to no key", "signature", raw(make([]byte, 32)))
	refuse("a byte less", "short", raw(pub[:31]))
	refuse("a byte more", "trailing", raw(append(pub[:], 0)))
}
