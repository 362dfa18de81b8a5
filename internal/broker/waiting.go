package broker

import (
	"sync"
	"time"

	"unibus/internal/bus"
)

// post is one frame on its way to JetStream.
type post struct {
	reply   string
	room    bus.RoomID
	account bus.AccountID
	size    int
	since   time.Time
}

// waiting holds the posts that JetStream has not acknowledged, by a number
// that counts up. It is safe for concurrent use.
type waiting struct {
	mu     sync.Mutex
	by     map[uint64]post
	next   uint64
	oldest uint64 // no post has a lower number
}

// add keeps p and returns its number.
func (w *waiting) add(p post) uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by == nil {
		w.by = map[uint64]post{}
	}
	n := w.next
	w.by[n] = p
	w.next++
	return n
}

// take removes the post of that number; ok is false when it was taken before.
func (w *waiting) take(n uint64) (p post, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, ok = w.by[n]
	delete(w.by, n)
	return p, ok
}

// before removes and returns the posts that came before t, oldest first.
func (w *waiting) before(t time.Time) (late []post) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ; w.oldest < w.next; w.oldest++ {
		p, ok := w.by[w.oldest]
		if !ok {
			continue
		}
		if !p.since.Before(t) {
			break
		}
		delete(w.by, w.oldest)
		late = append(late, p)
	}
	return late
}
