package broker

import (
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// Attack: a member floods the node with posts that are no frames. Checked: he
// is cut off and kept out, the node's own connections stand, and an honest
// member's posts go on.
func TestFloodIsCutOff(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"small": 100, "largest": maxPayload} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := startNode(t)
			alice, mallory, room := n.person(), n.person(), newRoom()
			n.add(alice, room, memberFacts)
			n.add(mallory, room, memberFacts)
			a, m := n.connect(alice), n.connect(mallory)
			a.open(room)
			m.open(room)
			junk, end := make([]byte, size), time.Now().Add(20*time.Second)
			for time.Now().Before(end) && m.PublishRequest(wire.PostSubject(n.Server(), room, mallory.id), mallory.inbox(), junk) == nil {
			}
			m.waitClosed()
			if l, err := n.try(mallory); err == nil {
				l.Close()
				t.Error("the flooder is admitted again at once")
			}
			waitFor(t, func() bool { // once the queue is empty
				_, err := a.tryPost(room, alice.frame(room, 10))
				return err == nil
			})
			if got := n.Stats().Bars; got != 1 || !n.pipes.up() || n.pipes.posts.Reconnects != 0 {
				t.Errorf("%d bars, own connections up %v", got, n.pipes.up())
			}
		})
	}
}

func TestGuard(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	g := newGuard(func() time.Time { return now })
	honest, junk, spin := bus.EndpointID{1}, bus.EndpointID{2}, bus.EndpointID{3}
	until := func(me bus.EndpointID, reason string, size int) (posts int) {
		for ; !g.barred(me) && posts < 1e6; posts++ {
			g.vain(me, reason, size)
		}
		return posts
	}
	for range 512 { // a whole window of the largest frames, refused
		g.vain(honest, wire.PostBusy, bus.MaxFrame)
	}
	if g.barred(honest) {
		t.Error("an honest client is barred for one refused window")
	}
	if got := until(junk, wire.PostFrame, 100); got > 3000 {
		t.Errorf("%d junk posts until the bar", got)
	}
	if got := until(spin, wire.PostBusy, 100); got > 40000 || got < 10000 {
		t.Errorf("%d refused posts until the bar", got)
	}
	if len(g.over) != 2 || <-g.over != junk || <-g.over != spin {
		t.Error("the wrong ones are cut off")
	}
	now = now.Add(barTime)
	if g.barred(junk) {
		t.Error("barred for ever")
	}
	opens := 0
	for g.mayOpen(honest) {
		opens++
	}
	now = now.Add(time.Second)
	if opens != openBurst || !g.mayOpen(honest) {
		t.Errorf("%d open requests at once", opens)
	}
}
