package broker

import (
	"errors"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

func TestGrantReachesLiveConnection(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice, bob, room, later := n.person(), n.person(), newRoom(), newRoom()
	n.add(alice, room, memberFacts)
	n.add(bob, room, memberFacts)
	a, b := n.connect(alice), n.connect(bob)
	live := b.follow(room)
	if r := a.open(room, later); len(r.Granted) != 1 || len(r.Refused) != 1 || r.Refused[0].Code != "not_member" {
		t.Fatalf("open: %+v", r)
	}
	raw := alice.frame(room, 100)
	seq := a.post(room, raw)
	m := next(t, live)
	if string(m.Data) != string(raw) || m.Header.Get("Nats-Last-Sequence") != "0" || seq == 0 {
		t.Fatalf("live message %v, sequence %d", m.Header, seq)
	}
	n.add(alice, later, memberFacts)
	n.Renew(alice.id, nil)
	if r := a.open(later); len(r.Granted) != 1 {
		t.Fatalf("open after joining: %+v", r)
	}
	if a.postErr(later, alice.frame(later, 10)) != "" || a.IsClosed() {
		t.Fatal("the live connection cannot use the new room")
	}
}

// Who may publish alone posts, and hears nothing of the room.
func TestPostOnly(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	bot, alice, room := n.person(), n.person(), newRoom()
	n.add(bot, room, RoomFacts{Persist: true, Write: true, PostOnly: true})
	n.add(alice, room, memberFacts)
	b, a := n.connect(bot), n.connect(alice)
	heard := a.follow(room)
	b.open(room)
	out := b.subscribe(wire.OutSubject(room))
	b.post(room, bot.frame(room, 10))
	next(t, heard)
	a.post(room, alice.frame(room, 10))
	next(t, heard)
	quiet(t, out)
}

// Nobody posts after his time is over, not even until the next look at the facts.
func TestPostsEnd(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	bot, late, room := n.person(), n.person(), newRoom()
	n.add(bot, room, RoomFacts{Persist: true, Write: true, Until: time.Now().Add(time.Hour)})
	n.add(late, room, RoomFacts{Persist: true, Write: true, Until: time.Now().Add(-time.Millisecond)})
	b, l := n.connect(bot), n.connect(late)
	b.open(room)
	l.open(room)
	b.post(room, bot.frame(room, 10))
	if got := l.postErr(room, late.frame(room, 10)); got != wire.PostRoom {
		t.Errorf("after its time: %q", got)
	}
}

func TestRemovalCutsAndReopens(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice, bob, r1, r2 := n.person(), n.person(), newRoom(), newRoom()
	for _, r := range []bus.RoomID{r1, r2} {
		n.add(alice, r, memberFacts)
		n.add(bob, r, memberFacts)
	}
	a, b := n.connect(alice), n.connect(bob)
	a.open(r1, r2)
	live := b.follow(r1)
	n.remove(bob, r1)
	n.Renew(bob.id, []bus.RoomID{r1})
	b.waitClosed()
	a.post(r1, alice.frame(r1, 10))
	quiet(t, live)
	again := n.connect(bob)
	if r := again.open(r1, r2); len(r.Granted) != 1 || r.Granted[0].Room != r2 || len(r.Refused) != 1 {
		t.Fatalf("open after removal: %+v", r)
	}
	if got := n.Stats().Kicks; got != 1 {
		t.Errorf("%d kicks, want 1", got)
	}
}

// The node's own connections come back when they are lost, with what they
// listen to.
func TestOwnConnectionsComeBack(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice, room := n.person(), newRoom()
	n.add(alice, room, memberFacts)
	a := n.connect(alice)
	a.open(room)
	if err := n.Healthy(); err != nil {
		t.Fatal(err)
	}
	for _, c := range n.pipes.all() {
		id, err := c.GetClientID()
		if err != nil {
			t.Fatal(err)
		}
		if err := n.srv.DisconnectClientByID(id); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool { return c.Stats().Reconnects == 1 && n.pipes.up() })
	}
	var seq uint64
	waitFor(t, func() bool {
		r, err := a.tryPost(room, alice.frame(room, 10))
		seq = r.Seq
		return err == nil && r.Err == ""
	})
	if r := a.open(room); len(r.Granted) != 1 || r.Granted[0].Last != seq {
		t.Errorf("open: %+v, want last %d", r, seq)
	}
	n.stop()
	if bus.KindOf(n.Healthy()) != bus.Unavailable {
		t.Error("healthy after its stop")
	}
}

// A right that was lost unannounced is noticed by the next open request.
func TestOpenNoticesALoss(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice, r1, r2 := n.person(), newRoom(), newRoom()
	n.add(alice, r1, memberFacts)
	n.add(alice, r2, memberFacts)
	a := n.connect(alice)
	a.open(r1)
	n.remove(alice, r1)
	if r, err := a.tryOpen(r2); err == nil && r.Error != wire.OpenConnection {
		t.Errorf("open: %+v", r)
	}
	a.waitClosed()
	b := n.connect(alice)
	n.change(func() { n.directory.err = errors.New("disk") })
	if r, err := b.tryOpen(r2); err == nil && len(r.Granted) != 0 {
		t.Errorf("open while the directory fails: %+v", r)
	}
}
