package client_test

import (
	"math"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/nodetest"
	"unibus/internal/seal"
)

// A mark that lies ahead of all that is stored, in a profile of before such were
// refused, counts up to there: what is written from then on is unread.
func TestMarksAheadAreCut(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	bob, ctx := b.Bob(b.General), nodetest.Context(t)
	other, empty := newRoom(t, b, "other", "bob"), newRoom(t, b, "empty", "bob")
	last := send(t, b.Admin.Client, b.General, "one").Seq
	seen := send(t, b.Admin.Client, other, "two").Seq
	must(t, bob.SetMark(ctx, b.General, math.MaxInt64))
	must(t, bob.SetMark(ctx, other, seen))
	must(t, bob.SetMark(ctx, empty, 7))
	unread := func(id bus.RoomID) uint64 {
		refs, err := bob.ListMyRooms(ctx)
		must(t, err)
		for _, r := range refs {
			if r.ID == id {
				n, _, err := bob.Unread(ctx, r)
				must(t, err)
				return n
			}
		}
		t.Fatal("a room is not listed")
		return 0
	}
	if n := unread(b.General); n != 0 {
		t.Errorf("%d are unread of what there was", n)
	}
	for id, want := range map[bus.RoomID]uint64{b.General: last, other: seen, empty: 7} {
		if got, err := bob.Mark(ctx, id); err != nil || got != want {
			t.Errorf("marked up to %d, %v; want %d", got, err, want)
		}
	}
	send(t, b.Admin.Client, b.General, "three")
	if n := unread(b.General); n != 1 {
		t.Errorf("%d are unread of one that is new", n)
	}
}

// A frame of many messages counts as many, and what one wrote oneself, or what is
// only about another message, as none.
func TestUnreadCountsMessages(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	bob, ctx := b.Bob(b.General), nodetest.Context(t)
	read := send(t, b.Admin.Client, b.General, "read")
	must(t, bob.SetMark(ctx, b.General, read.Seq))
	send(t, bob.Client, b.General, "mine")
	live := b.Admin.NewLive(nil)
	box, acks := live.Post(b.General, client.Linger), make(chan client.Ack, 30)
	for range 30 { // they wait for the connection, and go as one frame
		must(t, box.Send(ctx, text("line"), acks))
	}
	start(t, live.Run)
	wantAcks(t, ctx, acks, 30)
	_, err := b.Admin.SendOne(ctx, b.General, about(t, b.Admin.Client, b.General, read, seal.KindReaction, "+1"))
	must(t, err)
	refs, err := bob.ListMyRooms(ctx)
	must(t, err)
	for _, r := range refs {
		n, more, err := bob.Unread(ctx, r)
		if r.ID == b.General && (err != nil || n != 30 || more) {
			t.Errorf("%d are unread, more %v, %v; want 30", n, more, err)
		}
	}
}
