package disk

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"

	"unibus/internal/bus"
)

// All is blob.Store's: one of the 256 directories after the other.
func (s *Store) All(ctx context.Context) iter.Seq2[bus.Hash, error] {
	return func(yield func(bus.Hash, error) bool) {
		for first := range 256 {
			files, err := os.ReadDir(filepath.Join(s.dir, fmt.Sprintf("%02x", first)))
			if err != nil {
				yield(bus.Hash{}, fmt.Errorf("list blobs: %w", trouble(err)))
				return
			}
			for _, f := range files {
				if err := ctx.Err(); err != nil {
					yield(bus.Hash{}, fmt.Errorf("list blobs: %w", err))
					return
				}
				id, err := bus.ParseHash(f.Name())
				if err == nil && int(id[0]) == first && !yield(id, nil) {
					return
				}
			}
		}
	}
}
