package broker

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// How many posts may wait for JetStream: a member who posts faster than the
// disk writes is told so, and does not fill the node's memory.
const (
	maxWaitingPosts = 2048     // of one account
	maxWaitingBytes = 16 << 20 // of one account
	maxWaitingAll   = 16384    // of the node; their answers fit maxPending
	maxWaitingTotal = 128 << 20
)

// quota keeps what each account has waiting and how fast it posts. It is safe
// for concurrent use and never forgets an account: there are no more than the
// bus has users.
type quota struct {
	rate int // bytes a second of one account

	mu    sync.Mutex
	by    map[bus.AccountID]*usage
	posts int
	bytes int
}

type usage struct {
	rate         *rate.Limiter
	posts, bytes int
}

func newQuota(bytesPerSecond int) *quota {
	return &quota{rate: bytesPerSecond, by: map[bus.AccountID]*usage{}}
}

// take books one post of size bytes for a, or says why not in the words of
// wire.PostReply. What was taken must be given back when it was answered.
func (q *quota) take(a bus.AccountID, size int, now time.Time) (refused string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.by[a]
	if u == nil {
		// A burst holds at least one frame of any size.
		u = &usage{rate: rate.NewLimiter(rate.Limit(q.rate), max(2*q.rate, bus.MaxFrame))}
		q.by[a] = u
	}
	switch {
	case u.posts >= maxWaitingPosts, u.bytes+size > maxWaitingBytes,
		q.posts >= maxWaitingAll, q.bytes+size > maxWaitingTotal:
		return wire.PostBusy
	case !u.rate.AllowN(now, size):
		return wire.PostRate
	}
	u.posts, u.bytes = u.posts+1, u.bytes+size
	q.posts, q.bytes = q.posts+1, q.bytes+size
	return ""
}

// give returns what take booked.
func (q *quota) give(a bus.AccountID, size int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.by[a]
	u.posts, u.bytes = u.posts-1, u.bytes-size
	q.posts, q.bytes = q.posts-1, q.bytes-size
}

// waiting is how many posts are not answered yet.
func (q *quota) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.posts
}
