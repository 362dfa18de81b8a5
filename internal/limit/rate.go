package limit

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// sweepStep is how many buckets each call looks at for idle ones. Two a call
// outrun any growth, since a call adds one at most.
const sweepStep = 2

// sweepFull is how many are looked at when a newcomer finds no room.
const sweepFull = 16

// Rate keeps one token bucket a key: an address prefix, an endpoint, a user.
// What a token stands for, a request or a byte, is the caller's choice.
//
// A bucket that has filled up again is dropped, since a fresh one is the same.
// So a stranger who wants to occupy the table has to spend the full rate on
// every key in it. When it is full nevertheless, newcomers share one bucket:
// dropping a busy key instead would give its owner a full burst, again and
// again, and end the limit for whoever has many addresses.
type Rate[K comparable] struct {
	limit   rate.Limit
	burst   int
	maxKeys int
	now     func() time.Time

	mu       sync.Mutex
	slots    map[K]int // index in buckets
	buckets  []bucket[K]
	hand     int // where the next sweep goes on
	overflow *rate.Limiter
}

type bucket[K comparable] struct {
	key    K
	tokens *rate.Limiter
}

// NewRate makes buckets of burst tokens that gain perSecond tokens a second,
// for at most maxKeys keys at once (about 200 bytes each). A perSecond of 0 or
// less disables the limit.
func NewRate[K comparable](perSecond float64, burst, maxKeys int, now func() time.Time) *Rate[K] {
	r := &Rate[K]{limit: rate.Limit(perSecond), burst: burst, maxKeys: maxKeys, now: now}
	r.slots = make(map[K]int)
	r.overflow = rate.NewLimiter(r.limit, burst)
	return r
}

// Take takes n tokens from key's bucket, all or none. When they are not there
// it says how long until they would be, for a Retry-After; more than the burst
// never are, which is told as rate.InfDuration.
func (r *Rate[K]) Take(key K, n int) (wait time.Duration, ok bool) {
	if r.limit <= 0 {
		return 0, true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	r.sweep(now, sweepStep)
	return take(r.bucket(key, now), now, n)
}

// Len says how many keys have a bucket now.
func (r *Rate[K]) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.buckets)
}

func take(tokens *rate.Limiter, now time.Time, n int) (time.Duration, bool) {
	res := tokens.ReserveN(now, n)
	wait := res.DelayFrom(now)
	if wait == 0 {
		return 0, true
	}
	res.CancelAt(now)
	return wait, false
}

// bucket finds or makes the bucket of key, or lends the shared one.
func (r *Rate[K]) bucket(key K, now time.Time) *rate.Limiter {
	if i, ok := r.slots[key]; ok {
		return r.buckets[i].tokens
	}
	if len(r.buckets) >= r.maxKeys {
		r.sweep(now, sweepFull)
	}
	if len(r.buckets) >= r.maxKeys {
		return r.overflow
	}
	tokens := rate.NewLimiter(r.limit, r.burst)
	r.slots[key] = len(r.buckets)
	r.buckets = append(r.buckets, bucket[K]{key, tokens})
	return tokens
}

// sweep looks at the next few buckets, in a circle, and drops full ones.
func (r *Rate[K]) sweep(now time.Time, steps int) {
	for range min(steps, len(r.buckets)) {
		if r.hand >= len(r.buckets) {
			r.hand = 0
		}
		if r.buckets[r.hand].tokens.TokensAt(now) < float64(r.burst) {
			r.hand++
			continue
		}
		r.drop(r.hand)
	}
}

// drop removes bucket i; the last one takes its place.
func (r *Rate[K]) drop(i int) {
	last := len(r.buckets) - 1
	delete(r.slots, r.buckets[i].key)
	if i != last {
		r.buckets[i] = r.buckets[last]
		r.slots[r.buckets[i].key] = i
	}
	r.buckets[last] = bucket[K]{}
	r.buckets = r.buckets[:last]
}
