package membership_test

import (
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/chaintest"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

// TestAcceptInvite takes an invite up once, whatever happens to the answer.
func TestAcceptInvite(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	inv := b.invite("carol")
	carol := b.Join(inv)
	accept := b.accept(carol)
	for name, c := range map[string]struct {
		by     membership.Signer
		id     bus.InviteID
		accept wire.Accept
		code   string
	}{
		"another key":     {by(b.Alice.Device()), inv.ID, accept, "unauthenticated"},
		"no key":          {membership.Signer{}, inv.ID, accept, "unauthenticated"},
		"unknown invite":  {byInvite(inv), bus.InviteID{1}, accept, "unauthenticated"},
		"nonsense":        {byInvite(inv), inv.ID, wire.Accept{Entry: []byte{1}}, "bad_entry"},
		"no device":       {byInvite(inv), inv.ID, wire.Accept{Entry: accept.Entry}, "not_allowed"},
		"another's chain": {byInvite(inv), inv.ID, wire.Accept{Entry: accept.Entry, Account: raws(b.AccountLogs[b.Bob.ID()])}, "bad_chain"},
		"another entry":   {byInvite(inv), inv.ID, wire.Accept{Entry: b.BusLog[1].Encode(), Account: accept.Account}, "not_allowed"},
	} {
		if _, err := b.s.AcceptInvite(b.ctx(), c.by, c.id, c.accept); bus.CodeOf(err) != c.code {
			t.Errorf("%s: %v (%s), want %s", name, err, bus.CodeOf(err), c.code)
		}
	}
	b.refused(second(b.s.AppendBus(b.ctx(), by(b.Founder.Device()), accept.Entry)), "not_yours")
	for range 2 {
		got, err := b.s.AcceptInvite(b.ctx(), byInvite(inv), inv.ID, accept)
		b.must(err)
		if got.Head != b.Bus().Head() {
			t.Errorf("head %v, want %v", got.Head, b.Bus().Head())
		}
	}
	if got, err := b.s.Authorize(carol.Device().Transport.Public()); err != nil || got.Handle != "carol" || got.Admin {
		t.Errorf("carol is %+v, %v", got, err)
	}
	b.refused(second(b.s.Authorize(inv.Transport)), "revoked") // it was for one time

	b.Pass(40 * 24 * time.Hour) // long after, the lost answer is still given
	b.must(second(b.s.AcceptInvite(b.ctx(), byInvite(inv), inv.ID, accept)))
	dora := b.Person("dora")
	other := wire.Accept{Entry: b.AcceptEntry(dora, inv).Encode(), Account: accept.Account}
	b.refused(second(b.s.AcceptInvite(b.ctx(), byInvite(inv), inv.ID, other)), "invite_used")
}

// TestInviteEnds: an invite that expired by the node's clock or was revoked
// opens nothing, even if its entry says an earlier time.
func TestInviteEnds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	late, ended := b.invite("late"), b.invite("ended")
	e := b.AcceptEntry(b.Person("late"), late)
	b.Pass(bus.InviteLife + time.Minute)
	b.refused(second(b.s.AcceptInvite(b.ctx(), byInvite(late), late.ID, wire.Accept{Entry: e.Encode()})), "invite_expired")
	b.told()
	b.bus(b.Founder.Device(), buslog.OpInviteRevoke, ended.ID[:])
	if c := b.change(); len(c.Cut) != 1 || c.Cut[0] != ended.Endpoint() {
		t.Errorf("told %+v, want the one-time endpoint cut", c)
	}
	e = b.AcceptEntry(b.Person("ended"), ended)
	b.refused(second(b.s.AcceptInvite(b.ctx(), byInvite(ended), ended.ID, wire.Accept{Entry: e.Encode()})), "invite_used")
	b.refused(second(b.s.Authorize(ended.Transport)), "revoked")
}

func TestInviteCap(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *membership.Options) { o.Caps.Invites = 2 })
	first := b.invite("one")
	b.invite("two")
	third := b.NewInvite("three", bus.InviteLife)
	try := func() error {
		e := b.BusEntry(b.Founder.Device(), buslog.OpInvite, third.Encode())
		return second(b.s.AppendBus(b.ctx(), by(b.Founder.Device()), e.Encode()))
	}
	b.refused(try(), "invite_cap")
	b.bus(b.Founder.Device(), buslog.OpInviteRevoke, first.ID[:])
	b.must(try())
}

