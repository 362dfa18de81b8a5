package client_test

import (
	"slices"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/node"
	"unibus/internal/nodetest"
	"unibus/internal/profile"
)

// deviceLink makes a device link of p's.
func deviceLink(t testing.TB, p *nodetest.Person) identity.Link {
	t.Helper()
	l, err := p.LinkDevice(nodetest.Context(t), bus.MaxLinkLife)
	must(t, err)
	return l
}

// takeUp begins to take a device link up; the second result does it.
func takeUp(t testing.TB, l identity.Link, now func() time.Time) (*identity.File, func() (*client.Client, error)) {
	t.Helper()
	ctx := nodetest.Context(t)
	j, err := client.Meet(ctx, l, now)
	must(t, err)
	must(t, j.OpenDevice(ctx))
	id := j.NewDevice("laptop")
	return id, func() (*client.Client, error) {
		store, err := profile.Memory(ctx, id.ProfileKey)
		must(t, err)
		if err := j.AcceptDevice(ctx, id, store); err != nil {
			return nil, err
		}
		c, err := client.New(client.Options{Identity: id, Info: j.Info(), Store: store, Now: now})
		must(t, err)
		t.Cleanup(func() { _ = c.Close() })
		return c, nil
	}
}

func device(t testing.TB, p *nodetest.Person, now func() time.Time) *client.Client {
	t.Helper()
	_, accept := takeUp(t, deviceLink(t, p), now)
	c, err := accept()
	must(t, err)
	return c
}

func stateOf(t testing.TB, c *client.Client, id bus.EndpointID) client.EndpointState {
	t.Helper()
	all, err := c.Endpoints(nodetest.Context(t), c.Handle())
	must(t, err)
	for _, e := range all {
		if e.ID == id {
			return e.State
		}
	}
	t.Fatalf("endpoint %v is not listed", id)
	return ""
}

// TestSecondDevice: it is let in by whoever acts, holds nothing of the account's,
// reads what its user could, and can list the next one.
func TestSecondDevice(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice := b.Alice()
	room := newRoom(t, b, "ops", "alice")
	send(t, b.Admin.Client, room, "before")
	id, accept := takeUp(t, deviceLink(t, alice), time.Now)
	if id.Seed != nil || id.Org != nil || id.Account != alice.Identity.Account {
		t.Errorf("a second device holds the seed or belongs to %v", id.Account)
	}
	phone, err := accept()
	must(t, err)
	if id.Handle != "alice" || id.Name != "laptop-2" {
		t.Errorf("the device is %s of %s, want laptop-2 of alice", id.Name, id.Handle)
	}
	if _, err := phone.FindRoom(nodetest.Context(t), "ops"); bus.KindOf(err) != bus.NotFound {
		t.Errorf("a room without a key: got %v, want not found", err)
	}
	if _, err = accept(); err != nil { // the answer was lost
		t.Errorf("the same again: %v", err)
	}
	send(t, b.Admin.Client, room, "after")
	got := read(t, phone, room)
	if got := texts(got); !slices.Equal(got, []string{"before", "after"}) {
		t.Errorf("the new device reads %q", got)
	}
	send(t, phone, room, "mine")
	if last := read(t, alice.Client, room); last[len(last)-1].Message.Trust != bus.TrustVerified {
		t.Error("a message of one's other device is not verified")
	}
	_, err = phone.LinkDevice(nodetest.Context(t), time.Minute)
	must(t, err)
}

// TestFollowerWelcomes: a device that follows a room lets the next one in,
// without anybody sending.
func TestFollowerWelcomes(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	s, _ := follow(t, b.Admin.Client, b.General)
	phone := device(t, b.Admin, time.Now)
	s.until(t, "a new key", func(s *seen) bool { return len(s.others) > 0 && s.others[len(s.others)-1].Epoch != nil })
	send(t, phone, b.General, "here")
	s.untilText(t, "here")
}

// TestUsedLinks: a link is for one device, for a while, and dies when it is
// revoked or its maker is.
func TestUsedLinks(t *testing.T) {
	t.Parallel()
	clock := &nodetest.Clock{}
	b := nodetest.Boot(t, func(o *node.Options) { o.Now = clock.Now })
	ctx := nodetest.Context(t)
	open := func(l identity.Link) error {
		j, err := client.Meet(ctx, l, clock.Now)
		must(t, err)
		return j.OpenDevice(ctx)
	}
	refused := func(what string, err error) {
		t.Helper()
		if bus.CodeOf(err) != "link_used" || bus.KindOf(err) != bus.Conflict {
			t.Errorf("%s: got %v, want link_used", what, err)
		}
	}
	alice := b.Alice()
	used := deviceLink(t, alice)
	_, first := takeUp(t, used, clock.Now)
	_, second := takeUp(t, used, clock.Now)
	phone, err := first()
	must(t, err)
	_, err = second()
	refused("the second of two at once", err)
	refused("a used link", open(used))

	taken := deviceLink(t, alice)
	_, err = alice.RevokeEndpoint(ctx, "alice", identity.EndpointOf(identity.OneTimeKeys(taken.Seed).Content.Public(),
		identity.OneTimeKeys(taken.Seed).Transport.Public()))
	must(t, err)
	refused("a revoked link", open(taken))

	orphan, err := phone.LinkDevice(ctx, time.Minute)
	must(t, err)
	_, err = alice.RevokeEndpoint(ctx, "alice", phone.Endpoint())
	must(t, err)
	refused("a link of a revoked device", open(orphan))

	late := deviceLink(t, alice)
	clock.Pass(bus.MaxLinkLife + time.Second)
	refused("a late link", open(late))
}

