package membership_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/chaintest"
	"unibus/internal/identity"
	"unibus/internal/membership"
)

func TestFound(t *testing.T) {
	t.Parallel()
	b := emptyBench(t)
	if b.s.Founded() || b.s.HasAdmin() {
		t.Error("an empty store is a bus")
	}
	if _, ok := b.s.Head(); ok {
		t.Error("an empty bus log has a head")
	}
	genesis, account := b.BusLog[0].Encode(), raws(b.AccountLogs[b.Founder.ID()])
	b.refused(b.s.Found(b.ctx(), genesis, nil, nil), "not_allowed") // an admin without a device
	b.refused(b.s.Found(b.ctx(), genesis[1:], account, nil), "bad_entry")
	b.refused(b.s.Found(b.ctx(), genesis, raws(b.AccountLogs[b.Alice.ID()]), nil), "bad_chain")
	b.must(b.s.Found(b.ctx(), genesis, account, raws(b.BusLog[1:])))
	b.refused(b.s.Found(b.ctx(), genesis, account, nil), "founded")

	id, org, ca := b.s.Identity()
	head, ok := b.s.Head()
	if id != b.Bus().Bus || org != b.Org.Public() || ca != b.CA || !ok || head != b.Bus().Head() {
		t.Errorf("founded as %s with org %s and head %v", id, org, head)
	}
	if !b.s.Founded() || !b.s.HasAdmin() || !b.change().Bus {
		t.Error("a founded bus has no admin, or nobody was told")
	}
}

// TestFoundLate takes a genesis that waited, and none from the future: time
// could not go on from there.
func TestFoundLate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		off  time.Duration
		code string
	}{{24 * time.Hour, ""}, {-bus.ChainSkew, ""}, {-bus.ChainSkew - time.Second, "bad_time"}} {
		b := emptyBench(t)
		genesis, account := b.BusLog[0].Encode(), raws(b.AccountLogs[b.Founder.ID()])
		b.Pass(c.off)
		err := b.s.Found(b.ctx(), genesis, account, nil)
		if c.code == "" {
			b.must(err)
		} else {
			b.refused(err, c.code)
		}
	}
}

func TestBusPages(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for from := range 5 {
		got, err := b.s.Bus(b.ctx(), by(b.Bob.Device()), uint32(from))
		b.must(err)
		want := max(len(b.BusLog)-from, 0)
		if len(got.Entries) != want || got.Entries == nil || got.More || got.Head == nil || *got.Head != b.Bus().Head() {
			t.Errorf("from %d: %d entries, more %v, head %v; want %d", from, len(got.Entries), got.More, got.Head, want)
		}
	}
	if _, err := b.s.Bus(b.ctx(), stranger(b.NewDevice()), 0); bus.CodeOf(err) != "unauthenticated" {
		t.Errorf("a stranger reads the bus log: %v", err)
	}
}

// NewDevice is a device of nobody the node knows.
func (b *bench) NewDevice() *chaintest.Device { return b.Person("mallory").NewDevice("evil") }

