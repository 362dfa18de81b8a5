// Package membership decides who may do what on a bus, and keeps the signed
// facts that say so.
//
// A Service runs the chain rules over every entry before a Store keeps it, and
// answers every question of permission from a view in memory that only
// committed entries change. It adds what only the node can know: the real
// clock, caps, rates, who signed the request. It promises to deny when it
// cannot tell, and to answer alike for what is not there and for what the
// asker may not know. It must not know HTTP, NATS, SQL, or a secret.
package membership

import (
	"context"
	"crypto/rand"
	"log/slog"
	"math/big"
	"sync"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/identity"
	"unibus/internal/limit"
	"unibus/internal/wire"
)

// OpTimeout bounds every read of the store, so that a store that hangs denies
// and holds nobody up.
const OpTimeout = 5 * time.Second

// Options of a Service. The zero value of a field is its default.
type Options struct {
	Now           func() time.Time // time.Now
	Log           *slog.Logger     // discards
	Caps          Caps             // DefaultCaps
	ClearRooms    bool             // cleartext rooms may be made: loopback nodes only
	AllowUnsigned bool             // Unsigned passes: development nodes only
	Changed       func(Change)     // see Change
	Shard         func() int       // of a new room, below wire.Shards; random by default
	// Frames counts a room's stored messages behind a sequence. Without it no
	// member starts an epoch because the one before has many frames.
	Frames func(ctx context.Context, room RoomRecord, after uint64) (uint64, error)
	// Newest is a sequence behind which nothing of a room is stored, and below
	// which nothing will be. Without it an epoch may name any closing frame.
	Newest func(ctx context.Context, room RoomRecord) (uint64, error)
}

// Service is safe for concurrent use.
//
// Its locks, in the order they are taken: order is held alone by what changes
// the bus log or an account chain, on which everything else rests, and shared
// by what changes a room; room.append by what changes that room; mu guards the
// view, which is written only by the steps of committed entries. A check may
// read without mu what its locks keep from changing.
type Service struct {
	store Store
	opts  Options
	rates *limit.Rate[bus.AccountID]
	adds  *limit.Rate[adder]

	order   sync.RWMutex
	mu      sync.RWMutex
	view    *view
	making  map[bus.AccountID]int // rooms between check and commit
	pending []Change              // committed, not told yet

	telling sync.Mutex
	doubts  doubts
	quotas  [64]sync.Mutex // by uploader, from the check of his space to the row
	holds   holds

	granting sync.Mutex // from the count of grants to the next of them
}

// Open reads the whole store, checks every entry again, signatures too, and
// compares the result with the heads and room records of the store: any
// difference is ErrDamaged. It takes about 0.1 ms an entry. The Service does
// not own the store.
func Open(ctx context.Context, store Store, o Options) (*Service, error) {
	o = o.withDefaults()
	v, err := load(ctx, store, o.Now)
	if err != nil {
		return nil, err
	}
	s := &Service{store: store, opts: o, view: v, making: map[bus.AccountID]int{}}
	s.rates = limit.NewRate[bus.AccountID](o.Caps.Appends, int(10*o.Caps.Appends), maxRates, o.Now)
	s.adds = limit.NewRate[adder](addsAMinute/60.0, addsAMinute, maxRates, o.Now)
	return s, nil
}

// maxRates bounds the authors whose rates are remembered; strangers get none.
const maxRates = 10_000

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Changed == nil {
		o.Changed = func(Change) {}
	}
	if o.Shard == nil {
		o.Shard = randomShard
	}
	o.Caps = o.Caps.withDefaults()
	return o
}

func randomShard() int {
	n, err := rand.Int(rand.Reader, big.NewInt(wire.Shards))
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	return int(n.Int64())
}

// Healthy is nil while facts can be told and new ones stored.
func (s *Service) Healthy() error {
	if err := s.sure(); err != nil {
		return err
	}
	return s.store.Err()
}

// Founded reports whether the bus has a genesis.
func (s *Service) Founded() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.view.log.Len > 0
}

// HasAdmin reports whether an active admin exists; false when in doubt.
func (s *Service) HasAdmin() bool {
	if s.sure() != nil {
		return false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.view.log.HasAdmin()
}

// Identity is what a link to the bus is checked against.
func (s *Service) Identity() (id bus.ID, org identity.VerifyKey, ca bus.Hash) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.view.log.Bus, s.view.log.Org, s.view.log.CA
}

// OldOrgs lists the organisation keys before the one in force, oldest first.
func (s *Service) OldOrgs() []identity.VerifyKey {
	s.mu.RLock()
	defer s.mu.RUnlock()
	orgs := s.view.log.Orgs()
	return orgs[:max(0, len(orgs)-1)]
}

// Head is the newest entry of the bus log; ok is false before the founding.
func (s *Service) Head() (head bus.Head, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.view.log.Head(), s.view.log.Len > 0
}

// page reads entries of a chain up to its tail in the view: what is committed
// and not yet in the view is not told. The head is told with every page, so
// that a client sees a chain that became shorter.
func (s *Service) page(ctx context.Context, log Log, tail chain.Tail, from uint32) (wire.Entries, error) {
	out := wire.Entries{Entries: [][]byte{}}
	if tail.Len == 0 {
		return out, nil
	}
	head := tail.Head()
	out.Head = &head
	if from >= tail.Len {
		return out, nil
	}
	ctx, cancel := context.WithTimeout(ctx, OpTimeout)
	defer cancel()
	raws, err := s.store.Entries(ctx, log, tail.Chain, from, int(tail.Len-from))
	if err != nil {
		return out, err
	}
	out.Entries = append(out.Entries, raws...)
	out.More = from+uint32(len(raws)) < tail.Len
	return out, nil
}