// TestRevokedDevice is cut, and opens nothing that is sent later; only its owner
// and admins end it.
func TestRevokedDevice(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	ctx := nodetest.Context(t)
	alice, bob := b.Alice(b.General), b.Bob()
	phone := device(t, alice, time.Now)
	send(t, alice.Client, b.General, "to both")
	s, run := follow(t, phone, b.General)
	s.untilText(t, "to both")
	if _, err := bob.RevokeEndpoint(ctx, "alice", phone.Endpoint()); bus.KindOf(err) != bus.Forbidden {
		t.Errorf("another user revokes: got %v, want forbidden", err)
	}
	rev, err := b.Admin.RevokeEndpoint(ctx, "alice", phone.Endpoint())
	must(t, err)
	if !rev.Changed || rev.Cut == 0 || len(rev.Rekeyed) != 1 || len(rev.Pending) != 0 {
		t.Errorf("got %+v, want a cut connection and one new key", rev)
	}
	if err := run.wait(t); bus.KindOf(err) != bus.Unauthenticated {
		t.Errorf("the revoked device ended with %v", err)
	}
	send(t, alice.Client, b.General, "without it")
	if got := stateOf(t, alice.Client, phone.Endpoint()); got != client.EndpointRevoked {
		t.Errorf("it is %s", got)
	}
	if rev, err = alice.RevokeEndpoint(ctx, "alice", phone.Endpoint()); err != nil || rev.Changed {
		t.Errorf("again: got %+v, %v", rev, err)
	}
}

// bot lists one in a room of p's and returns its client.
func bot(t testing.TB, p *nodetest.Person, now func() time.Time, o client.Bot) *client.Client {
	t.Helper()
	ctx := nodetest.Context(t)
	id, err := p.NewBot(ctx, o)
	must(t, err)
	_, pending, err := p.AddBot(ctx, id, o)
	must(t, err)
	if len(pending) > 0 {
		t.Errorf("%d rooms wait for a key", len(pending))
	}
	store, err := profile.Memory(ctx, id.ProfileKey)
	must(t, err)
	c, err := client.New(client.Options{Identity: id, Info: *id.Context, Store: store, Now: now})
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestBotEnds: it acts at once and until its end, without ever renewing its key;
// then it is told so, and the next epoch is without it.
func TestBotEnds(t *testing.T) {
	t.Parallel()
	clock := &nodetest.Clock{}
	b := nodetest.Boot(t, func(o *node.Options) { o.Now = clock.Now })
	ctx, life := nodetest.Context(t), 90*24*time.Hour
	o := client.Bot{Name: "builder", Rooms: []bus.RoomID{b.General}, Verbs: account.VerbPublish, Ends: clock.Now().Add(life)}
	builder := bot(t, b.Admin, clock.Now, o)
	send(t, builder, b.General, "at once")
	err := builder.Read(ctx, b.General, client.ReadOptions{Limit: 1}, func(bus.Event) error { return nil })
	if bus.CodeOf(err) != "out_of_scope" || bus.KindOf(err) != bus.Forbidden {
		t.Errorf("it reads: got %v, want out_of_scope", err)
	}
	if _, err := b.Admin.NewBot(ctx, o); bus.CodeOf(err) != "name_taken" {
		t.Errorf("another of the name: got %v, want name_taken", err)
	}
	if _, err := builder.LinkDevice(ctx, time.Minute); bus.CodeOf(err) != "out_of_scope" {
		t.Errorf("it lists others: got %v, want out_of_scope", err)
	}
	clock.Pass(life - time.Hour)
	send(t, b.Admin.Client, b.General, "late")
	send(t, builder, b.General, "to the end")
	clock.Pass(2 * time.Hour)
	if _, err := builder.SendOne(ctx, b.General, text("too late")); bus.KindOf(err) != bus.Unauthenticated {
		t.Errorf("after its end: got %v", err)
	}
	if got := stateOf(t, b.Admin.Client, builder.Endpoint()); got != client.EndpointEnded {
		t.Errorf("it is %s", got)
	}
	send(t, b.Admin.Client, b.General, "without it")
}
