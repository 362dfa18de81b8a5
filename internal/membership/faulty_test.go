package membership_test

import (
	"context"
	"sync"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

// faulty is a store that fails when it is told to, in the ways that matter: a
// commit that is not stored, one that is stored and reported as failed, and
// reads that do not answer.
type faulty struct {
	membership.Store
	mu     sync.Mutex
	commit error                // reported by Commit
	stores bool                 // it stores nevertheless
	reads  error                // reported by every read
	gone   bool                 // closed or damaged: it is not opened again
	keeps  map[bus.RoomID]error // reported by DeleteKeys of a room, which deletes nothing
}

// fail sets what goes wrong from now on.
func (f *faulty) fail(commit error, stores bool, reads error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commit, f.stores, f.reads = commit, stores, reads
}

func (f *faulty) DeleteKeys(ctx context.Context, room bus.RoomID, through bus.Epoch) error {
	if err := f.keeps[room]; err != nil {
		return err
	}
	return f.Store.DeleteKeys(ctx, room, through)
}

func (f *faulty) trouble() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reads
}

func (f *faulty) Commit(ctx context.Context, b membership.Batch) error {
	f.mu.Lock()
	err, stores := f.commit, f.stores
	f.mu.Unlock()
	if err != nil && !stores {
		return err
	}
	if stored := f.Store.Commit(ctx, b); stored != nil {
		return stored
	}
	return err
}

func (f *faulty) Entries(ctx context.Context, log membership.Log, id chain.ID, from uint32, limit int) ([][]byte, error) {
	if err := f.trouble(); err != nil {
		return nil, err
	}
	return f.Store.Entries(ctx, log, id, from, limit)
}

func (f *faulty) Walk(ctx context.Context, fn func(membership.StoredEntry) error) error {
	if err := f.trouble(); err != nil {
		return err
	}
	return f.Store.Walk(ctx, fn)
}

func (f *faulty) Heads(ctx context.Context) ([]membership.ChainHead, error) {
	if err := f.trouble(); err != nil {
		return nil, err
	}
	return f.Store.Heads(ctx)
}

func (f *faulty) Staged(ctx context.Context, at membership.Staging) ([]wire.Leaf, error) {
	if err := f.trouble(); err != nil {
		return nil, err
	}
	return f.Store.Staged(ctx, at)
}

func (f *faulty) StagedCount(ctx context.Context, by bus.AccountID) (int, error) {
	if err := f.trouble(); err != nil {
		return 0, err
	}
	return f.Store.StagedCount(ctx, by)
}

func (f *faulty) Envelope(ctx context.Context, room bus.RoomID, epoch bus.Epoch, endpoint bus.EndpointID) ([]byte, []wire.Leaf, error) {
	if err := f.trouble(); err != nil {
		return nil, nil, err
	}
	return f.Store.Envelope(ctx, room, epoch, endpoint)
}

func (f *faulty) Blobs(ctx context.Context, id bus.Hash) ([]membership.BlobRow, error) {
	if err := f.trouble(); err != nil {
		return nil, err
	}
	return f.Store.Blobs(ctx, id)
}

func (f *faulty) BlobBytes(ctx context.Context, by bus.AccountID) (int64, error) {
	if err := f.trouble(); err != nil {
		return 0, err
	}
	return f.Store.BlobBytes(ctx, by)
}
