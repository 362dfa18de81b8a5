package membership

import (
	"context"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/wire"
)

// Log is a kind of chain.
type Log uint8

// The numbers are written into stores and never change.
const (
	LogBus     Log = 1
	LogAccount Log = 2
	LogRoom    Log = 3
)

// StoredEntry is one entry at its place. Chain is the id of the chain also for
// the entry that a bus or a room begins with.
type StoredEntry struct {
	Log   Log
	Chain chain.ID
	Index uint32
	Raw   []byte
}

// ChainHead is the newest entry of a chain as the store remembers it, apart
// from the entry itself: so a lost tail and a flipped bit show at start.
type ChainHead struct {
	Log   Log
	Chain chain.ID
	Head  bus.Head
}

// RoomRecord is what the node alone decides about a room.
type RoomRecord struct {
	ID      bus.RoomID
	Shard   int       // of the streams that hold its messages, for ever
	Created time.Time // by the node's clock
	Closed  bool      // its messages may be purged
}

// Scope says who may read a blob: the members of the room with this id, or
// everybody on the bus when it is zero.
type Scope [16]byte

// BlobRow is one uploader's claim to a stored blob. Its key is id, scope and
// uploader: bytes are shared by those who know them, rights are not.
type BlobRow struct {
	ID       bus.Hash
	Scope    Scope
	Uploader bus.AccountID
	Manifest bool
	Pieces   int   // of a manifest; 1 for a blob of one piece, 0 for a part of one
	Size     int64 // of the stored bytes
	Total    int64 // of a manifest: bytes in all pieces, as it says; 0 of other rows
	Created  time.Time
	Expires  time.Time
}

// BlobPlace is a row's place in the listing of its scope; the zero place is
// before all.
type BlobPlace struct {
	Created  time.Time
	ID       bus.Hash
	Uploader bus.AccountID
}

// Staging names envelopes that were uploaded before their entry: one author's,
// for one audience root.
type Staging struct {
	Room bus.RoomID
	Root bus.Hash
	By   bus.AccountID
}

// EpochKeys are the envelopes of an epoch. Those that are not inline were
// staged; together they are exactly one for each leaf.
type EpochKeys struct {
	Staging
	Epoch  bus.Epoch
	Leaves []wire.Leaf // sorted by endpoint
	Inline []wire.Envelope
}

// Batch is what one membership change writes: all of it or nothing.
type Batch struct {
	Entries   []StoredEntry // in an order in which each can be checked
	Room      *RoomRecord   // a new room
	Keys      *EpochKeys
	CloseRoom *bus.RoomID
	// Urgent batches take rights away. They may use the reserve that a backend
	// keeps for a full disk.
	Urgent bool
}

