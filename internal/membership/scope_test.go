package membership_test

import (
	"slices"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

const both = account.VerbRead | account.VerbPublish

// bot lists a bot in both.
func (b *bench) bot(p *chaintest.Person, name string, r account.Rights) *chaintest.Device {
	b.t.Helper()
	d := p.AddBot(name, r)
	b.sync(p, p.Device())
	return d
}

func scope(verbs account.Verb, rooms ...*chaintest.Room) account.Rights {
	var named []bus.RoomID
	for _, r := range rooms {
		named = append(named, r.State.ID)
	}
	return account.Rights{Scope: account.NewScope(verbs, named...)}
}

// TestScope asks everything of bots with a scope that their user may do.
func TestScope(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := b.Founder.Device() // an owner, and an admin
	r, other := b.room(alice), b.room(alice)
	reads, sends, does := b.bot(b.Founder, "reads", scope(account.VerbRead, r)),
		b.bot(b.Founder, "sends", scope(account.VerbPublish, r)), b.bot(b.Founder, "does", scope(both, r))
	for _, room := range []*chaintest.Room{r, other} {
		b.append(alice, room, room.Rekey(alice, roomlog.ReasonAsked))
	}
	for name, want := range map[string]struct {
		who         *chaintest.Device
		read, write bool
	}{"reads": {reads, true, false}, "sends": {sends, false, true}, "does": {does, true, true}, "device": {alice, true, true}} {
		got, err := b.s.RoomFacts(want.who.ID(), r.State.ID)
		if err != nil || got.Read != want.read || got.Write != want.write {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if want.who != alice {
			b.refused(second(b.s.RoomFacts(want.who.ID(), other.State.ID)), "not_member")
			if got, err := b.s.Authorize(want.who.Transport.Public()); err != nil || got.Admin || got.Rights.Scope == nil {
				t.Errorf("%s is %+v, %v", name, got, err)
			}
		}
	}
	in, bytes := membership.Scope(r.State.ID), membership.Scope{}
	b.must(b.s.AddBlob(b.ctx(), by(alice), whole(1, in)))
	b.must(b.s.AddBlob(b.ctx(), by(alice), whole(2, bytes)))
	for _, c := range []struct {
		name               string
		ask                func(membership.Signer) error
		reads, sends, does string
	}{
		{"messages", func(s membership.Signer) error { return second(b.s.Readable(s, r.State.ID)) }, "", "out_of_scope", ""},
		{"the room", func(s membership.Signer) error { return second(b.s.Room(s, r.State.ID)) }, "", "", ""},
		{"its log", func(s membership.Signer) error { return second(b.s.RoomEntries(b.ctx(), s, r.State.ID, 0)) }, "", "", ""},
		{"another room", func(s membership.Signer) error { return second(b.s.Room(s, other.State.ID)) }, "not_member", "not_member", "not_member"},
		{"another's log", func(s membership.Signer) error { return second(b.s.RoomEntries(b.ctx(), s, other.State.ID, 0)) }, "not_member", "not_member", "not_member"},
		{"another's key", func(s membership.Signer) error {
			return second(b.s.Key(b.ctx(), s, other.State.ID, 0, does.ID()))
		}, "not_member", "not_member", "not_member"},
		{"the bus log", func(s membership.Signer) error { return second(b.s.Bus(b.ctx(), s, 0)) }, "", "", ""},
		{"reading a blob", func(s membership.Signer) error { return second(b.s.MayRead(b.ctx(), s, bus.Hash{1})) }, "", "no_blob", ""},
		{"reading a blob of the bus", func(s membership.Signer) error { return second(b.s.MayRead(b.ctx(), s, bus.Hash{2})) }, "no_blob", "no_blob", "no_blob"},
		{"listing blobs", func(s membership.Signer) error {
			return second(b.s.ListBlobs(b.ctx(), s, in, membership.BlobPlace{}, 10))
		}, "", "not_member", ""},
		{"putting a blob", func(s membership.Signer) error { return b.s.MayUpload(b.ctx(), s, in, 1) }, "read_only", "", ""},
		{"putting a blob elsewhere", func(s membership.Signer) error {
			return b.s.MayUpload(b.ctx(), s, membership.Scope(other.State.ID), 1)
		}, "not_member", "not_member", "not_member"},
		{"putting a blob of the bus", func(s membership.Signer) error { return b.s.MayUpload(b.ctx(), s, bytes, 1) }, "out_of_scope", "out_of_scope", "out_of_scope"},
		{"deleting a blob", func(s membership.Signer) error { return b.s.MayDelete(b.ctx(), s, bus.Hash{1}) }, "no_blob", "", ""},
		{"deleting a blob of the bus", func(s membership.Signer) error { return b.s.MayDelete(b.ctx(), s, bus.Hash{2}) }, "no_blob", "no_blob", "no_blob"},
	} {
		for want, d := range map[*string]*chaintest.Device{&c.reads: reads, &c.sends: sends, &c.does: does} {
			if err := c.ask(by(d)); codeOf(err) != *want {
				t.Errorf("%s by %s: %v (%s), want %q", c.name, d.Name, err, codeOf(err), *want)
			}
		}
	}
	rooms, err := b.s.RoomsOf(by(does), does.ID())
	if err != nil || len(rooms) != 1 || rooms[0].ID != r.State.ID || rooms[0].Role != "member" {
		t.Errorf("the bot's rooms are %+v, %v", rooms, err)
	}
}

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return bus.CodeOf(err)
}

// TestScopedWrites offers entries of an admin's and owner's bot.
func TestScopedWrites(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	boss := b.Founder.Device()
	r := b.room(boss)
	b.add(boss, r, bus.RoleMember, b.Alice, b.Bob)
	does := b.bot(b.Founder, "does", scope(both, r))
	b.append(boss, r, r.Rekey(boss, roomlog.ReasonAsked))
	b.refused(second(b.s.AppendBus(b.ctx(), by(does),
		b.BusEntry(does, buslog.OpRevoke, buslog.Revoke{Handle: "bob"}.Encode()).Encode())), "not_allowed")
	end := account.Revoke{By: account.ByAdmin, Endpoint: b.Bob.Device().ID(), At: b.Founder.Head()}.Encode()
	b.refused(second(b.s.AppendAccount(b.ctx(), by(does), "bob",
		b.AccountEntry(b.Bob, does, account.OpRevoke, end, does.Content).Encode())), "not_allowed")
	_, n := b.newRoom(boss)
	b.refused(second(b.s.CreateRoom(b.ctx(), by(does), n)), "not_yours")
	b.refused(b.offer(does, r, r.PolicyEntry(does, time.Hour, "x"), nil), "out_of_scope")
	b.refused(b.offer(does, r, r.LeaveEntry(does, b.Alice), nil), "out_of_scope")
	b.revoke(b.Bob)
	b.append(does, r, r.RemoveEntry(does, []bus.AccountID{b.Bob.ID()}, nil))
}

// TestEnd lets the time of a bot run out while it is at work.
func TestEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := b.Alice.Device()
	bot := b.bot(b.Alice, "ci", account.Rights{NotAfter: b.Now.Add(time.Hour)})
	r := b.room(alice)
	b.add(alice, r, bus.RoleMember, b.Bob)
	b.Pass(time.Hour)
	b.must(second(b.s.Authorize(bot.Transport.Public())))
	if got, err := b.s.RoomFacts(bot.ID(), r.State.ID); err != nil || !got.Until.Equal(b.Now) {
		t.Errorf("at the last moment: %+v, %v", got, err)
	}
	b.Pass(time.Millisecond)
	b.refused(second(b.s.Authorize(bot.Transport.Public())), "revoked")
	b.refused(second(b.s.Endpoint(bot.Transport.Public())), "revoked")
	b.refused(second(b.s.RoomFacts(bot.ID(), r.State.ID)), "not_member")
	b.refused(second(b.s.Bus(b.ctx(), by(bot), 0)), "revoked")
	b.refused(b.offer(bot, r, r.PolicyEntry(bot, time.Hour, "x"), nil), "revoked")
	if u, err := b.s.User(by(alice), "alice"); err != nil || u.Endpoints != 1 {
		t.Errorf("alice has %d endpoints, %v", u.Endpoints, err)
	}
	b.told()
	b.append(b.Bob.Device(), r, r.Rekey(b.Bob.Device(), roomlog.ReasonMoved))
	if r.Has(bot.ID()) {
		t.Error("the new key is sealed to who has ended")
	}
}

