package node

import (
	"context"
	"sync"
	"time"

	"unibus/internal/broker"
	"unibus/internal/bus"
	"unibus/internal/membership"
)

// sweepTick is how often it is looked whether anything is due. That alone asks the
// store for nothing.
const sweepTick = 15 * time.Second

// lateness is how late a message may go after its time. Where messages come all the
// time some are always due: a room is purged no more often than this.
func lateness(retention time.Duration) time.Duration {
	return min(max(retention/10, time.Minute), time.Hour)
}

// look is the last look at the messages of a room.
type look struct {
	at     time.Time
	oldest time.Time // no message is from before it
}

// due is when to look again: there may be something to purge then, and it is not late
// yet.
func (l look) due(retention time.Duration) time.Time {
	rested := l.at.Add(lateness(retention) - sweepTick)
	if first := l.oldest.Add(retention); first.After(rested) {
		return first
	}
	return rested
}

// sweeper removes what rooms do not keep any longer: messages older than their
// retention, messages of closed rooms, room keys that no kept message needs, blobs
// that expired.
type sweeper struct {
	node *Node
	wake chan struct{} // a room was closed

	mu     sync.Mutex // held through a sweep
	looked map[bus.RoomID]look
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
	tick := time.NewTicker(sweepTick)
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
	if last, ok := s.looked[room.ID]; ok && now.Before(last.due(room.Retention)) {
		return nil
	}
	before := now.Add(-room.Retention)
	oldest, err := oldestMessage(ctx, b, room.RoomRecord, now)
	if err == nil && oldest.Before(before) {
		if err = b.Purge(ctx, room.Shard, room.ID, &before); err == nil {
			oldest, err = oldestMessage(ctx, b, room.RoomRecord, now)
		}
	}
	if err == nil {
		s.looked[room.ID] = look{at: now, oldest: oldest}
	}
	return err
}

func (s *sweeper) closed(ctx context.Context, b *broker.Broker, room membership.RoomRecord) error {
	if s.purged[room.ID] {
		return nil
	}
	delete(s.looked, room.ID)
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
