package client

import (
	"slices"

	"unibus/internal/bus"
	"unibus/internal/frame"
)

// session is a run of frames of one process of an endpoint.
type session struct {
	endpoint bus.EndpointID
	epoch    bus.Epoch
	id       frame.Session
}

// progress is how far the frames of a session were read.
type progress struct {
	next    uint64 // above every number that came
	missing []gap  // oldest first
}

// gap is a stretch of numbers that did not come, from first up to end.
type gap struct{ first, end uint64 }

const (
	// maxMissing bounds the gaps of a session that are remembered, or somebody
	// who leaves out every second number makes all readers remember them.
	maxMissing = 64
	// recentSessions bounds the sessions of a reader that are remembered:
	// everybody who sends makes a new one with every process.
	recentSessions = 10_000
)

// rank is where a frame stands among those of its session.
type rank struct {
	missed uint32 // numbers before it that did not come
	behind bool   // later ones, and was missed: the node refused it for now, or holds it back
	repeat bool   // not the first of its number
}

// take counts a frame in.
func (p *progress) take(number uint32) (at rank) {
	n := uint64(number)
	if n < p.next {
		at.behind = p.fill(n)
		at.repeat = !at.behind
		return at
	}
	if at.missed = uint32(n - p.next); at.missed > 0 {
		p.missing = append(p.missing, gap{p.next, n})
	}
	p.next = n + 1
	p.forget()
	return at
}

// fill takes n out of the gap that it lies in.
func (p *progress) fill(n uint64) bool {
	i := slices.IndexFunc(p.missing, func(g gap) bool { return g.first <= n && n < g.end })
	if i < 0 {
		return false
	}
	var rest []gap
	for _, g := range []gap{{p.missing[i].first, n}, {n + 1, p.missing[i].end}} {
		if g.first < g.end {
			rest = append(rest, g)
		}
	}
	p.missing = slices.Replace(p.missing, i, i+1, rest...)
	p.forget()
	return true
}

func (p *progress) forget() {
	if over := len(p.missing) - maxMissing; over > 0 {
		p.missing = slices.Delete(p.missing, 0, over)
	}
}