// TestLink brings a device in by a link.
func TestLink(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := b.Alice.Device()
	r := b.room(alice)
	l := alice.Link(time.Hour)
	b.sync(b.Alice, alice)
	one := membership.Signer{Transport: l.Transport}
	phone, thief := b.Alice.NewDevice("phone"), b.Alice.NewDevice("thief")
	accept := func(d *chaintest.Device) *chain.Entry { return b.LinkAcceptEntry(d, l) }

	if got, err := b.s.Authorize(l.Transport); err != nil || got.Link == nil || *got.Link != l.ID || !got.OneTime() {
		t.Errorf("the link's key is %+v, %v", got, err)
	}
	b.must(second(b.s.Bus(b.ctx(), one, 0)))
	b.must(second(b.s.AccountEntries(b.ctx(), one, "alice", 0)))
	for name, c := range map[string]struct {
		err  error
		code string
	}{
		"data plane":     {second(b.s.Endpoint(l.Transport)), "unauthenticated"},
		"room":           {second(b.s.Room(one, r.State.ID)), "not_member"},
		"key":            {second(b.s.Key(b.ctx(), one, r.State.ID, 0, l.Endpoint())), "not_member"},
		"blobs":          {second(b.s.ListBlobs(b.ctx(), one, membership.Scope{}, membership.BlobPlace{}, 10)), "join_first"},
		"upload":         {b.s.MayUpload(b.ctx(), one, membership.Scope{}, 1), "join_first"},
		"staging":        {b.s.Stage(b.ctx(), one, r.State.ID, bus.Hash{}, []wire.Envelope{}), "join_first"},
		"by the account": {second(b.s.AppendAccount(b.ctx(), one, "alice", accept(phone).Encode())), "join_first"},
		"another's link": {second(b.s.AcceptLink(b.ctx(), one, bus.InviteID{1}, accept(phone).Encode())), "unauthenticated"},
		"another's key":  {second(b.s.AcceptLink(b.ctx(), by(phone), l.ID, accept(phone).Encode())), "unauthenticated"},
		"a kem entry": {second(b.s.AcceptLink(b.ctx(), one, l.ID,
			alice.KEMEntry(account.KEM{Serial: 2, Key: b.KEMKey().Public()}).Encode())), "not_allowed"},
	} {
		if codeOf(c.err) != c.code {
			t.Errorf("%s: %v (%s), want %s", name, c.err, codeOf(c.err), c.code)
		}
	}
	e, late := accept(phone), accept(thief)
	b.told()
	got, err := b.s.AcceptLink(b.ctx(), one, l.ID, e.Encode())
	b.must(err)
	if c := b.change(); got.Head != e.Head() || !slices.Equal(c.Moved, []bus.RoomID{r.State.ID}) || !slices.Contains(c.Notify, phone.ID()) {
		t.Errorf("told %+v", c)
	}
	b.MustAccount(b.Alice, e)
	b.must(second(b.s.AcceptLink(b.ctx(), one, l.ID, e.Encode()))) // the answer was lost
	b.refused(second(b.s.AcceptLink(b.ctx(), one, l.ID, late.Encode())), "link_used")
	b.refused(second(b.s.Bus(b.ctx(), one, 0)), "revoked")
	if who, err := b.s.Authorize(phone.Transport.Public()); err != nil || who.Handle != "alice" {
		t.Errorf("the new device is %+v, %v", who, err)
	}
	b.refused(second(b.s.RoomFacts(phone.ID(), r.State.ID)), "not_member")
	b.append(phone, r, r.Rekey(phone, roomlog.ReasonMoved))
	b.must(second(b.s.RoomFacts(phone.ID(), r.State.ID)))
}

