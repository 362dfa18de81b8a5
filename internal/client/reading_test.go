package client_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/nodetest"
)

// A follow that asked for nothing of the past shows nothing of it.
func TestFollowFromNow(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	bob := b.Bob(b.General)
	for n := range 3 {
		send(t, b.Admin.Client, b.General, fmt.Sprint("old ", n))
	}
	type way func(context.Context, client.ReadOptions, *seen) error
	reading := func(ctx context.Context, o client.ReadOptions, s *seen) error {
		return bob.Read(ctx, b.General, o, s.add)
	}
	tailing := func(ctx context.Context, o client.ReadOptions, s *seen) error {
		return bob.Tail(ctx, []bus.RoomID{b.General}, o, func(_ bus.RoomID, e bus.Event) error { return s.add(e) })
	}
	follows := map[string]*seen{}
	for name, f := range map[string]struct {
		way   way
		since time.Time
	}{
		"read": {reading, time.Time{}}, "tail": {tailing, time.Time{}}, "since later": {reading, time.Now().Add(time.Hour)},
	} {
		s, up := newSeen(), newOnline()
		follows[name] = s
		start(t, func(ctx context.Context) error {
			return f.way(ctx, client.ReadOptions{Follow: true, Since: f.since, State: up.state}, s)
		})
		up.wait(t)
	}
	send(t, b.Admin.Client, b.General, "new")
	for name, s := range follows {
		s.untilText(t, "new")
		s.mu.Lock()
		if !slices.Equal(s.texts, []string{"new"}) {
			t.Errorf("%s: got %q, want only what came after it began", name, s.texts)
		}
		s.mu.Unlock()
	}
}

// A limit counts messages, however many came in one frame.
func TestLimitCountsMessages(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	live := b.Admin.NewLive(nil)
	box := live.Post(b.General, client.Linger)
	acks := make(chan client.Ack, 100)
	ctx := nodetest.Context(t)
	for n := range 100 { // they wait for the connection, and go as one frame
		must(t, box.Send(ctx, text(fmt.Sprint(n)), acks))
	}
	start(t, live.Run)
	wantAcks(t, ctx, acks, 100)
	for _, limit := range []int{1, 7, 100, 500} {
		var got []string
		err := b.Admin.Read(ctx, b.General, client.ReadOptions{Limit: limit}, func(e bus.Event) error {
			if e.Message != nil {
				got = append(got, e.Message.Text)
			}
			return nil
		})
		must(t, err)
		if n := min(limit, 100); len(got) != n || got[n-1] != "99" {
			t.Errorf("limit %d: got %d messages, the last %q; want the newest %d", limit, len(got), got[len(got)-1], n)
		}
	}
}

// A connection takes so many rooms and no more: who asks for more is told,
// and does not try for ever.
func TestTooManyRooms(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	live := b.Admin.NewLive(nil)
	for range bus.MaxOpenRooms + 1 {
		var id bus.RoomID
		_, _ = rand.Read(id[:])
		live.Follow(id, 0, func(bus.Event) error { return nil })
	}
	ctx, cancel := context.WithTimeout(nodetest.Context(t), 5*time.Second)
	defer cancel()
	wantError(t, "a follow of too many rooms", live.Run(ctx), bus.TooLarge, "too_many_rooms")
}

// A connection that died without a word is noticed by what is not answered.
func TestSilentConnectionIsNoticed(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice := b.Alice(b.General)
	r := newRelay(t, b)
	r.carries(alice)
	live := alice.Again().NewLive(nil)
	box := live.Post(b.General, 0)
	start(t, live.Run)
	ctx := nodetest.Context(t)
	acks := make(chan client.Ack, 2)
	must(t, box.Send(ctx, text("first"), acks))
	wantAcks(t, ctx, acks, 1)
	r.mute()
	must(t, box.Send(ctx, text("second"), acks))
	began := time.Now()
	wantAcks(t, ctx, acks, 1)
	t.Logf("a message over a dead connection was acknowledged after %v", time.Since(began).Round(time.Millisecond))
}
