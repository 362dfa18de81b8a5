package client_test

import (
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/node"
	"unibus/internal/nodetest"
	"unibus/internal/profile"
)

// counted makes a person remember frames of a room's newest epoch.
func counted(t *testing.T, p *nodetest.Person, room bus.RoomID, frames profile.Tally) {
	t.Helper()
	ctx := nodetest.Context(t)
	frames.Epoch = epochOf(t, p.Client, room)
	store, err := p.Home.Open(ctx, p.Info.Name, p.Identity.ProfileKey)
	must(t, err)
	must(t, store.AddTally(ctx, room, frames))
	must(t, store.Close())
}

// Whoever saw or sent bus.EpochFrames frames of an epoch starts the next one
// before he sends again: each message by a process of its own, or read and then
// answered.
func TestManyFramesMakeANewKey(t *testing.T) {
	t.Parallel()
	for name, frames := range map[string]profile.Tally{
		"sent": {Sent: bus.EpochFrames - 1}, "seen": {Seen: bus.EpochFrames - 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := nodetest.Boot(t)
			alice := b.Alice(b.General)
			counted(t, b.Admin, b.General, frames)
			before := epochOf(t, b.Admin.Client, b.General)
			one := b.Admin.Again()
			send(t, one, b.General, "not due yet")
			read(t, one, b.General)
			read(t, one, b.General) // counts each once
			must(t, one.Close())
			if got := last(t, alice, b.General).Epoch; got != before {
				t.Errorf("a frame below the limit: got epoch %d, want %d", got, before)
			}
			send(t, b.Admin.Again(), b.General, "due")
			if got := last(t, alice, b.General).Epoch; got != before+1 {
				t.Errorf("the next one: got epoch %d, want %d", got, before+1)
			}
			send(t, b.Admin.Again(), b.General, "and on")
			if got := last(t, alice, b.General).Epoch; got != before+1 {
				t.Errorf("one more: got epoch %d, want %d", got, before+1)
			}
		})
	}
}

// A member whose count the node does not bear out goes on, and asks again only
// after as many frames as before.
func TestMiscountedFramesHoldNothingBack(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice := b.Alice(b.General)
	counted(t, alice, b.General, profile.Tally{Sent: bus.EpochFrames})
	before := epochOf(t, alice.Client, b.General)
	send(t, alice.Again(), b.General, "hello")
	if got := last(t, b.Admin, b.General).Epoch; got != before {
		t.Errorf("got epoch %d, want %d", got, before)
	}
	store, err := alice.Home.Open(nodetest.Context(t), alice.Info.Name, alice.Identity.ProfileKey)
	must(t, err)
	got, err := store.Tally(nodetest.Context(t), b.General)
	must(t, err)
	must(t, store.Close())
	if got.Sent > 1 {
		t.Errorf("she still counts %d frames, want what came since", got.Sent)
	}
}

// A member, whom the node holds to the reason that he gives, sends as many
// frames as make one, and with the next process begins a new epoch.
func TestMemberRekeysAfterManyFrames(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t, func(o *node.Options) { o.Sync = time.Minute })
	alice := b.Alice(b.General)
	before := epochOf(t, alice.Client, b.General)
	one := alice.Again()
	live := one.NewLive(nil)
	box := live.Post(b.General, 0)
	sending := start(t, live.Run)
	ctx := nodetest.Context(t)
	acks := make(chan client.Ack, bus.EpochFrames)
	for range bus.EpochFrames {
		must(t, box.Send(ctx, text("hello"), acks))
	}
	wantAcks(t, ctx, acks, bus.EpochFrames)
	sending.end()
	must(t, one.Close())
	send(t, alice.Again(), b.General, "in a new epoch")
	if got := last(t, b.Admin, b.General).Epoch; got != before+1 {
		t.Errorf("got epoch %d, want %d", got, before+1)
	}
}