// TestLinkEnds refuses links that may not be taken up any more.
func TestLinkEnds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := b.Alice.Device()
	maker := b.Alice.AddDevice("maker")
	b.sync(b.Alice, alice)
	link := func(d *chaintest.Device) *chaintest.Linked {
		l := d.Link(time.Hour)
		b.sync(b.Alice, d)
		return l
	}
	ended, orphan, late := link(alice), link(maker), link(alice)
	take := func(l *chaintest.Linked) error {
		return second(b.s.AcceptLink(b.ctx(), membership.Signer{Transport: l.Transport}, l.ID,
			b.LinkAcceptEntry(b.Alice.NewDevice("x"), l).Encode()))
	}
	for _, id := range []bus.EndpointID{ended.Endpoint(), maker.ID()} {
		e := b.AccountEntry(b.Alice, alice, account.OpRevoke, account.Revoke{By: account.ByEndpoint, Endpoint: id}.Encode(), alice.Content)
		b.MustAccount(b.Alice, e)
		b.sync(b.Alice, alice)
	}
	for name, l := range map[string]*chaintest.Linked{"revoked": ended, "of a revoked device": orphan} {
		if err := take(l); codeOf(err) != "link_used" {
			t.Errorf("a link %s: %v", name, err)
		}
		b.refused(second(b.s.Authorize(l.Transport)), "revoked")
	}
	b.Pass(time.Hour + time.Millisecond)
	b.refused(take(late), "link_expired")
	b.refused(second(b.s.Authorize(late.Transport)), "revoked")
	taken := b.Alice.NewDevice("x")
	taken.Transport = late.Keys.Transport
	b.refused(second(b.s.AppendAccount(b.ctx(), by(alice), "alice", b.AddEntry(taken).Encode())), "not_allowed")
	b.refused(second(b.s.AppendAccount(b.ctx(), by(b.Bob.Device()), "bob",
		func() []byte {
			d := b.Bob.NewDevice("x")
			d.Transport = late.Keys.Transport
			return b.AddEntry(d).Encode()
		}())), "key_used")
}

