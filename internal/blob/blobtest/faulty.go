package blobtest

import (
	"context"
	"io"

	"unibus/internal/blob"
	"unibus/internal/bus"
)

// Faulty passes calls on to Store and fails writes in the two ways that real
// stores do. What is built on a store must be right after both.
type Faulty struct {
	blob.Store
	Before error // Put and Delete do nothing and return it
	After  error // Put and Delete do their work and return it all the same
}

// Put stores, unless Before is set.
func (f *Faulty) Put(ctx context.Context, id bus.Hash, r io.Reader, size int64) error {
	if f.Before != nil {
		return f.Before
	}
	if err := f.Store.Put(ctx, id, r, size); err != nil {
		return err
	}
	return f.After
}

// Delete deletes, unless Before is set.
func (f *Faulty) Delete(ctx context.Context, id bus.Hash) error {
	if f.Before != nil {
		return f.Before
	}
	if err := f.Store.Delete(ctx, id); err != nil {
		return err
	}
	return f.After
}
