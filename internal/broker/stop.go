package broker

import (
	"context"
	"time"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// Stop ends the data plane: no new clients, a notice to those who are there,
// posts that were taken are answered, then everything closes and JetStream
// writes what it has. When ctx ends first, posts go unanswered and are sent
// again by their senders; the store is closed in any case. Only the first call
// does anything.
func (b *Broker) Stop(ctx context.Context) error {
	var err error
	b.stopOnce.Do(func() {
		b.gate.open.Store(false)
		for _, ses := range b.sessions.all() {
			b.Notify(ses.me, wire.NoticeDraining, wire.RoomNotice{})
		}
		b.drain(ctx)
		err = b.shutdown(ctx)
	})
	return err
}

// drain takes no more posts and waits until those that were taken are answered.
func (b *Broker) drain(ctx context.Context) {
	_ = b.pipes.services.FlushWithContext(ctx) // the notices
	if err := b.postSub.Drain(); err != nil {
		return
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for b.postSub.IsValid() || b.posts.quota.waiting() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
	_ = b.pipes.posts.FlushWithContext(ctx) // the answers
}

// shutdown closes whatever was started, in reverse order.
func (b *Broker) shutdown(ctx context.Context) error {
	b.stopLoops()
	b.loops.Wait()
	b.pipes.close()
	done := make(chan struct{})
	go func() {
		b.srv.Shutdown()
		b.srv.WaitForShutdown()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return bus.Errorf(bus.Timeout, "stop_timeout", "the message store is still being closed").Because(ctx.Err())
	}
}