// TestOneTimeKey walks an invite through everything its key may do, and
// nothing else.
func TestOneTimeKey(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := b.Alice.Device()
	inv := b.invite("carol")
	r, foreign := b.room(alice), b.room(alice)
	b.guest(alice, r, inv)
	one, id := byInvite(inv), r.State.ID
	for name, err := range map[string]error{
		"log": second(b.s.Bus(b.ctx(), one, 0)), "users": second(b.s.Users(one)), "user": second(b.s.User(one, "alice")),
		"chain": second(b.s.AccountEntries(b.ctx(), one, "alice", 0)), "room": second(b.s.Room(one, id)),
		"members": second(b.s.Members(one, id)), "room log": second(b.s.RoomEntries(b.ctx(), one, id, 0)),
		"key": second(b.s.Key(b.ctx(), one, id, 2, inv.Endpoint())), "rooms": second(b.s.RoomsOf(one, inv.Endpoint())),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, n := b.newRoom(alice)
	for name, c := range map[string]struct {
		err  error
		code string
	}{
		"another room":  {second(b.s.Room(one, foreign.State.ID)), "not_member"},
		"another's key": {second(b.s.Key(b.ctx(), one, id, 2, alice.ID())), "not_your_key"},
		"make a room":   {second(b.s.CreateRoom(b.ctx(), one, n)), "join_first"},
		"stage":         {b.s.Stage(b.ctx(), one, id, bus.Hash{}, nil), "join_first"},
		"bus log":       {second(b.s.AppendBus(b.ctx(), one, b.BusEntry(alice, buslog.OpUser, nil).Encode())), "join_first"},
		"limits":        {second(b.s.Limits(b.ctx(), one)), "join_first"},
		"upload":        {b.s.MayUpload(b.ctx(), one, membership.Scope{}, 1), "join_first"},
		"blob":          {second(b.s.MayRead(b.ctx(), one, bus.Hash{})), "join_first"},
		"blobs":         {second(b.s.ListBlobs(b.ctx(), one, membership.Scope(id), membership.BlobPlace{}, 1000)), "join_first"},
		"data plane":    {second(b.s.RoomFacts(inv.Endpoint(), id)), "not_member"},
		"policy":        {second(b.s.AppendRoom(b.ctx(), one, id, wire.Append{Entry: r.PolicyEntry(alice, time.Hour, "x").Encode()})), "not_member"},
	} {
		if bus.CodeOf(c.err) != c.code {
			t.Errorf("%s: %v (%s), want %s", name, c.err, bus.CodeOf(c.err), c.code)
		}
	}
	if got, _ := b.s.Members(one, id); len(got) != 2 || !got[1].Invited || got[1].User != "carol" || got[1].Role != "member" {
		t.Errorf("members %+v, want alice and the guest", got)
	}
}

// TestJoinRooms: between the accept in the bus log and the one in the room both
// the one-time key and the new device may go on; then the key is done.
func TestJoinRooms(t *testing.T) {
	t.Parallel()
	for name, signer := range map[string]func(*chaintest.Invited, *chaintest.Person) membership.Signer{
		"device":       func(_ *chaintest.Invited, p *chaintest.Person) membership.Signer { return by(p.Device()) },
		"one-time key": func(i *chaintest.Invited, _ *chaintest.Person) membership.Signer { return byInvite(i) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			inv, other := b.invite("carol"), b.invite("dora")
			r := b.room(b.Alice.Device())
			b.guest(b.Alice.Device(), r, inv)
			b.guest(b.Alice.Device(), r, other)
			carol := b.join(inv)
			dora := b.join(other)
			who := signer(inv, carol)
			b.must(second(b.s.Room(who, r.State.ID)))
			b.must(second(b.s.Key(b.ctx(), who, r.State.ID, 2, inv.Endpoint())))
			b.refused(second(b.s.Key(b.ctx(), who, r.State.ID, 3, other.Endpoint())), "not_your_key")
			b.refused(second(b.s.RoomFacts(carol.Device().ID(), r.State.ID)), "not_member")
			if got, err := b.s.RoomsOf(by(carol.Device()), carol.Device().ID()); err != nil || len(got) != 1 || got[0].Role != "guest" {
				t.Errorf("carol's rooms are %+v, %v", got, err)
			}

			hers := r.AcceptEntry(dora.Device(), other)
			_, err := b.s.AppendRoom(b.ctx(), who, r.State.ID, wire.Append{Entry: hers.Encode()})
			b.refused(err, "not_yours")
			e := r.AcceptEntry(carol.Device(), inv)
			r.Must(e)
			a := wire.Append{Entry: e.Encode(), Envelopes: envelopes(r.State.Epoch.Audience)}
			root := r.State.Epoch.Root
			b.must(b.s.Stage(b.ctx(), who, r.State.ID, root, a.Envelopes[:1]))
			a.Envelopes = a.Envelopes[1:]
			b.told()
			b.must(second(b.s.AppendRoom(b.ctx(), who, r.State.ID, a)))

			if c := b.change(); len(c.Joined) != 1 || c.Joined[0].Endpoint != carol.Device().ID() {
				t.Errorf("told %+v, want carol joined", c)
			}
			b.must(second(b.s.RoomFacts(carol.Device().ID(), r.State.ID)))
			b.must(second(b.s.Key(b.ctx(), by(carol.Device()), r.State.ID, 2, inv.Endpoint()))) // what was sealed before
			b.refused(second(b.s.Authorize(inv.Transport)), "revoked")
			b.must(second(b.s.Room(byInvite(other), r.State.ID))) // dora has not accepted here yet
		})
	}
}

// TestGuestOfRevokedAccount: who is revoked between the two accepts gets
// nothing by the one-time key.
func TestGuestOfRevokedAccount(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	inv := b.invite("carol")
	r := b.room(b.Alice.Device())
	b.guest(b.Alice.Device(), r, inv)
	carol := b.join(inv)
	b.revoke(carol)
	b.refused(second(b.s.Room(byInvite(inv), r.State.ID)), "revoked")
	b.refused(second(b.s.Room(by(carol.Device()), r.State.ID)), "revoked")
}

// TestUninvitedGuest: a guest who was removed from a room has no place in it.
func TestUninvitedGuest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := b.Alice.Device()
	inv := b.invite("carol")
	r := b.room(alice)
	b.guest(alice, r, inv)
	b.append(alice, r, r.RemoveEntry(alice, nil, []bus.InviteID{inv.ID}))
	b.refused(second(b.s.RoomEntries(b.ctx(), byInvite(inv), r.State.ID, 0)), "not_member")
	if got, err := b.s.RoomsOf(byInvite(inv), inv.Endpoint()); err != nil || len(got) != 0 {
		t.Errorf("rooms %+v, %v", got, err)
	}
}
