package blob

import (
	"context"
	"io"
	"iter"

	"unibus/internal/bus"
)

// Errors of every store, besides bus.ErrNoBlob, ErrDigest and ErrSize.
var (
	ErrEmpty    = bus.Errorf(bus.Invalid, "blob_empty", "a blob has at least one byte")
	ErrTooLarge = bus.Errorf(bus.TooLarge, "blob_too_large", "the blob is too large")
	ErrFull     = bus.Errorf(bus.Full, "blob_full", "the node has no space left for blobs").
			WithHint("free space on the node's disk")
	// ErrStore means that the store itself is in trouble; its cause is for our log.
	ErrStore = bus.Errorf(bus.Unavailable, "blob_store", "the node's blob store does not work now").
			WithHint("try again; if it stays so, see the log of the node")
)

// CheckSize refuses what no store keeps: nothing (ErrEmpty) and more than
// bus.MaxPieceBody bytes (ErrTooLarge). Callers use it on a declared length
// before they read anything.
func CheckSize(size int64) error {
	switch {
	case size < 1:
		return ErrEmpty
	case size > bus.MaxPieceBody:
		return ErrTooLarge
	}
	return nil
}

// Store keeps pieces and encoded manifests, each under the SHA-256 of its
// bytes. It knows neither which is which nor whose they are: its caller counts
// who needs an id, asks Delete when nobody does, and orders a Put after a
// Delete of the same id where that matters.
//
// All methods may run at once, also on one id. Every method returns an error
// that is ctx.Err() when ctx ended before it did its work, and ErrStore when
// the store fails; an error never reads as "missing". No error text holds a
// path, a subject or a name of the store's parts.
//
// What Puts left behind that a crash interrupted is removed when a store is
// opened, before it is used.
type Store interface {
	// Put stores the size bytes of r under id. size must pass CheckSize, which
	// is tried before r is read.
	//
	// Missing: r is read in small parts to its end, which must come after
	// exactly size bytes (ErrSize) that have the hash id (ErrDigest). Any
	// error of r in place of io.EOF comes back wrapped, so a caller's own
	// check at the end of r also decides whether the blob is stored.
	// Conflict: there is none. A blob that is there already is read and
	// checked all the same, as knowing a hash must not pass for having its
	// bytes, and is stored anew, which heals damage.
	// Cancelled: ctx is looked at between reads and for the last time before
	// the blob becomes visible; it cannot interrupt a read of r.
	// Atomic: the blob is visible whole or not at all. When Put returns nil
	// it survives a power cut. After ErrDigest, ErrSize, an error of r or a
	// cancel nothing of this Put is left and what was there before is as it
	// was; after ErrStore or ErrFull the whole blob may be there.
	Put(ctx context.Context, id bus.Hash, r io.Reader, size int64) error

	// Get opens the blob and says its size in bytes; the caller must close it.
	//
	// Missing: bus.ErrNoBlob. ctx bounds the opening and may bound the reads.
	// The reader gives the bytes as they are kept, unchecked: their reader
	// runs Verify, as they can also be damaged on the way. It is for one
	// goroutine. While it is open the blob may be stored again or deleted: it
	// then gives the same bytes or an error, never others and never an early
	// io.EOF.
	Get(ctx context.Context, id bus.Hash) (io.ReadSeekCloser, int64, error)

	// Has reports whether Get would find the blob. Missing is false with no
	// error. A Put that has not ended does not count.
	Has(ctx context.Context, id bus.Hash) (bool, error)

	// Delete removes the blob for good. Missing: no error, so that it can be
	// repeated.
	Delete(ctx context.Context, id bus.Hash) error

	// All lists the blobs there are, in no order; one that is stored or deleted
	// meanwhile may be in it or not. It takes little memory however many there
	// are, and ends with the first error.
	All(ctx context.Context) iter.Seq2[bus.Hash, error]
}
