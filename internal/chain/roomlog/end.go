package roomlog

import (
	"time"

	"unibus/internal/bus"
)

// End is when an epoch is not in force any more: when the next one begins, nil
// where none has, and no later than its own not-after.
func (ep *Epoch) End(next *Epoch) time.Time {
	if next != nil && next.Started.Before(ep.NotAfter) {
		return next.Started
	}
	return ep.NotAfter
}

// Over reports whether a room that keeps messages as long as retention has none
// any more of an epoch that ended then. What comes late still counts for
// bus.LateFrames, and whoever dates an epoch back by bus.ChainSkew ends the one
// before early. The node deletes its envelopes by this rule and clients their
// secrets: with two rules a client would hand on what the node refuses.
func Over(end time.Time, retention time.Duration, now time.Time) bool {
	return now.Sub(end) > retention+bus.LateFrames+bus.ChainSkew
}
