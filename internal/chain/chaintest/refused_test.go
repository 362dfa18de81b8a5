package chaintest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
)

const refusedFile = "testdata/vectors/refused.json"

// offers are the chains of a small bus, and entries that none of them may take
// as its next one.
type offers struct {
	Name     string           `json:"name"`
	BusLog   []raw            `json:"bus_log"`
	Accounts map[string][]raw `json:"accounts"`
	RoomLog  []raw            `json:"room_log"`
	Cases    []refusal        `json:"cases"`
}

type raw struct {
	Raw []byte `json:"raw"`
}

// refusal is an entry that is refused: the rule that it breaks, in words for
// readers in other languages, and the code that ours answers.
type refusal struct {
	Name   string `json:"name"`
	Chain  string `json:"chain"` // bus, room, or the handle whose account chain it is
	Reason string `json:"reason"`
	Code   string `json:"code"`
	Raw    []byte `json:"raw"`
}

// offering collects refusals for one world.
type offering struct {
	t     *testing.T
	w     *chaintest.World
	r     *chaintest.Room
	cases []refusal
}

// refuse adds an entry that nobody may take, and asks our rules.
func (o *offering) refuse(chainName, name, reason string, b []byte) {
	o.t.Helper()
	err := o.check(chainName, b)
	if err == nil {
		o.t.Errorf("%s, %s: taken, want a refusal: %s", chainName, name, reason)
	}
	o.cases = append(o.cases, refusal{Name: name, Chain: chainName, Reason: reason, Code: bus.CodeOf(err), Raw: b})
}

func (o *offering) check(chainName string, b []byte) error {
	e, err := chain.Parse(b)
	if err != nil {
		return err
	}
	switch chainName {
	case "bus":
		_, err = o.w.Bus().Check(e, o.w)
	case "room":
		_, err = o.r.State.Check(e, o.w)
	default:
		for _, a := range o.w.Bus().Users() {
			if string(a.Handle) == chainName {
				_, err = o.w.Account(a.ID).Check(e, o.w)
			}
		}
	}
	return err
}

// good demands that an entry would be taken: what is refused differs from it
// in one thing.
func (o *offering) good(chainName string, e *chain.Entry) []byte {
	o.t.Helper()
	if err := o.check(chainName, e.Encode()); err != nil {
		o.t.Fatalf("%s: the entry that the refusals come from: %v", chainName, err)
	}
	return e.Encode()
}

func (o *offering) offers(name string) offers {
	raws := func(entries []*chain.Entry) (out []raw) {
		for _, e := range entries {
			out = append(out, raw{e.Encode()})
		}
		return out
	}
	for _, c := range o.cases { // the world must not have gone on since
		if got := bus.CodeOf(o.check(c.Chain, c.Raw)); got != c.Code {
			o.t.Errorf("%s, %s, %s: refused with %s at last, with %s when it was made", name, c.Chain, c.Name, got, c.Code)
		}
	}
	v := offers{Name: name, BusLog: raws(o.w.BusLog), Accounts: map[string][]raw{}, Cases: o.cases}
	for _, a := range o.w.Bus().Users() {
		if log := o.w.AccountLogs[a.ID]; len(log) > 0 {
			v.Accounts[string(a.Handle)] = raws(log)
		}
	}
	if o.r != nil {
		v.RoomLog = raws(o.r.Log)
	}
	return v
}