// TestAppendBus runs down who may append, and what the node asks beyond the
// rules.
func TestAppendBus(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	admin, alice := b.Founder.Device(), b.Alice.Device()
	carol := buslog.User{Handle: "carol", Key: b.SigningKey().Public()}.Encode()
	foreign := b.BusEntry(admin, buslog.OpUser, carol)
	b.Pass(bus.ChainSkew + time.Second)
	now := b.BusEntry(admin, buslog.OpUser, carol)
	for name, c := range map[string]struct {
		by   membership.Signer
		e    *chain.Entry
		code string
	}{
		"no signer":         {membership.Signer{}, now, "unauthenticated"},
		"unsigned":          {membership.Unsigned(), now, "unauthenticated"},
		"stranger":          {stranger(b.NewDevice()), now, "unauthenticated"},
		"another's entry":   {by(alice), now, "not_yours"},
		"no admin":          {by(alice), b.BusEntry(alice, buslog.OpUser, carol), "not_allowed"},
		"old":               {by(admin), foreign, "bad_time"},
		"accept":            {by(admin), b.BusEntry(admin, buslog.OpAccept, make([]byte, 48)), "not_allowed"},
		"genesis":           {by(admin), b.BusEntry(admin, buslog.OpGenesis, nil), "not_allowed"},
		"unknown operation": {by(admin), b.BusEntry(admin, 99, nil), "not_allowed"},
	} {
		_, err := b.s.AppendBus(b.ctx(), c.by, c.e.Encode())
		if bus.CodeOf(err) != c.code {
			t.Errorf("%s: %v (%s), want %s", name, err, bus.CodeOf(err), c.code)
		}
	}
	if _, err := b.s.AppendBus(b.ctx(), by(admin), []byte("nonsense")); bus.CodeOf(err) != "bad_entry" {
		t.Errorf("nonsense: %v", err)
	}
	if got := b.told(); len(got) != 0 {
		t.Errorf("refusals were told: %+v", got)
	}

	got, err := b.s.AppendBus(b.ctx(), by(admin), now.Encode())
	b.must(err)
	if got.Head != now.Head() {
		t.Errorf("head %v, want %v", got.Head, now.Head())
	}
	if again, err := b.s.AppendBus(b.ctx(), by(admin), now.Encode()); err != nil || again != got {
		t.Errorf("the same bytes again: %+v, %v", again, err)
	}
	dora := buslog.User{Handle: "dora", Key: b.SigningKey().Public()}.Encode()
	behind, err := b.s.AppendBus(b.ctx(), by(admin), b.BusEntry(admin, buslog.OpUser, dora).Encode())
	if bus.CodeOf(err) != "behind" || behind.Head != now.Head() {
		t.Errorf("%+v, %v; want behind with the head", behind, err)
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.bus(b.Founder.Device(), buslog.OpUser, buslog.User{Handle: "carol", Key: b.SigningKey().Public()}.Encode())
	b.revoke(b.Bob)
	all, err := b.s.Users(by(b.Alice.Device()))
	b.must(err)
	var got []string
	for _, u := range all {
		got = append(got, string(u.Name)+" "+u.Role+" "+u.State)
		if (u.Head == nil) != (u.Name == "carol") {
			t.Errorf("%s has head %v", u.Name, u.Head)
		}
	}
	if want := []string{"admin admin active", "alice user active", "bob user revoked", "carol user active"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	u, err := b.s.User(by(b.Alice.Device()), "alice")
	b.must(err)
	if u.Endpoints != 1 || u.Account != b.Alice.ID() || u.Head.Ref() != b.Alice.Head() || !u.Created.Equal(b.Now) {
		t.Errorf("alice is %+v", u)
	}
	_, err = b.s.User(by(b.Alice.Device()), "nobody")
	b.refused(err, "no_user")
	_, err = b.s.Users(by(b.Bob.Device()))
	b.refused(err, "revoked")
}

// TestRevoke cuts a user everywhere at once, also while his request is under
// way, and tells whom it concerns.
func TestRevoke(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	bob := b.Bob.Device()
	r := b.room(b.Alice.Device())
	b.add(b.Alice.Device(), r, bus.RoleMember, b.Bob)
	signer, err := b.s.Authorize(bob.Transport.Public())
	b.must(err)
	b.told()
	b.revoke(b.Bob)

	c := b.change()
	if !slices.Equal(c.Cut, []bus.EndpointID{bob.ID()}) || !c.Bus ||
		!slices.Equal(c.Removed, []membership.Access{{Endpoint: bob.ID(), Room: r.State.ID}}) || len(c.Joined) != 0 {
		t.Errorf("told %+v", c)
	}
	if !slices.Contains(c.Notify, b.Alice.Device().ID()) || !slices.Equal(c.Moved, []bus.RoomID{r.State.ID}) {
		t.Errorf("the others in the room were not told: %+v", c)
	}
	_, err = b.s.Authorize(bob.Transport.Public())
	b.refused(err, "revoked")
	_, err = b.s.Endpoint(bob.Transport.Public())
	b.refused(err, "revoked")
	_, err = b.s.RoomFacts(bob.ID(), r.State.ID)
	b.refused(err, "not_member")
	_, err = b.s.RoomEntries(b.ctx(), signer, r.State.ID, 0)
	b.refused(err, "revoked") // whatever Authorize said before
	b.refused(b.offer(bob, r, r.PolicyEntry(bob, time.Hour, "x"), nil), "revoked")
}

// TestCaseOfKeys: the same key in capital letters is the same user.
func TestCaseOfKeys(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	key, err := identity.ParseTransportID(string(bytes.ToUpper([]byte(b.Alice.Device().Transport.Public().String()))))
	b.must(err)
	if got, err := b.s.Authorize(key); err != nil || got.Handle != "alice" {
		t.Errorf("got %+v, %v", got, err)
	}
	// One handle and one key are one user for ever.
	admin := b.Founder.Device()
	for name, u := range map[string]buslog.User{
		"user_exists": {Handle: "alice", Key: b.SigningKey().Public()},
		"key_used":    {Handle: "alice2", Key: b.Alice.Key.Public()},
		// ... and no new one has a name that stands for somebody else.
		"reserved_handle": {Handle: "you", Key: b.SigningKey().Public()},
	} {
		_, err := b.s.AppendBus(b.ctx(), by(admin), b.BusEntry(admin, buslog.OpUser, u.Encode()).Encode())
		b.refused(err, name)
	}
	_, err = b.s.AppendBus(b.ctx(), by(admin), b.BusEntry(admin, buslog.OpInvite, b.NewInvite("somebody", time.Hour).Encode()).Encode())
	b.refused(err, "reserved_handle")
}

func TestAuthorize(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got, err := b.s.Authorize(b.Founder.Device().Transport.Public())
	b.must(err)
	if !got.Admin || got.Handle != "admin" || got.Endpoint != b.Founder.Device().ID() || got.Account != b.Founder.ID() || got.Invite != nil {
		t.Errorf("the admin is %+v", got)
	}
	if got, err := b.s.Authorize(b.Alice.Device().Transport.Public()); err != nil || got.Admin {
		t.Errorf("alice is %+v, %v", got, err)
	}
	for name, key := range map[string]identity.TransportID{
		"zero": {}, "stranger": b.NewDevice().Transport.Public(), "content key": identity.TransportID(b.Alice.Device().Content.Public()),
	} {
		if got, err := b.s.Authorize(key); bus.CodeOf(err) != "unauthenticated" || got != (membership.Signer{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	inv := b.invite("carol")
	got, err = b.s.Authorize(inv.Transport)
	b.must(err)
	if got.Invite == nil || *got.Invite != inv.ID || got.Handle != "" || got.Account != (bus.AccountID{}) || got.Admin {
		t.Errorf("the invite is %+v", got)
	}
	_, err = b.s.Endpoint(inv.Transport)
	b.refused(err, "unauthenticated")
	b.Pass(bus.InviteLife + time.Second)
	_, err = b.s.Authorize(inv.Transport)
	b.refused(err, "revoked")
}

// TestUnsigned passes requests that nobody signed only where it was allowed,
// and even there the rules decide.
func TestUnsigned(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *membership.Options) { o.AllowUnsigned = true })
	r := b.room(b.Alice.Device())
	for name, err := range map[string]error{
		"room":  second(b.s.Room(membership.Unsigned(), r.State.ID)),
		"rooms": second(b.s.RoomsOf(membership.Unsigned(), b.Alice.Device().ID())),
		"users": second(b.s.Users(membership.Unsigned())),
		"key":   second(b.s.Key(b.ctx(), membership.Unsigned(), r.State.ID, 1, b.Alice.Device().ID())),
		"log":   second(b.s.Bus(b.ctx(), membership.Unsigned(), 0)),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	e := b.BusEntry(b.Alice.Device(), buslog.OpUser, buslog.User{Handle: "carol", Key: b.SigningKey().Public()}.Encode())
	_, err := b.s.AppendBus(b.ctx(), membership.Unsigned(), e.Encode())
	b.refused(err, "not_allowed")
	if rooms, _ := b.s.RoomsOf(membership.Unsigned(), b.Alice.Device().ID()); len(rooms) != 1 || rooms[0].Role != "owner" {
		t.Errorf("alice's rooms are %+v", rooms)
	}
}

func second[T any](_ T, err error) error { return err }
