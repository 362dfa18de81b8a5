package broker

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// What an endpoint may ask for in vain before it is cut off and barred for a
// while. All posts pass through one queue: without this, one member who floods
// the node with junk would make everybody's posts late.
const (
	vainRate    = 2 << 10  // points a second
	vainBurst   = 32 << 10 // points
	junkCost    = 16       // of what no honest client sends, and one more for each KiB
	refusedCost = 1        // of what an honest client may hit, and one more for each 16 KiB
	barTime     = 10 * time.Second
	openRate    = 20 // open requests a second; each may cost the node 3 ms
	openBurst   = 100
)

// guard remembers how endpoints behave. It is safe for concurrent use and
// never forgets one: there are no more than the bus has endpoints.
type guard struct {
	now   func() time.Time
	over  chan bus.EndpointID // to be cut off
	bars  atomic.Uint64
	mu    sync.Mutex
	known map[bus.EndpointID]*conduct
}

type conduct struct {
	vain, opens *rate.Limiter
	barred      time.Time // until then
}

func newGuard(now func() time.Time) *guard {
	return &guard{now: now, over: make(chan bus.EndpointID, 64), known: map[bus.EndpointID]*conduct{}}
}

// of returns the conduct of me; the caller holds the lock.
func (g *guard) of(me bus.EndpointID) *conduct {
	c := g.known[me]
	if c == nil {
		c = &conduct{vain: rate.NewLimiter(vainRate, vainBurst), opens: rate.NewLimiter(openRate, openBurst)}
		g.known[me] = c
	}
	return c
}

// vain books a post of size bytes that was refused for the given reason, in
// the words of wire.PostReply; "" is one that has no legal reply.
func (g *guard) vain(me bus.EndpointID, reason string, size int) {
	cost := junkCost + size>>10
	switch reason {
	case wire.PostRate, wire.PostBusy, wire.PostFull, wire.PostRetry:
		cost = refusedCost + size>>14
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	c, now := g.of(me), g.now()
	if c.vain.AllowN(now, min(cost, vainBurst)) {
		return
	}
	select {
	case g.over <- me:
		c.barred = now.Add(barTime)
		g.bars.Add(1)
	default: // the next one is booked too
	}
}

// mayOpen books an open request and reports whether it may be served.
func (g *guard) mayOpen(me bus.EndpointID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.of(me).opens.AllowN(g.now(), 1)
}

// barred reports whether me is kept out now.
func (g *guard) barred(me bus.EndpointID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.known[me]
	return c != nil && g.now().Before(c.barred)
}
