package client_test

import (
	"context"
	"testing"
	"time"

	"unibus/internal/nodetest"
)

// A process that lasts has what it saw last kept from time to time: one that is
// killed after days has not forgotten them.
func TestKilledProcessRemembers(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	bob, ctx := b.Bob(b.General), nodetest.Context(t)
	read(t, bob.Client, b.General)
	s, up := newSeen(), newOnline()
	start(t, func(ctx context.Context) error {
		l := bob.NewLive(up.state)
		l.KeepEvery(10 * time.Millisecond)
		l.Follow(b.General, 0, s.add)
		return l.Run(ctx)
	})
	up.wait(t)
	ack := send(t, b.Admin.Client, b.General, "the last that he sees")
	s.untilText(t, "the last that he sees")
	next := bob.Again()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for held := uint64(0); held != ack.Seq; {
		select {
		case <-look.C:
		case <-ctx.Done():
			t.Fatalf("the next process knows of message %d, want %d", held, ack.Seq)
		}
		var err error
		held, err = next.Held(ctx, b.General)
		must(t, err)
	}
}
