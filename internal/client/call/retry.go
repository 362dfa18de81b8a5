package call

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"unibus/internal/bus"
)

// Backoff waits between tries: not at all before the first retry, then with
// full jitter up to a ceiling that doubles to 5 s, so that clients of a node
// that comes back do not come all at once.
type Backoff struct{ Tries int } // begun so far

// first is the ceiling of the wait before the second retry.
const first = 50 * time.Millisecond

// Longest is the highest ceiling of a wait.
const Longest = 5 * time.Second

// Next is the wait before the coming try.
func (b *Backoff) Next() time.Duration {
	defer func() { b.Tries++ }()
	if b.Tries == 0 {
		return 0
	}
	ceiling := min(Longest, first<<min(b.Tries, 10))
	return rand.N(ceiling) + time.Millisecond
}

// Sleep waits for the next try, and reports false when ctx ended or would end
// first: then the error at hand says more than a time-out.
func (b *Backoff) Sleep(ctx context.Context) bool { return Rest(ctx, b.Next()) }

// Rest waits, and reports false when ctx ended or would end first.
func Rest(ctx context.Context, wait time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ctx.Err() != nil || ok && time.Until(deadline) < wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Retryable reports whether whoever said err asks to be asked again.
func Retryable(err error) bool {
	var e *bus.Error
	return errors.As(err, &e) && e.Retryable
}
