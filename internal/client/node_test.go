package client_test

import (
	"fmt"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client/call"
	"unibus/internal/nodetest"
)

// A node says what it is; how far its clock is from ours is seen whether it takes
// our requests or not.
func TestNode(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice := b.Alice()
	ctx := nodetest.Context(t)
	near := func(got, want time.Duration) bool { return got > want-2*time.Second && got < want+2*time.Second }
	for _, ahead := range []time.Duration{0, 5*time.Second - bus.ClockSkew, 10 * time.Minute, -10 * time.Minute} {
		c := clocked(t, alice, func() time.Time { return time.Now().Add(ahead) })
		n, err := c.Node(ctx)
		must(t, err)
		if n.Name == "" || !n.Posture.Enforce || !n.Posture.TLS || n.RTT <= 0 || !near(n.Ahead, ahead) {
			t.Errorf("clock %s ahead: got %+v", ahead, n)
		}
		_, err = c.ListMyRooms(ctx)
		got, skewed := call.ClockAhead(err)
		if refused := ahead.Abs() > bus.ClockSkew; skewed != refused || skewed && (!near(got, ahead) || bus.CodeOf(err) != "clock_skew") {
			t.Errorf("clock %s ahead, refused %v: got %s, %v", ahead, refused, got, err)
		}
	}
	if _, skewed := call.ClockAhead(bus.ErrNotMember); skewed {
		t.Error("not every refusal is about clocks")
	}
}

// What was missed is told of before the first and after the last of it, and each
// try to connect says when the next one is.
func TestFilling(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice := b.Alice(b.General)
	for n := range 3 {
		send(t, b.Admin.Client, b.General, fmt.Sprint("message ", n))
	}
	told := make(chan string, 1024)
	say := func(s string) {
		select {
		case told <- s:
		default: // many tries are as good as a few
		}
	}
	live := alice.NewLive(func(e bus.StateEvent) {
		if e.State == bus.StateReconnecting && (e.Attempt < 1 || e.Attempt > 1 && e.Next <= 0) {
			t.Errorf("attempt %d, next in %s", e.Attempt, e.Next)
		}
		say(string(e.State))
	})
	live.Filling(func(_ bus.RoomID, begun bool) { say(fmt.Sprint("filling ", begun)) })
	live.Follow(b.General, 0, func(e bus.Event) error {
		if e.Message != nil {
			say(e.Message.Text)
		}
		return nil
	})
	start(t, live.Run)
	ctx := nodetest.Context(t)
	next := func(want string) (got string) {
		t.Helper()
		select {
		case got = <-told:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %q", want)
		}
		return got
	}
	expect := func(want ...string) {
		t.Helper()
		for _, w := range want {
			got := next(w)
			for got == string(bus.StateReconnecting) && w != got { // as often as it takes
				got = next(w)
			}
			if got != w {
				t.Fatalf("got %q, want %q", got, w)
			}
		}
	}
	expect("online", "filling true", "message 0", "message 1", "message 2", "filling false")
	b.Stop()
	expect("reconnecting")
	b.Restart()
	expect("online")
	send(t, b.Admin.Client, b.General, "and on")
	expect("and on")
}
