package client_test

import (
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/nodetest"
	"unibus/internal/profile"
)

// recovered brings a person's account back on a new device.
func recovered(t testing.TB, p *nodetest.Person, seed identity.Seed, now func() time.Time) (*client.Client, client.Recovered) {
	t.Helper()
	ctx := nodetest.Context(t)
	j, err := client.Meet(ctx, client.BusLink(p.Info), now)
	must(t, err)
	id := j.IdentityOf(seed, "new")
	store, err := profile.Memory(ctx, id.ProfileKey)
	must(t, err)
	done, err := j.Recover(ctx, id, store, func() error { return nil })
	must(t, err)
	c, err := client.New(client.Options{Identity: id, Info: j.Info(), Store: store, Now: now})
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c, done
}

// A room takes one plain rekey a minute, but the one that a recovered device needs:
// it is in at once, whoever made a key just before.
func TestRecoverRightAfterARekey(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice := b.Alice(b.General)
	ctx := nodetest.Context(t)
	send(t, alice.Client, b.General, "before")
	for _, who := range []*client.Client{b.Admin.Client, alice.Client} {
		if err := who.Rekey(ctx, b.General); err != nil && bus.KindOf(err) != bus.Limited && bus.KindOf(err) != bus.Forbidden {
			t.Fatal(err)
		}
		before := epochOf(t, b.Admin.Client, b.General)
		c, done := recovered(t, alice, *alice.Identity.Seed, time.Now)
		if len(done.Rooms) != 1 || len(done.Closed) != 0 {
			t.Errorf("%d rooms came back, %d stay closed; want 1 and 0", len(done.Rooms), len(done.Closed))
		}
		if got := epochOf(t, b.Admin.Client, b.General); got != before+1 {
			t.Errorf("the epoch is %d, want %d: one that the new device is in", got, before+1)
		}
		send(t, c, b.General, "here")
		got := newSeen()
		for _, e := range read(t, c, b.General) {
			must(t, got.add(e))
		}
		if len(got.texts) == 0 || got.texts[0] != "before" || len(got.faults) > 0 {
			t.Errorf("the new device reads %q, with %d faults", got.texts, len(got.faults))
		}
	}
}

// Who may only read a room can start no epoch there: the next writer lets his new
// device in, and until then it reads what was sealed to the words.
func TestReaderRecovers(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice := b.Alice(b.General)
	ctx := nodetest.Context(t)
	send(t, b.Admin.Client, b.General, "before")
	_, err := b.Admin.SetRoomRole(ctx, b.General, "alice", bus.RoleReader)
	must(t, err)
	c, done := recovered(t, alice, *alice.Identity.Seed, time.Now)
	if len(done.Rooms) != 1 {
		t.Errorf("got %+v, want the room's keys", done)
	}
	send(t, b.Admin.Client, b.General, "after")
	got := newSeen()
	for _, e := range read(t, c, b.General) {
		must(t, got.add(e))
	}
	got.wantOnce(t, []string{"before", "after"})
}
