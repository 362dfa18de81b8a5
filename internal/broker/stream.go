package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

const (
	// dedupWindow is how long the same frame is answered as a duplicate.
	dedupWindow = 2 * time.Minute
	// maxStreams leaves room beside the shards for the streams of a cluster.
	maxStreams   = wire.Shards + 32
	maxConsumers = 256
	// jsTimeout bounds one management request to JetStream.
	jsTimeout = 10 * time.Second
)

var errShard = bus.Errorf(bus.Integrity, "store_damaged", "part of the message store is missing or cannot be decrypted").
	WithHint("start with the store key it was made with, or restore a backup; nothing was changed")

// shards are the streams that hold messages, S0 .. S31.
type shards struct {
	js      jetstream.JetStream
	streams [wire.Shards]jetstream.Stream // set by prepare
}

func newShards(conn *nats.Conn) (*shards, error) {
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(jsTimeout))
	if err != nil {
		return nil, fmt.Errorf("reach JetStream: %w", err)
	}
	return &shards{js: js}, nil
}

// shardConfig is the stream of one shard. It republishes what it stored, so
// that a live message carries the room's own predecessor; it never discards
// an old message to make place, or one room could push out the others'.
func shardConfig(shard int, o Options) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:       wire.StreamName(shard),
		Subjects:   []string{wire.ShardWildcard(shard)},
		Storage:    jetstream.FileStorage,
		Replicas:   1,
		Discard:    jetstream.DiscardNew,
		MaxBytes:   o.shardBytes(),
		MaxAge:     o.Retention,
		MaxMsgSize: bus.MaxFrame + 1024, // and the node's header
		Duplicates: dedupWindow,
		RePublish: &jetstream.RePublish{
			Source:      wire.ShardWildcard(shard),
			Destination: "out.{{wildcard(1)}}",
		},
		AllowDirect: true,
		DenyDelete:  true, // messages go by age and by purge, never singly
	}
}

// prepare makes the streams at the founding, and afterwards demands them.
func (s *shards) prepare(ctx context.Context, o Options) (err error) {
	for shard := range s.streams {
		if cfg := shardConfig(shard, o); o.Found {
			s.streams[shard], err = s.found(ctx, cfg)
		} else {
			s.streams[shard], err = s.demand(ctx, cfg)
		}
		if err != nil {
			return fmt.Errorf("prepare shard %d: %w", shard, err)
		}
	}
	return nil
}

// found makes a stream, also when an earlier founding was cut short. Messages
// in it mean that this bus was founded long ago.
func (s *shards) found(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	made, err := s.js.CreateOrUpdateStream(ctx, cfg)
	if err == nil && made.CachedInfo().State.LastSeq > 0 {
		return nil, bus.Errorf(bus.Conflict, "store_not_empty", "the message store holds messages of a bus")
	}
	return made, err
}

// demand finds a stream and gives it the limits of today. It never makes one:
// that would bury what cannot be read just now.
func (s *shards) demand(ctx context.Context, want jetstream.StreamConfig) (jetstream.Stream, error) {
	got, err := s.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, errShard.Because(err)
	}
	if err != nil {
		return nil, err
	}
	have := got.CachedInfo().Config
	if have.MaxBytes == want.MaxBytes && have.MaxAge == want.MaxAge {
		return got, nil
	}
	have.MaxBytes, have.MaxAge = want.MaxBytes, want.MaxAge
	return s.js.UpdateStream(ctx, have)
}

// purge removes the messages of a room with a sequence below seq, or all of
// them when seq is 0.
func (s *shards) purge(ctx context.Context, shard int, room bus.RoomID, seq uint64) error {
	opts := []jetstream.StreamPurgeOpt{jetstream.WithPurgeSubject(wire.StoredSubject(shard, room))}
	if seq > 0 {
		opts = append(opts, jetstream.WithPurgeSequence(seq))
	}
	if err := s.streams[shard].Purge(ctx, opts...); err != nil {
		return errStored.Because(fmt.Errorf("purge room: %w", err))
	}
	return nil
}

// Newest is the newest sequence that a shard gave out, 0 when it gave none. It
// never goes down, whatever is purged.
func (b *Broker) Newest(ctx context.Context, shard int) (uint64, error) {
	if shard < 0 || shard >= wire.Shards {
		return 0, bus.Errorf(bus.Invalid, "bad_shard", "there is no shard %d", shard)
	}
	info, err := b.shards.streams[shard].Info(ctx)
	if err != nil {
		return 0, errStored.Because(fmt.Errorf("newest of a shard: %w", err))
	}
	return info.State.LastSeq, nil
}

// Purge removes a room's messages that were stored before t, or all of them
// when t is nil. What is gone from reads stays on disk, encrypted when the
// store is, until its block is compacted.
func (b *Broker) Purge(ctx context.Context, shard int, room bus.RoomID, before *time.Time) error {
	if shard < 0 || shard >= wire.Shards {
		return bus.Errorf(bus.Invalid, "bad_shard", "there is no shard %d", shard)
	}
	if before == nil {
		return b.shards.purge(ctx, shard, room, 0)
	}
	cut, err := b.history.since(ctx, shard, room, *before)
	if err != nil || cut <= 1 {
		return err
	}
	return b.shards.purge(ctx, shard, room, cut)
}
