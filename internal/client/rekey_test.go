package client_test

import (
	"context"
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

// last is the newest stored frame of a room.
func last(t testing.TB, p *nodetest.Person, room bus.RoomID) frame.Header {
	t.Helper()
	all := frames(t, p, room)
	return all[len(all)-1]
}