// Store keeps raw entries, envelopes, room records and blob rows. It knows no
// rule: Service decides, the store is atomic and durable.
//
// All methods may be called concurrently. Reads give up when ctx does. Errors
// are bus errors that hold no path and no query: Unavailable once closed or
// cancelled, Full when the disk is, Integrity (store_damaged) when what is
// read cannot have been written.
type Store interface {
	// Commit stores a batch durably before it returns nil. It answers
	// bus.ErrBehind, and stores nothing, when an entry's index is taken or
	// would leave a hole, and ErrStaged when envelopes are missing or too many.
	// Envelopes can be read from here on and not before. A call whose ctx ends
	// before the write begins stores nothing; after that it sees the write
	// through. Any other error than these and Full leaves open whether the
	// batch was stored, and so does a call that does not return in time: what
	// it stores later counts.
	Commit(ctx context.Context, b Batch) error
	// Entries returns entries of a chain from an index on, oldest first, at
	// most limit and at most PageBytes of them, but one if there is one. A
	// missing chain is empty.
	Entries(ctx context.Context, log Log, id chain.ID, from uint32, limit int) ([][]byte, error)
	// Walk calls fn for every entry in the order of their commits and stops at
	// its first error, which it returns.
	Walk(ctx context.Context, fn func(StoredEntry) error) error
	// Heads returns the head of every chain, in no order.
	Heads(ctx context.Context) ([]ChainHead, error)
	// Rooms returns all room records by id, closed ones too.
	Rooms(ctx context.Context) ([]RoomRecord, error)

	// Stage keeps envelopes until an entry names their root or StageLife is
	// over; one for the same endpoint replaces the earlier. More than
	// bus.MaxEndpoints for one Staging are refused as ErrStaged.
	Stage(ctx context.Context, at Staging, envelopes []wire.Envelope, now time.Time) error
	// Staged returns the leaves of what is staged, by endpoint.
	Staged(ctx context.Context, at Staging) ([]wire.Leaf, error)
	// StagedCount counts what an account has staged anywhere.
	StagedCount(ctx context.Context, by bus.AccountID) (int, error)
	// Envelope returns an endpoint's envelope of an epoch and all its leaves;
	// ErrNoKey when there is none.
	Envelope(ctx context.Context, room bus.RoomID, epoch bus.Epoch, endpoint bus.EndpointID) (sealed []byte, leaves []wire.Leaf, err error)
	// DeleteKeys removes the envelopes, leaves and grants of a room's epochs up to one,
	// whole epochs at a time: broken off, the same call goes on. It writes nothing
	// where there is none.
	DeleteKeys(ctx context.Context, room bus.RoomID, through bus.Epoch) error

	// Leaves returns those of an epoch, by endpoint: none when it has no
	// envelopes.
	Leaves(ctx context.Context, room bus.RoomID, epoch bus.Epoch) ([]wire.Leaf, error)

	// PutGrants keeps grants of epochs that have envelopes; one of the same actor
	// for the same epoch and endpoint replaces the earlier.
	PutGrants(ctx context.Context, at Granting, grants []wire.Grant) error
	// Grants returns what was handed on to an endpoint of an epoch and those
	// behind it, by epoch and actor.
	Grants(ctx context.Context, room bus.RoomID, endpoint bus.EndpointID, from bus.Epoch, limit int) ([]wire.Granted, error)
	// GrantCount counts what an account has handed on anywhere.
	GrantCount(ctx context.Context, by bus.AccountID) (int, error)
	// GrantsTo counts what others than an account have handed on, in one room, to
	// some of its endpoints.
	GrantsTo(ctx context.Context, room bus.RoomID, heir bus.AccountID, endpoints []bus.EndpointID) (int, error)

	// PutBlob stores a row, or renews the expiry of the row with its key: an
	// expiry only grows, and a row that became a whole blob or a manifest
	// stays one.
	PutBlob(ctx context.Context, row BlobRow) error
	// RenewBlobs moves the expiry of an uploader's rows and says how many of
	// ids have one. At most BlobBatch ids.
	RenewBlobs(ctx context.Context, scope Scope, uploader bus.AccountID, ids []bus.Hash, expires time.Time) (found int, err error)
	// Blobs returns the rows of a blob, none when there is none.
	Blobs(ctx context.Context, id bus.Hash) ([]BlobRow, error)
	// BlobsOf lists a scope's manifests and whole blobs behind a place: newest
	// first, then by id and uploader.
	BlobsOf(ctx context.Context, scope Scope, after BlobPlace, limit int) ([]BlobRow, error)
	// DeleteBlobs removes rows that were read, all or none, but those that were
	// renewed since; a missing one is no error. At most BlobBatch rows.
	DeleteBlobs(ctx context.Context, rows []BlobRow) error
	// ExpiredBlobs returns rows whose expiry is before now.
	ExpiredBlobs(ctx context.Context, now time.Time, limit int) ([]BlobRow, error)
	// BlobBytes sums the sizes of an uploader's rows, each at least BlobFloor.
	BlobBytes(ctx context.Context, by bus.AccountID) (int64, error)

	// Meta returns a small value that the node keeps, nil when there is none.
	Meta(ctx context.Context, key string) ([]byte, error)
	// SetMeta stores a value, which must not be empty.
	SetMeta(ctx context.Context, key string, value []byte) error
	// Err says why the store takes no more writes, nil while it does;
	// ErrClosed once closed. After a disk error a restart is what clears it.
	Err() error
	// Close waits for writes in progress. It may be called twice.
	Close() error
}

const (
	// PageBytes bounds what Entries returns: in base64 it stays below
	// bus.MaxJSONBody, and one entry of bus.MaxEntry always fits.
	PageBytes = 700 << 10
	// StageLife is how long envelopes wait for their entry, so that abandoned
	// ones do not pile up.
	StageLife = time.Hour
	// BlobBatch bounds the rows of one RenewBlobs or DeleteBlobs: a blob may
	// have half a million pieces, and other writes wait for a transaction.
	BlobBatch = 500
	// BlobFloor is what the smallest blob counts for: its row and its file take
	// space too, however many there are.
	BlobFloor = 4 << 10
)

// Errors of a store besides those of bus.
var (
	ErrNoKey  = bus.Errorf(bus.NotFound, "no_key", "this endpoint has no key for that epoch")
	ErrStaged = bus.Errorf(bus.Conflict, "bad_staged", "the staged envelopes are not those of the audience").
			WithHint("send them again")
	ErrDamaged = bus.Errorf(bus.Integrity, "store_damaged", "the membership store is damaged").
			WithHint("restore the directory membership from a backup")
	ErrClosed = bus.Errorf(bus.Unavailable, "store_closed", "the membership store is closed")
	ErrFull   = bus.Errorf(bus.Full, "store_full", "no space is left for the membership store").
			WithHint("free space on the node's disk")
	ErrUnreadable = bus.Errorf(bus.Unavailable, "store_unavailable", "the membership store does not answer").
			WithHint("try again; if it stays so, see the log of the node")
	ErrNewer = bus.Errorf(bus.Unsafe, "schema_newer", "the membership store was written by a newer unibus").
			WithHint("run that version, or restore a backup")
)