// TestRotate changes an account key: the new one lists devices, the old none.
func TestRotate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old, device := b.Alice.Key, b.Alice.Device()
	b.refused(second(b.s.AppendAccount(b.ctx(), by(device), "alice", b.RotateEntry(b.Alice, b.Bob.Key).Encode())), "key_used")
	b.Alice.Rotate()
	b.sync(b.Alice, device)
	next := b.Alice.Key
	phone := b.Alice.NewDevice("phone")
	b.Alice.Key = old
	stale := b.AddEntry(phone)
	b.Alice.Key = next
	b.refused(second(b.s.AppendAccount(b.ctx(), stranger(phone), "alice", stale.Encode())), "unauthenticated")
	b.must(second(b.s.AppendAccount(b.ctx(), stranger(phone), "alice", b.AddEntry(phone).Encode())))
	for name, key := range map[string]func() []byte{
		"user":  func() []byte { return buslog.User{Handle: "mallory", Key: next.Public()}.Encode() },
		"first": func() []byte { return buslog.User{Handle: "mallory", Key: old.Public()}.Encode() },
	} {
		e := b.BusEntry(b.Founder.Device(), buslog.OpUser, key())
		if err := second(b.s.AppendBus(b.ctx(), by(b.Founder.Device()), e.Encode())); codeOf(err) != "key_used" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