func TestVectorsRefused(t *testing.T) {
	made := []offers{oneAdmin(t), twoAdmins(t), roomOfTwo(t), closedRoom(t), threeAdmins(t), manyEndpoints(t), badEnvelope(t), clearRoom(t)}
	got, err := json.MarshalIndent(made, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(refusedFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(refusedFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("the entries refused differ from %s", refusedFile)
	}
}

// Offsets in an entry.
const (
	atBus, atChain, atIndex, atPrev, atTime = 2, 18, 34, 38, 70
	atSeen, atAccount, atActor, atOp        = 78, 98, 114, 130
	atLength, atBody                        = 131, 134
)

func flipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

func with(b []byte, at int, part ...byte) []byte {
	b = bytes.Clone(b)
	copy(b[at:], part)
	return b
}

// envelope spoils what all entries share, on an entry that would be taken.
func (o *offering) envelope(chainName string, good []byte, signatures int) {
	end := len(good)
	count := end - 64*signatures - 1
	add := func(name, reason string, b []byte) { o.refuse(chainName, name, reason, b) }
	add("version 2", "version", with(good, 0, 2))
	add("algorithm 2", "algorithm", with(good, 1, 2))
	add("nothing", "short", []byte{})
	add("cut by a byte", "short", good[:end-1])
	add("cut before the signatures", "short", good[:count])
	add("longer by a byte", "trailing", append(bytes.Clone(good), 0))
	add("no signature", "signatures", with(good[:count+1], count, 0))
	add("four signatures", "signatures", append(with(good[:count+1], count, 4), make([]byte, 256)...))
	add("a signature more than it says", "trailing", append(bytes.Clone(good), make([]byte, 64)...))
	add("a body of 2^24-1", "short", with(good, atLength, 255, 255, 255))
	add("of another bus", "bus", flipped(good, atBus))
	add("of another chain", "chain", flipped(good, atChain))
	add("a later index", "index", flipped(with(good, atIndex, 0, 0, 1), atIndex+3))
	add("another prev", "prev", flipped(good, atPrev))
	add("time after 9999", "time", with(good, atTime, 255))
	add("another time, not signed", "signature", flipped(good, atTime+7))
	add("a bit of the signature", "signature", flipped(good, end-1))
	add("a bit of the first signature", "signature", flipped(good, count+1))
}

// oneAdmin has one admin with two devices, one of them revoked; users alice,
// bob and carol, of whom bob is revoked; an open invite, a revoked one, one
// that was taken up and one that expired; a node; and a room of the admin
// (owner), alice (member) and carol (reader) with the guest of the open invite.
func oneAdmin(t *testing.T) offers {
	w := chaintest.New(t)
	old := w.Founder.AddDevice("old")
	old.Revoke()
	desk := w.Founder.Device()
	used := w.Invite("carol", time.Hour)
	carol := w.Join(used)
	ended := w.Invite("dora", time.Hour)
	w.EndInvite(ended)
	expired := w.Invite("emil", time.Minute)
	open := w.Invite("fred", 48*time.Hour)
	w.MustBus(w.BusEntry(desk, buslog.OpNodeAdd, buslog.Node{Name: "n1", SPKI: bus.Hash{1}, Floor: 7}.Encode()))
	laptop := w.Alice.AddDevice("laptop")
	first := laptop.KEM.Public()
	laptop.Renew()
	gone := w.Alice.AddDevice("gone")
	gone.Revoke()
	w.Alice.AddRecovery()
	w.Pass(bus.KEMPause)
	young := w.Alice.AddDevice("young")
	r := w.Room(desk)
	r.Add(desk, bus.RoleMember, w.Alice, w.Bob)
	r.Add(desk, bus.RoleReader, carol)
	r.Guest(desk, bus.RoleMember, open)
	w.Revoke(w.Bob)
	r.Remove(desk, w.Bob)
	o := &offering{t: t, w: w, r: r}
	o.busEntries(old, used, ended, expired, open)
	o.accountEntries(laptop, first, gone, young)
	o.roomEntries(carol, used, open)
	return o.offers("one admin")
}

func (o *offering) busEntries(old *chaintest.Device, used, ended, expired, open *chaintest.Invited) {
	w, desk := o.w, o.w.Founder.Device()
	add := func(name, reason string, e *chain.Entry) { o.refuse("bus", name, reason, e.Encode()) }
	dave := w.Person("dave")
	user := func(h bus.Handle, a identity.VerifyKey) []byte { return buslog.User{Handle: h, Key: a}.Encode() }
	body := user("dave", dave.Key.Public())
	entry := func(op chain.Op, body []byte, more ...identity.SigningKey) *chain.Entry {
		return w.BusEntry(desk, op, body, more...)
	}
	o.envelope("bus", o.good("bus", entry(buslog.OpUser, body)), 1)

	add("written by a user", "right", w.BusEntry(w.Alice.Device(), buslog.OpUser, body))
	add("written by who was revoked", "right", w.BusEntry(w.Bob.Device(), buslog.OpUser, body))
	add("by a device that is revoked", "actor", w.BusEntry(old, buslog.OpUser, body))
	first := w.AccountLogs[w.Founder.ID()][1]
	add("by a revoked device, as of when it was live", "seen", w.BusEntryAt(old, first.Head().Ref(), buslog.OpUser, body))
	add("seen an entry that is not there", "seen", w.BusEntryAt(desk, bus.Ref{Index: 99}, buslog.OpUser, body))
	add("seen another hash", "seen", w.BusEntryAt(desk, bus.Ref{Index: desk.Owner.Head().Index}, buslog.OpUser, body))
	add("signed as an account entry", "signature", entry(buslog.OpUser, body).Sign(identity.ContextAccount, desk.Content))
	add("signed by A", "signature", entry(buslog.OpUser, body).Sign(identity.ContextBus, w.Founder.Key))
	add("signed twice", "signatures", entry(buslog.OpUser, body, desk.Content))
	early := entry(buslog.OpUser, body)
	early.Time = w.Now.Add(-bus.ChainSkew - time.Minute)
	add("older than the chain", "time", early.Sign(identity.ContextBus, desk.Content))
	skipped := entry(buslog.OpUser, body)
	skipped.Index++
	add("an index left out", "index", skipped.Sign(identity.ContextBus, desk.Content))
	forked := entry(buslog.OpUser, body)
	forked.Prev[0] ^= 1
	add("on another history", "prev", forked.Sign(identity.ContextBus, desk.Content))
	add("an entry again", "index", w.BusLog[1])
	add("a second genesis", "index", w.Genesis(dave, dave.NewDevice("d")))
	add("op 10", "op", entry(10, body))
	add("op 0", "op", entry(buslog.OpGenesis, body))

	add("user: a handle that is taken", "handle", entry(buslog.OpUser, user("alice", dave.Key.Public())))
	add("user: a handle that was revoked", "handle", entry(buslog.OpUser, user("bob", dave.Key.Public())))
	add("user: the A of another", "account key", entry(buslog.OpUser, user("dave", w.Alice.Key.Public())))
	for _, h := range []string{"", "Dave", "-dave", "d ave", "dav\u00e9", "abcdefghijklmnopqrstuvwxyz0123456"} {
		add("user: handle "+h, "handle", entry(buslog.OpUser, user(bus.Handle(h), dave.Key.Public())))
	}
	add("user: a byte more", "trailing", entry(buslog.OpUser, append(bytes.Clone(body), 0)))
	add("user: a byte less", "short", entry(buslog.OpUser, body[:len(body)-1]))
	add("user: a handle longer than the body", "short", entry(buslog.OpUser, with(body, 0, 255)))

	invite := func(name, reason string, change func(*buslog.Invite)) {
		i := w.NewInvite("gina", time.Hour).Invite
		change(&i)
		add("invite: "+name, reason, entry(buslog.OpInvite, i.Encode()))
	}
	invite("a handle that is taken", "handle", func(i *buslog.Invite) { i.Handle = "alice" })
	invite("not-after before the entry", "not-after", func(i *buslog.Invite) { i.NotAfter = w.Now.Add(-time.Millisecond) })
	invite("not-after too late", "not-after", func(i *buslog.Invite) { i.NotAfter = w.Now.Add(bus.MaxInviteLife + time.Millisecond) })
	invite("an id of zero", "used", func(i *buslog.Invite) { i.ID = bus.InviteID{} })
	invite("an id again", "used", func(i *buslog.Invite) { i.ID = ended.ID })
	invite("a one-time C again", "used", func(i *buslog.Invite) { i.Content = used.Content })
	invite("a one-time T again", "used", func(i *buslog.Invite) { i.Transport = expired.Transport })
	invite("a one-time T as C", "used", func(i *buslog.Invite) { i.Content = identity.VerifyKey(open.Transport) })
	invite("a one-time C as T", "used", func(i *buslog.Invite) { i.Transport = identity.TransportID(open.Content) })
	invite("a kem key of small order", "key", func(i *buslog.Invite) { clear(i.KEM[1184:]) })
	invite("a kem key that is none", "key", func(i *buslog.Invite) { i.KEM[0], i.KEM[1] = 255, 255 })

	add("invite-revoke: unknown", "invite", entry(buslog.OpInviteRevoke, make([]byte, 16)))
	add("invite-revoke: taken up", "invite", entry(buslog.OpInviteRevoke, used.ID[:]))
	add("invite-revoke: revoked", "invite", entry(buslog.OpInviteRevoke, ended.ID[:]))
	add("invite-revoke: a byte less", "short", entry(buslog.OpInviteRevoke, open.ID[:15]))

	fred := w.Person("fred")
	o.envelope("bus", o.good("bus", w.AcceptEntry(fred, open)), 2)
	add("accept: taken up before", "invite", w.AcceptEntry(fred, used))
	add("accept: revoked", "invite", w.AcceptEntry(fred, ended))
	add("accept: expired", "not-after", w.AcceptEntry(fred, expired))
	add("accept: unknown", "invite", w.AcceptEntry(fred, w.NewInvite("gina", time.Hour)))
	add("accept: the A of another", "account key", w.AcceptEntry(w.Alice, open))
	add("accept: in the other order", "signature", w.AcceptEntry(fred, open).Sign(identity.ContextBus, fred.Key, open.Keys.Content))
	add("accept: without A", "signatures", w.AcceptEntry(fred, open).Sign(identity.ContextBus, open.Keys.Content))
	add("accept: without the one-time C", "signatures", w.AcceptEntry(fred, open).Sign(identity.ContextBus, fred.Key))
	self := w.Person("fred")
	self.Key = open.Keys.Content
	same := w.AcceptEntry(self, open)
	same.Account = identity.AccountIDOf(self.Key.Public())
	add("accept: A is the one-time C", "same key", same.Sign(identity.ContextBus, open.Keys.Content, self.Key))
	moved := w.AcceptEntry(fred, open)
	moved.Actor = desk.ID()
	add("accept: by another endpoint", "actor", moved.Sign(identity.ContextBus, open.Keys.Content, fred.Key))
	other := w.AcceptEntry(fred, open)
	other.Account = w.Alice.ID()
	add("accept: for another account", "account", other.Sign(identity.ContextBus, open.Keys.Content, fred.Key))

	role := func(h bus.Handle, to bus.UserRole) []byte { return buslog.Role{Handle: h, Role: to}.Encode() }
	add("role: 0", "role", entry(buslog.OpRole, role("alice", 0)))
	add("role: 3", "role", entry(buslog.OpRole, role("alice", 3)))
	add("role: of nobody", "user", entry(buslog.OpRole, role("nobody", bus.RoleAdmin)))
	add("role: of who was revoked", "user", entry(buslog.OpRole, role("bob", bus.RoleAdmin)))
	add("role: of the last admin", "last admin", entry(buslog.OpRole, role("admin", bus.RoleUser), w.Org))
	add("role: of the last admin, the same", "last admin", entry(buslog.OpRole, role("admin", bus.RoleAdmin), w.Org))
	add("role: of a user, with O", "signatures", entry(buslog.OpRole, role("alice", bus.RoleAdmin), w.Org))
	add("revoke: of the last admin", "last admin", entry(buslog.OpRevoke, buslog.Revoke{Handle: "admin"}.Encode(), w.Org))
	add("revoke: again", "user", entry(buslog.OpRevoke, buslog.Revoke{Handle: "bob"}.Encode()))
	add("revoke: of nobody", "user", entry(buslog.OpRevoke, buslog.Revoke{Handle: "nobody"}.Encode()))

	node := func(name string, spki byte, floor uint8) []byte {
		return buslog.Node{Name: name, SPKI: bus.Hash{spki}, Floor: floor}.Encode()
	}
	add("node-add: no name", "name", entry(buslog.OpNodeAdd, node("", 2, 0)))
	add("node-add: a name of 33", "name", entry(buslog.OpNodeAdd, node("abcdefghijklmnopqrstuvwxyz0123456", 2, 0)))
	add("node-add: floor 8", "flags", entry(buslog.OpNodeAdd, node("n2", 2, 8)))
	add("node-add: the SPKI of another", "used", entry(buslog.OpNodeAdd, node("n2", 1, 0)))
	add("node-remove: unknown", "name", entry(buslog.OpNodeRemove, buslog.NameBody("n2")))
}

func (o *offering) accountEntries(laptop *chaintest.Device, first identity.KEMPublic, gone, young *chaintest.Device) {
	w, alice := o.w, o.w.Alice
	phone := alice.Device()
	refuse := func(name, reason string, e *chain.Entry) { o.refuse("alice", name, reason, e.Encode()) }
	entry := func(op chain.Op, body []byte, keys ...identity.SigningKey) *chain.Entry {
		return w.AccountEntry(alice, phone, op, body, keys...)
	}
	fresh := alice.NewDevice("fresh")
	o.envelope("alice", o.good("alice", w.AddEntry(fresh)), 2)
	refuse("op 6", "op", entry(6, nil, alice.Key))
	stranger := w.AddEntry(fresh)
	stranger.Account = w.Bob.ID()
	refuse("add: for another account", "account", stranger.Sign(identity.ContextAccount, alice.Key, fresh.Content))
	refuse("add: without C", "signatures", w.AddEntry(fresh).Sign(identity.ContextAccount, alice.Key))
	refuse("add: in the other order", "signature", w.AddEntry(fresh).Sign(identity.ContextAccount, fresh.Content, alice.Key))
	refuse("add: signed as a bus entry", "signature", w.AddEntry(fresh).Sign(identity.ContextBus, alice.Key, fresh.Content))
	add := func(name, reason string, change func(*account.Add)) {
		a := fresh.Add()
		change(&a)
		refuse("add: "+name, reason, entry(account.OpAdd, a.Encode(), alice.Key, fresh.Content))
	}
	add("another A", "account key", func(a *account.Add) { a.Key = w.Bob.Key.Public() })
	add("kind 0", "kind", func(a *account.Add) { a.Kind = 0 })
	add("kind 9", "kind", func(a *account.Add) { a.Kind = 9 })
	add("a device without T", "key", func(a *account.Add) { a.Transport = identity.TransportID{} })
	add("a device without C", "key", func(a *account.Add) { a.Content = identity.VerifyKey{} })
	add("T is C", "same key", func(a *account.Add) { a.Transport = identity.TransportID(a.Content) })
	add("T is A", "same key", func(a *account.Add) { a.Transport = identity.TransportID(a.Key) })
	add("C is A", "same key", func(a *account.Add) { a.Content = a.Key })
	add("a C that was listed", "used", func(a *account.Add) { a.Content = laptop.Content.Public() })
	add("a T that was revoked", "used", func(a *account.Add) { a.Transport = gone.Transport.Public() })
	add("a recovery endpoint with C and T", "kind", func(a *account.Add) { a.Kind = account.KindRecovery })
	add("a name of 65", "name", func(a *account.Add) { a.Name = string(bytes.Repeat([]byte("n"), 65)) })
	add("a kem key of small order", "key", func(a *account.Add) { clear(a.KEM[1184:]) })
	add("a kem key that is none", "key", func(a *account.Add) { a.KEM[0], a.KEM[1] = 255, 255 })
	body := fresh.Add().Encode()
	refuse("add: a byte more", "trailing", entry(account.OpAdd, append(bytes.Clone(body), 0), alice.Key, fresh.Content))
	refuse("add: a name longer than the body", "short", entry(account.OpAdd, with(body, len(body)-6, 255), alice.Key, fresh.Content))
	foreign := w.AccountEntry(alice, phone, account.OpAdd, body, alice.Key, fresh.Content)
	foreign.Actor = w.Founder.Device().ID()
	refuse("add: by a stranger", "actor", foreign.Sign(identity.ContextAccount, alice.Key, fresh.Content))
	refuse("add: by a device that is revoked", "actor", w.AccountEntry(alice, gone, account.OpAdd, body, alice.Key, fresh.Content))

	next := w.KEMKey().Public()
	kem := func(d *chaintest.Device, name, reason string, k account.KEM) {
		refuse("kem: "+name, reason, d.KEMEntry(k))
	}
	o.good("alice", laptop.KEMEntry(account.KEM{Serial: 3, Key: next}))
	kem(laptop, "the same serial", "serial", account.KEM{Serial: 2, Key: next})
	kem(laptop, "a serial left out", "serial", account.KEM{Serial: 4, Key: next})
	kem(laptop, "the key in force", "used", account.KEM{Serial: 3, Key: laptop.KEM.Public()})
	kem(laptop, "its first key", "used", account.KEM{Serial: 3, Key: first})
	kem(gone, "of a device that is revoked", "actor", account.KEM{Serial: 2, Key: next})
	kem(laptop, "a key of small order", "key", account.KEM{Serial: 3})
	early := func(after time.Duration) *chain.Entry {
		_, _, made, _ := alice.State().Endpoint(young.ID()).KEM(alice.State().Len - 1)
		e := young.KEMEntry(account.KEM{Serial: 2, Key: next})
		e.Time = made.Add(after)
		return e.Sign(identity.ContextAccount, young.Content)
	}
	refuse("kem: of a device just listed", "pause", young.KEMEntry(account.KEM{Serial: 2, Key: next}))
	refuse("kem: a millisecond too early", "pause", early(bus.KEMPause-time.Millisecond))
	o.good("alice", early(bus.KEMPause))
	refuse("kem: signed by A", "signature", laptop.KEMEntry(account.KEM{Serial: 3, Key: next}).Sign(identity.ContextAccount, alice.Key))

	revoke := func(by account.Signer, e bus.EndpointID, at bus.Ref) []byte {
		return account.Revoke{By: by, Endpoint: e, At: at}.Encode()
	}
	admin := w.Founder.Device()
	byAdmin := func(d *chaintest.Device, at bus.Ref) *chain.Entry {
		return w.AccountEntry(alice, d, account.OpRevoke, revoke(account.ByAdmin, laptop.ID(), at), d.Content)
	}
	o.good("alice", byAdmin(admin, w.Founder.Head()))
	refuse("revoke: signer 0", "signer", entry(account.OpRevoke, revoke(0, laptop.ID(), bus.Ref{}), phone.Content))
	refuse("revoke: signer 4", "signer", entry(account.OpRevoke, revoke(4, laptop.ID(), bus.Ref{}), phone.Content))
	refuse("revoke: unknown", "endpoint", entry(account.OpRevoke, revoke(1, fresh.ID(), bus.Ref{}), phone.Content))
	refuse("revoke: again", "endpoint", entry(account.OpRevoke, revoke(1, gone.ID(), bus.Ref{}), phone.Content))
	refuse("revoke: signer 1 with a reference", "reference", entry(account.OpRevoke, revoke(1, laptop.ID(), w.Founder.Head()), phone.Content))
	refuse("revoke: signer 2 with a reference", "reference", entry(account.OpRevoke, revoke(2, laptop.ID(), w.Founder.Head()), alice.Key))
	refuse("revoke: signer 1, by A", "signature", entry(account.OpRevoke, revoke(1, laptop.ID(), bus.Ref{}), alice.Key))
	refuse("revoke: signer 2, by C", "signature", entry(account.OpRevoke, revoke(2, laptop.ID(), bus.Ref{}), phone.Content))
	refuse("revoke: signer 1, a stranger", "account",
		w.AccountEntry(alice, admin, account.OpRevoke, revoke(1, laptop.ID(), bus.Ref{}), admin.Content))
	refuse("revoke: signer 3, no admin", "right", byAdmin(w.Bob.Device(), w.Bob.Head()))
	refuse("revoke: signer 3, at an entry that is not there", "seen", byAdmin(admin, bus.Ref{Index: 99}))
	unseen := byAdmin(admin, w.Founder.Head())
	unseen.Seen = bus.Ref{Index: 99}
	refuse("revoke: signer 3, seen what is not there", "seen", unseen.Sign(identity.ContextAccount, admin.Content))
	before := byAdmin(admin, w.Founder.Head())
	before.Seen = bus.Ref{Index: 0}
	refuse("revoke: signer 3, seen another hash", "seen", before.Sign(identity.ContextAccount, admin.Content))
}

func (o *offering) roomEntries(carol *chaintest.Person, used, open *chaintest.Invited) {
	w, r, alice := o.w, o.r, o.w.Alice
	desk := w.Founder.Device()
	refuse := func(name, reason string, e *chain.Entry) { o.refuse("room", name, reason, e.Encode()) }
	rekey := func(name, reason string, tweak chaintest.Tweak) {
		refuse("rekey: "+name, reason, r.Rekey(desk, roomlog.ReasonAsked, tweak))
	}
	o.envelope("room", o.good("room", r.Rekey(desk, roomlog.ReasonAsked)), 1)
	seen := func(index uint32, hash bus.Prefix) *chain.Entry {
		e := r.Rekey(desk, roomlog.ReasonAsked)
		e.Seen = bus.Ref{Index: index, Hash: hash}
		return e.Sign(identity.ContextRoom, desk.Content)
	}
	refuse("seen older than before", "seen", seen(0, w.BusLog[0].Hash().Prefix()))
	refuse("seen what is not there", "seen", seen(999, bus.Prefix{}))
	refuse("seen another hash", "seen", seen(w.Bus().Len-1, bus.Prefix{}))
	refuse("op 9", "op", r.Entry(desk, 9, nil))
	refuse("a second create", "index", w.EmptyRoom().CreateEntry(desk))
	refuse("signed as a bus entry", "signature", r.Rekey(desk, roomlog.ReasonAsked).Sign(identity.ContextBus, desk.Content))
	refuse("signed by another", "signature", r.Rekey(desk, roomlog.ReasonAsked).Sign(identity.ContextRoom, alice.Device().Content))

	refuse("rekey: by a stranger", "right", r.Rekey(w.Bob.Device(), roomlog.ReasonAsked))
	refuse("rekey: by a reader", "right", r.Rekey(carol.Device(), roomlog.ReasonMoved))
	refuse("rekey: by a member who wishes it", "reason", r.Rekey(alice.Device(), roomlog.ReasonAsked))
	refuse("rekey: by a member, too early", "reason", r.Rekey(alice.Device(), roomlog.ReasonAge))
	refuse("rekey: by a member, nothing moved", "reason", r.Rekey(alice.Device(), roomlog.ReasonMoved))
	refuse("rekey: by a member, nobody left", "reason", r.Rekey(alice.Device(), roomlog.ReasonLeft))
	refuse("rekey: reason 0", "reason", r.Rekey(desk, 0))
	refuse("rekey: reason 7", "reason", r.Rekey(desk, 7))
	rekey("the epoch in force", "epoch", func(s *roomlog.Start) { s.Epoch-- })
	rekey("an epoch left out", "epoch", func(s *roomlog.Start) { s.Epoch++ })
	rekey("not-after too early", "not-after", func(s *roomlog.Start) { s.NotAfter = w.Now.Add(bus.EpochAge - time.Millisecond) })
	rekey("not-after too late", "not-after", func(s *roomlog.Start) { s.NotAfter = w.Now.Add(bus.EpochLife + time.Millisecond) })
	rekey("a member left out", "members", func(s *roomlog.Start) {
		s.Members = append(s.Members[:0:0], s.Members...)
		for i, m := range s.Members {
			if m.Account == carol.ID() {
				s.Members = append(s.Members[:i], s.Members[i+1:]...)
				break
			}
		}
	})
	rekey("a stranger more", "order", func(s *roomlog.Start) {
		s.Members = append(s.Members, roomlog.Pin{Account: w.Bob.ID(), At: w.Bob.Head()})
	})
	rekey("a member twice", "order", func(s *roomlog.Start) { s.Members = append(s.Members, s.Members[len(s.Members)-1]) })
	rekey("members in another order", "order", func(s *roomlog.Start) { s.Members[0], s.Members[1] = s.Members[1], s.Members[0] })
	rekey("the guest left out", "guests", func(s *roomlog.Start) { s.Guests = nil })
	rekey("a guest more", "guests", func(s *roomlog.Start) {
		s.Guests = append(s.Guests, bus.InviteID(bytes.Repeat([]byte{255}, 16)))
	})
	pin := func(name, reason string, who *chaintest.Person, at bus.Ref) {
		rekey(name, reason, func(s *roomlog.Start) {
			for i := range s.Members {
				if s.Members[i].Account == who.ID() {
					s.Members[i].At = at
				}
			}
		})
	}
	pin("an older pin", "pin", alice, w.AccountLogs[alice.ID()][0].Head().Ref())
	pin("a pin that is not there", "pin", alice, bus.Ref{Index: 99})
	pin("a pin of another hash", "pin", alice, bus.Ref{Index: alice.Head().Index})
	rekey("an endpoint more", "audience", func(s *roomlog.Start) { s.Endpoints++ })
	rekey("an endpoint less", "audience", func(s *roomlog.Start) { s.Endpoints-- })
	rekey("a name of 129", "name", func(s *roomlog.Start) { s.Name = make([]byte, 129) })
	body := roomlog.Rekey{Reason: roomlog.ReasonAsked, Start: r.Start(roomlog.Change{})}.Encode()
	refuse("rekey: a byte more", "trailing", r.Entry(desk, roomlog.OpRekey, append(bytes.Clone(body), 0)))
	refuse("rekey: a byte less", "short", r.Entry(desk, roomlog.OpRekey, body[:len(body)-1]))
	refuse("rekey: 65535 members", "short", r.Entry(desk, roomlog.OpRekey, with(body, 1+8+8+24, 255, 255)))

	o.roomPeople(carol, used, open)
	refuse("policy: by a member", "right", r.PolicyEntry(alice.Device(), time.Hour, "n"))
	refuse("policy: no retention", "retention", r.PolicyEntry(desk, 0, "n"))
	refuse("policy: a name of 129", "name", r.PolicyEntry(desk, time.Hour, string(make([]byte, 129))))
	refuse("close: by a member", "right", r.CloseEntry(alice.Device()))
	refuse("close: with a body", "trailing", r.Entry(desk, roomlog.OpClose, []byte{0}))
	refuse("leave: the last owner", "last owner", r.LeaveEntry(desk, nil))
	refuse("leave: for himself", "successor", r.LeaveEntry(desk, w.Founder))
	refuse("leave: for a stranger", "successor", r.LeaveEntry(desk, w.Bob))
	refuse("leave: a member who names one", "successor", r.LeaveEntry(alice.Device(), carol))
	refuse("leave: a stranger", "right", r.LeaveEntry(w.Bob.Device(), nil))
}

// roomPeople are entries that change who is in the room.
func (o *offering) roomPeople(carol *chaintest.Person, used, open *chaintest.Invited) {
	w, r, alice := o.w, o.r, o.w.Alice
	desk := w.Founder.Device()
	refuse := func(name, reason string, e *chain.Entry) { o.refuse("room", name, reason, e.Encode()) }
	add := func(by *chaintest.Device, name, reason string, members []roomlog.NewMember, guests []roomlog.NewGuest) {
		body := roomlog.Add{Members: members, Guests: guests, Start: r.Start(roomlog.Change{})}.Encode()
		refuse("add: "+name, reason, r.Entry(by, roomlog.OpAdd, body))
	}
	member := func(p *chaintest.Person, role bus.RoomRole) []roomlog.NewMember {
		return []roomlog.NewMember{{Account: p.ID(), Role: role}}
	}
	guest := func(id bus.InviteID, role bus.RoomRole) []roomlog.NewGuest {
		return []roomlog.NewGuest{{Invite: id, Role: role}}
	}
	add(desk, "nobody", "empty", nil, nil)
	add(desk, "a member", "user", member(alice, bus.RoleMember), nil)
	add(desk, "who was revoked", "user", member(w.Bob, bus.RoleMember), nil)
	add(desk, "an account that is not there", "user", member(w.Person("zoe"), bus.RoleMember), nil)
	add(desk, "a guest who is one", "invite", nil, guest(open.ID, bus.RoleReader))
	add(desk, "an invite that was taken up", "invite", nil, guest(used.ID, bus.RoleReader))
	add(desk, "an invite that is not there", "invite", nil, guest(bus.InviteID{1}, bus.RoleReader))
	add(desk, "role 0", "role", member(w.Bob, 0), nil)
	add(desk, "role 4", "role", member(w.Bob, 4), nil)
	add(alice.Device(), "by a member", "right", member(w.Bob, bus.RoleMember), nil)

	remove := func(by *chaintest.Device, name, reason string, members []bus.AccountID, guests []bus.InviteID) {
		body := roomlog.Remove{Members: members, Guests: guests, Start: r.Start(roomlog.Change{})}.Encode()
		refuse("remove: "+name, reason, r.Entry(by, roomlog.OpRemove, body))
	}
	remove(desk, "nobody", "empty", nil, nil)
	remove(desk, "a stranger", "user", []bus.AccountID{w.Bob.ID()}, nil)
	remove(desk, "one twice", "user", []bus.AccountID{carol.ID(), carol.ID()}, nil)
	remove(desk, "a guest who is none", "invite", nil, []bus.InviteID{used.ID})
	remove(alice.Device(), "by a member", "right", []bus.AccountID{carol.ID()}, nil)
	remove(alice.Device(), "a guest, by a member", "right", nil, []bus.InviteID{open.ID})
	self := []bus.AccountID{w.Founder.ID()}
	refuse("remove: himself", "pin", r.RemoveEntry(desk, self, nil))

	refuse("accept: an invite that nobody took up", "invite", r.AcceptEntry(carol.Device(), open))
	refuse("accept: no guest", "invite", r.AcceptEntry(carol.Device(), used))
	refuse("role: by a member", "right", r.RoleEntry(alice.Device(), carol, bus.RoleMember))
	refuse("role: of a stranger", "user", r.RoleEntry(desk, w.Bob, bus.RoleMember))
	refuse("role: 0", "role", r.RoleEntry(desk, carol, 0))
	refuse("role: 4", "role", r.RoleEntry(desk, carol, 4))
	refuse("role: the last owner", "last owner", r.RoleEntry(desk, w.Founder, bus.RoleMember))
	refuse("role: a byte more", "trailing", r.Entry(desk, roomlog.OpRole, append(roomlog.SetRole{Account: carol.ID(), Role: bus.RoleMember}.Encode(), 0)))
}

// twoAdmins has the admins admin and alice; against an admin goes nothing
// without O. In the room the guest's invite was taken up by carol.
func twoAdmins(t *testing.T) offers {
	w := chaintest.New(t)
	w.Promote(w.Alice)
	desk := w.Founder.Device()
	inv := w.Invite("carol", time.Hour)
	r := w.Room(desk)
	r.Guest(desk, bus.RoleReader, inv)
	carol := w.Join(inv)
	o := &offering{t: t, w: w, r: r}
	body := buslog.Revoke{Handle: "alice"}.Encode()
	role := buslog.Role{Handle: "alice", Role: bus.RoleUser}.Encode()
	o.good("bus", w.BusEntry(desk, buslog.OpRevoke, body, w.Org))
	o.refuse("bus", "revoke an admin without O", "signatures", w.BusEntry(desk, buslog.OpRevoke, body).Encode())
	o.refuse("bus", "take a role without O", "signatures", w.BusEntry(desk, buslog.OpRole, role).Encode())
	o.refuse("bus", "O first", "signature", w.BusEntry(desk, buslog.OpRevoke, body).Sign(identity.ContextBus, w.Org, desk.Content).Encode())
	o.refuse("bus", "A for O", "signature", w.BusEntry(desk, buslog.OpRevoke, body, w.Founder.Key).Encode())
	o.refuse("bus", "O with something more", "signatures", w.BusEntry(desk, buslog.OpRevoke, body, w.Org, w.Org).Encode())

	accept := r.AcceptEntry(carol.Device(), inv)
	o.good("room", accept)
	o.refuse("room", "accept: by another account", "invite", r.AcceptEntry(w.Alice.Device(), inv).Encode())
	o.refuse("room", "accept: without the one-time C", "signatures", r.AcceptEntry(carol.Device(), inv).Sign(identity.ContextRoom, carol.Device().Content).Encode())
	o.refuse("room", "accept: in the other order", "signature",
		r.AcceptEntry(carol.Device(), inv).Sign(identity.ContextRoom, carol.Device().Content, inv.Keys.Content).Encode())
	w.Pass(2 * time.Hour)
	o.refuse("room", "accept: too late", "not-after", r.AcceptEntry(carol.Device(), inv).Encode())
	return o.offers("two admins")
}

// roomOfTwo is full with its owner and one member.
func roomOfTwo(t *testing.T) offers {
	w := chaintest.New(t)
	desk := w.Founder.Device()
	r := w.Room(desk, func(c *roomlog.Create) { c.Direct = true })
	r.Must(r.AddEntry(desk, []roomlog.NewMember{{Account: w.Alice.ID(), Role: bus.RoleOwner}}, nil))
	o := &offering{t: t, w: w, r: r}
	third := []roomlog.NewMember{{Account: w.Bob.ID(), Role: bus.RoleMember}}
	o.refuse("room", "a third", "full", r.AddEntry(desk, third, nil).Encode())
	return o.offers("a room of two")
}

// closedRoom takes nothing more.
func closedRoom(t *testing.T) offers {
	w := chaintest.New(t)
	desk := w.Founder.Device()
	r := w.Room(desk)
	r.Must(r.CloseEntry(desk))
	o := &offering{t: t, w: w, r: r}
	o.refuse("room", "a rekey", "closed", r.Rekey(desk, roomlog.ReasonAsked).Encode())
	o.refuse("room", "a close", "closed", r.CloseEntry(desk).Encode())
	o.refuse("room", "a leave", "closed", r.LeaveEntry(desk, nil).Encode())
	return o.offers("a closed room")
}
