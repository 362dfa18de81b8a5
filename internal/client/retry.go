package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"unibus/internal/bus"
)

// backoff waits between tries: not at all before the first retry, then with
// full jitter up to a ceiling that doubles to 5 s, so that clients of a node
// that comes back do not come all at once.
type backoff struct{ tries int }

const (
	backoffFirst = 50 * time.Millisecond
	backoffMost  = 5 * time.Second
)

// next is the wait before the coming try.
func (b *backoff) next() time.Duration {
	defer func() { b.tries++ }()
	if b.tries == 0 {
		return 0
	}
	ceiling := min(backoffMost, backoffFirst<<min(b.tries, 10))
	return rand.N(ceiling) + time.Millisecond
}

// sleep waits for the next try, and reports false when ctx ended or would end
// first: then the error at hand says more than a time-out.
func (b *backoff) sleep(ctx context.Context) bool { return rest(ctx, b.next()) }

func rest(ctx context.Context, wait time.Duration) bool {
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

func retryable(err error) bool {
	var e *bus.Error
	return errors.As(err, &e) && e.Retryable
}
