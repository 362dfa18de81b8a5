package node

import (
	"context"
	"sync"
	"time"

	"unibus/internal/broker"
	"unibus/internal/bus"
	"unibus/internal/membership"
)

// sweepEvery is how late a message, a room key or a blob may go after its time.
const sweepEvery = time.Hour

// sweeper removes what rooms do not keep any longer: messages older than their
// retention, messages of closed rooms, room keys that no kept message needs, blobs
// that expired.
type sweeper struct {
	node *Node
	wake chan struct{} // a room was closed

	mu sync.Mutex // held through a sweep
	// oldest is, for each room, a time before which it has no message, so that
	// a room is looked at only when something may be due.
	oldest map[bus.RoomID]time.Time
	purged map[bus.RoomID]bool // closed rooms whose messages are gone
}

// close has the messages of closed rooms purged soon.
func (s *sweeper) close(rooms []membership.RoomRecord) {
	if len(rooms) == 0 {
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run sweeps until ctx ends. What a crash left of blobs is looked for once.
func (s *sweeper) run(ctx context.Context) {
	s.collect(ctx)
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		s.all(ctx)
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-tick.C:
		}
	}
}

// all sweeps once. What fails is tried again the next time.
func (s *sweeper) all(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, now := s.node.data.Load(), s.node.o.Now()
	for _, room := range s.node.members.RoomRecords() {
		if ctx.Err() != nil {
			return
		}
		if err := s.room(ctx, b, room, now); err != nil {
			s.node.o.Log.Warn("messages not swept", "room", room.ID, "err", err)
		}
	}
	if err := s.node.members.ExpireKeys(ctx); err != nil && ctx.Err() == nil {
		s.node.o.Log.Warn("room keys not swept", "err", err)
	}
	if _, err := s.node.members.ExpireBlobs(ctx, s.erase(ctx)); err != nil && ctx.Err() == nil {
		s.node.o.Log.Warn("blobs not swept", "err", err)
	}
}

// collect erases stored bytes that nobody claims.
func (s *sweeper) collect(ctx context.Context) {
	n, err := s.node.members.CollectBlobs(ctx, s.node.blobs.All(ctx), s.erase(ctx))
	if err != nil && ctx.Err() == nil {
		s.node.o.Log.Warn("unclaimed blobs not collected", "err", err)
	}
	if n > 0 {
		s.node.o.Log.Info("unclaimed blobs collected", "blobs", n)
	}
}

func (s *sweeper) erase(ctx context.Context) func(bus.Hash) error {
	return func(id bus.Hash) error { return s.node.blobs.Delete(ctx, id) }
}

func (s *sweeper) room(ctx context.Context, b *broker.Broker, room membership.RoomRetention, now time.Time) error {
	if room.Closed {
		return s.closed(ctx, b, room.RoomRecord)
	}
	before := now.Add(-room.Retention)
	if s.oldest[room.ID].After(before) {
		return nil
	}
	oldest, err := oldestMessage(ctx, b, room.RoomRecord, now)
	if err == nil && oldest.Before(before) {
		if err = b.Purge(ctx, room.Shard, room.ID, &before); err == nil {
			oldest, err = oldestMessage(ctx, b, room.RoomRecord, now)
		}
	}
	if err == nil {
		s.oldest[room.ID] = oldest
	}
	return err
}

func (s *sweeper) closed(ctx context.Context, b *broker.Broker, room membership.RoomRecord) error {
	if s.purged[room.ID] {
		return nil
	}
	delete(s.oldest, room.ID)
	err := b.Purge(ctx, room.Shard, room.ID, nil)
	s.purged[room.ID] = err == nil
	return err
}

// oldestMessage returns when the oldest message of a room was stored; now when
// there is none, since the next one will not be older.
func oldestMessage(ctx context.Context, b *broker.Broker, room membership.RoomRecord, now time.Time) (time.Time, error) {
	page, err := b.Page(ctx, room.Shard, room.ID, broker.PageQuery{Forward: true, Limit: 1})
	if err != nil || len(page.Messages) == 0 {
		return now, err
	}
	return page.Messages[0].At, nil
}
