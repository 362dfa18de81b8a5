package broker

import (
	"context"
	"time"
)

const (
	sweepEvery     = time.Second      // posts that JetStream never answered
	reconcileEvery = 2 * time.Second  // anti-entropy: a missed change must not leave a removed member in
	tailEvery      = 15 * time.Second // tail notices
	activityEvery  = time.Second      // news of rooms that are not open
)

// startLoops starts what runs beside the services, until ctx ends.
func (b *Broker) startLoops(ctx context.Context) {
	b.loops.Go(func() { b.enforce(ctx) })
	b.every(ctx, sweepEvery, func() { b.posts.sweep(b.now()) })
	b.every(ctx, reconcileEvery, b.reconcile)
	b.every(ctx, tailEvery, func() { b.tails(ctx) })
	b.every(ctx, activityEvery, b.tellActivity)
}

// every calls f again and again, each in a goroutine of its own: a slow store
// must not hold up the removal of a member.
func (b *Broker) every(ctx context.Context, interval time.Duration, f func()) {
	b.loops.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				f()
			}
		}
	})
}

// enforce cuts off whom the guard has had enough of, until ctx ends.
func (b *Broker) enforce(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case me := <-b.gate.guard.over:
			b.log.Warn("endpoint cut off for flooding", "endpoint", me.String(), "for", barTime)
			b.Cut(me)
		}
	}
}

// reconcile derives every live grant anew.
func (b *Broker) reconcile() {
	for _, ses := range b.sessions.all() {
		b.sessions.renew(ses, nil)
	}
}
