package client_test

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/frame"
	"unibus/internal/nodetest"
)

// A room takes one plain rekey a minute. Who owes it another one goes on
// without: neither the change that asked for it nor a message waits.
func TestRefusedRekeyHoldsNothingBack(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice, bob := b.Alice(b.General), b.Bob(b.General)
	ctx, cancel := context.WithTimeout(nodetest.Context(t), 10*time.Second)
	defer cancel()
	must(t, b.Admin.Rekey(ctx, b.General))
	changed, err := b.Admin.SetRoomRole(ctx, b.General, "alice", bus.RoleReader)
	if err != nil || !changed {
		t.Errorf("a role is changed right after a rekey: got %v, %v; want true", changed, err)
	}
	if _, err := bob.SendOne(ctx, b.General, text("at once")); err != nil {
		t.Errorf("a message to a room that is owed a key: %v", err)
	}
	got := newSeen()
	for _, e := range read(t, alice.Client, b.General) {
		must(t, got.add(e))
	}
	got.wantOnce(t, []string{"at once"})
}

// After a revocation the next frame of whoever is in a room with the revoked
// one has a key that he was not given, though no admin is there to make it:
// from a new process, and from one that has been sending all along.
func TestNextFrameLeavesTheRevokedOut(t *testing.T) {
	t.Parallel()
	for _, running := range []bool{false, true} {
		t.Run(map[bool]string{false: "new process", true: "running process"}[running], func(t *testing.T) {
			t.Parallel()
			b := nodetest.Boot(t)
			alice, bob := b.Alice(), b.Bob()
			ctx := nodetest.Context(t)
			room, err := alice.CreateRoom(ctx, "ours", client.RoomOptions{})
			must(t, err)
			_, err = alice.AddMembers(ctx, room, bus.RoleMember, "bob")
			must(t, err)
			say := func(words string) { send(t, alice.Client, room, words) }
			if running {
				live := alice.Again().NewLive(nil)
				box := live.Post(room, 0)
				acks := make(chan client.Ack, 1)
				start(t, live.Run)
				say = func(words string) {
					must(t, box.Send(ctx, text(words), acks))
					wantAcks(t, ctx, acks, 1)
				}
			}
			say("before")
			before := epochOf(t, alice.Client, room)
			if n := len(read(t, bob.Client, room)); n != 1 {
				t.Errorf("bob, while he is here: got %d events, want the message", n)
			}
			rev, err := b.Admin.RevokeUser(ctx, "bob")
			must(t, err)
			if len(rev.Rekeyed)+len(rev.Pending) > 0 {
				t.Errorf("an admin who is not in the room: got %+v, want no room touched", rev)
			}
			tries := 1
			for say("after"); running && last(t, alice, room).Epoch == before && ctx.Err() == nil; tries++ {
				say("after") // the hint may be on its way still
			}
			t.Logf("the new key was in use after %d messages", tries)
			if got := last(t, alice, room); got.Epoch != before+1 {
				t.Errorf("epoch of the next frame: got %d, want %d", got.Epoch, before+1)
			}
			members, err := alice.Members(ctx, room)
			must(t, err)
			if len(members) != 1 || members[0].User != "alice" {
				t.Errorf("members: got %+v, want alice alone", members)
			}
		})
	}
}

// Hints may be lost. Who sends all the time looks by himself often enough that
// readers never refuse what he sends as too late.
func TestSenderLooksForNewKeys(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice := b.Alice(b.General)
	tap := newTap(t, b, func(said []byte) []byte { return bytes.ReplaceAll(said, []byte(".log "), []byte(".lag ")) })
	tap.carries(alice)
	var ahead atomic.Int64
	live := clocked(t, alice, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }).NewLive(nil)
	box := live.Post(b.General, 0)
	start(t, live.Run)
	ctx := nodetest.Context(t)
	acks := make(chan client.Ack, 1)
	say := func() bus.Epoch {
		must(t, box.Send(ctx, text("hello"), acks))
		wantAcks(t, ctx, acks, 1)
		return last(t, b.Admin, b.General).Epoch
	}
	before := say()
	must(t, b.Admin.Rekey(ctx, b.General))
	if got := say(); got != before {
		t.Errorf("right after a new key without a hint: got epoch %d, want %d: the hint was not lost", got, before)
	}
	ahead.Store(int64(bus.ClockSkew - 5*time.Second))
	if got := say(); got != before+1 {
		t.Errorf("a while later: got epoch %d, want %d", got, before+1)
	}
}

// clocked is another client on the person's profile, with a clock of its own.
func clocked(t testing.TB, p *nodetest.Person, now func() time.Time) *client.Client {
	t.Helper()
	store, err := p.Home.Open(nodetest.Context(t), p.Info.Name, p.Identity.ProfileKey)
	must(t, err)
	c, err := client.New(client.Options{Identity: p.Identity, Info: p.Info, Store: store, Now: now})
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// last is the newest stored frame of a room.
func last(t testing.TB, p *nodetest.Person, room bus.RoomID) frame.Header {
	t.Helper()
	all := frames(t, p, room)
	return all[len(all)-1]
}
