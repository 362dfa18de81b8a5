package disk

import (
	"context"

	"unibus/internal/blob"
	"unibus/internal/bus"
)

// Err says why the store takes no more writes, nil while it does: health
// checks show it. A restart is what clears it.
//
// After a failed sync the kernel may drop the data and call the next sync of
// the same file or directory a success, so nothing written after it could be
// promised to survive.
func (s *Store) Err() error {
	if e := s.broken.Load(); e != nil {
		return e
	}
	return nil
}

// ready refuses a write that is too late, for its caller or for the store.
func (s *Store) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.Err()
}

// fail remembers that a sync failed. A full disk is no damage: what did not
// fit is not kept, and what is kept was synced before.
func (s *Store) fail(err error) error {
	e := trouble(err)
	if e.Kind != bus.Full {
		e = e.WithHint("check the node's disk, then restart the node")
		s.broken.CompareAndSwap(nil, e)
	}
	return e
}

// trouble translates an error of the file system: its text, which holds
// paths, becomes the cause, for our log alone.
func trouble(err error) *bus.Error {
	if noSpace(err) {
		return blob.ErrFull.Because(err)
	}
	return blob.ErrStore.Because(err)
}
