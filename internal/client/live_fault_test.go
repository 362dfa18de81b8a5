package client_test

import (
	"context"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/nodetest"
)

// ended lists why rooms are not read any more.
func (s *seen) ended() (out []string) {
	for _, e := range s.others {
		if e.Fault != nil {
			out = append(out, bus.CodeOf(e.Fault.Err))
		}
	}
	return out
}

// tailed is somebody who follows two rooms at once.
type tailed struct {
	*nodetest.Bus
	c        *client.Client
	ops, ci  bus.RoomID
	told     map[bus.RoomID]*seen
	follow   *running
	isOnline online
}

func newTailed(t *testing.T, before func(*tailed)) *tailed {
	b := nodetest.Boot(t)
	bob := b.Bob()
	w := &tailed{Bus: b, c: bob.Client, ops: newRoom(t, b, "ops", "bob"), ci: newRoom(t, b, "ci", "bob"), isOnline: newOnline()}
	w.told = map[bus.RoomID]*seen{w.ops: newSeen(), w.ci: newSeen()}
	before(w)
	w.follow = start(t, func(ctx context.Context) error {
		return w.c.Tail(ctx, []bus.RoomID{w.ops, w.ci}, client.ReadOptions{State: w.isOnline.state},
			func(id bus.RoomID, e bus.Event) error { return w.told[id].add(e) })
	})
	return w
}

// moves has the log of a room move, so that everybody reads it on.
func (w *tailed) moves(t *testing.T, id bus.RoomID) {
	t.Helper()
	must(t, w.Admin.Rekey(nodetest.Context(t), id))
}

func (w *tailed) untilEnded(t *testing.T, id bus.RoomID) {
	t.Helper()
	w.told[id].until(t, "the end of a room", func(s *seen) bool { return len(s.ended()) > 0 })
}

// A room of which the node shows what does not hold is read no more, and says so; the
// others go on, over another connection too. The whole ends as that room did.
func TestOneRoomEndsAlone(t *testing.T) {
	t.Parallel()
	w := newTailed(t, func(*tailed) {})
	w.isOnline.wait(t)
	w.c.Fork(w.ops)
	w.moves(t, w.ops)
	w.untilEnded(t, w.ops)
	send(t, w.Admin.Client, w.ci, "still here")
	w.told[w.ci].untilText(t, "still here")
	send(t, w.Admin.Client, w.ops, "to nobody")
	w.Restart()
	w.isOnline.wait(t)
	send(t, w.Admin.Client, w.ci, "still there")
	w.told[w.ci].untilText(t, "still there")
	w.follow.stop()
	wantError(t, "a follow of several rooms", w.follow.wait(t), bus.Integrity, "forked")
	for id, want := range map[bus.RoomID]int{w.ops: 1, w.ci: 0} {
		s := w.told[id]
		if len(s.ended()) != want {
			t.Errorf("a room was told %d times that it ended, want %d", len(s.ended()), want)
		}
	}
	if got := w.told[w.ops].texts; len(got) > 0 {
		t.Errorf("the room that ended was read on: %q", got)
	}
}

// So it is with a room that does not hold from the beginning; and where none is left,
// the follow is over.
func TestNoRoomIsLeft(t *testing.T) {
	t.Parallel()
	w := newTailed(t, func(w *tailed) {
		read(t, w.c, w.ops)
		w.c.Fork(w.ops)
	})
	w.isOnline.wait(t)
	w.untilEnded(t, w.ops)
	send(t, w.Admin.Client, w.ci, "here")
	w.told[w.ci].untilText(t, "here")
	w.c.Fork(w.ci)
	w.moves(t, w.ci)
	wantError(t, "a follow whose last room ended", w.follow.wait(t), bus.Integrity, "forked")
}

// A follow of a single room ends with it.
func TestSingleRoomEnds(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	bob := b.Bob(b.General)
	s, r := follow(t, bob.Client, b.General)
	bob.Fork(b.General)
	must(t, b.Admin.Rekey(nodetest.Context(t), b.General))
	wantError(t, "a follow of one room", r.wait(t), bus.Integrity, "forked")
	if got := s.ended(); len(got) != 1 || got[0] != "forked" {
		t.Errorf("its reader was told %q", got)
	}
}

// A room of which the node shows what does not hold is listed with what was known of
// it, and with why no more is; the others are listed as ever.
func TestRoomsAreListedBesideABrokenOne(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	bob, ctx := b.Bob(), nodetest.Context(t)
	ops, ci := newRoom(t, b, "ops", "bob"), newRoom(t, b, "ci", "bob")
	listed := func() map[bus.RoomID]client.RoomRef {
		refs, err := bob.ListMyRooms(ctx)
		must(t, err)
		out := map[bus.RoomID]client.RoomRef{}
		for _, ref := range refs {
			out[ref.ID] = ref
		}
		return out
	}
	listed()
	bob.Fork(ops)
	must(t, b.Admin.Rekey(ctx, ops))
	must(t, b.Admin.Rekey(ctx, ci))
	rooms := listed()
	wantError(t, "a room whose log is another than before", rooms[ops].Err, bus.Integrity, "forked")
	if rooms[ops].Name != "ops" || rooms[ci].Name != "ci" || rooms[ci].Err != nil {
		t.Errorf("got %q, %q and %v", rooms[ops].Name, rooms[ci].Name, rooms[ci].Err)
	}
	_, err := bob.FindRoomNow(ctx, "ops")
	wantError(t, "finding it", err, bus.Integrity, "forked")
	if id, err := bob.FindRoomNow(ctx, "ci"); err != nil || id != ci {
		t.Errorf("finding another room: got %v, %v", id, err)
	}
	if _, err := bob.FindRoomNow(ctx, "nowhere"); bus.KindOf(err) != bus.NotFound {
		t.Errorf("finding what is no room: got %v", err)
	}
}

// Where nothing is known of such a room, it may be any that is looked for: none is
// made in its place. What does not hold of the bus is said of all.
func TestBrokenRoomMayBeTheOne(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	bob, ctx := b.Bob(), nodetest.Context(t)
	ops := newRoom(t, b, "ops", "bob")
	bob.ForkFrom(ops)
	_, err := bob.FindRoomNow(ctx, "nowhere")
	wantError(t, "finding a room beside a broken one without a name", err, bus.Integrity, "forked")
	_, err = bob.DirectRoom(ctx, "admin")
	wantError(t, "making a room of two beside it", err, bus.Integrity, "forked")
	bob.ForkBus()
	_, err = bob.ListMyRooms(ctx)
	wantError(t, "listing rooms of another bus log", err, bus.Integrity, "forked")
}
