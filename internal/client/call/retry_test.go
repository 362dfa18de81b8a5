package call

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestBackoff(t *testing.T) {
	t.Parallel()
	for range 50 {
		var b Backoff
		if wait := b.Next(); wait != 0 {
			t.Fatalf("first retry: got %v, want at once", wait)
		}
		ceiling, longest := 2*first, time.Duration(0)
		for try := 1; try < 40; try++ {
			wait := b.Next()
			if wait <= 0 || wait > ceiling+time.Millisecond {
				t.Fatalf("retry %d: got %v, want over 0 and at most %v", try, wait, ceiling)
			}
			longest = max(longest, wait)
			ceiling = min(2*ceiling, Longest)
		}
		if longest < Longest/2 {
			t.Errorf("got at most %v of %v in 40 tries", longest, Longest)
		}
	}
}

func TestBackoffSleep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var b Backoff
		tries := 0
		for b.Sleep(ctx) {
			tries++
		}
		if ctx.Err() != nil || tries < 10 {
			t.Errorf("got %d tries, context %v; want an end before its deadline", tries, ctx.Err())
		}
		cancel()
		if (&Backoff{}).Sleep(ctx) {
			t.Error("a try after the context ended")
		}
	})
}
