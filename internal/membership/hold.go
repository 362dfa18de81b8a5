package membership

import (
	"context"
	"sync"

	"unibus/internal/bus"
)

// holds are the blobs whose bytes somebody is storing. Without them the bytes
// of an expired blob could be erased between the moment in which somebody
// stores the same bytes again and his claim to them.
type holds struct {
	mu    sync.Mutex // held while bytes are erased
	count map[bus.Hash]int
}

// HoldBlob keeps the bytes of a blob from being erased until release is
// called: hold it from before the bytes are stored until AddBlob returned.
func (s *Service) HoldBlob(id bus.Hash) (release func()) {
	h := &s.holds
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.count == nil {
		h.count = map[bus.Hash]int{}
	}
	h.count[id]++
	return sync.OnceFunc(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.count[id]--; h.count[id] == 0 {
			delete(h.count, id)
		}
	})
}

// EraseUnclaimed erases the bytes of a blob that nobody claims and nobody
// holds: also what to call, after release, when AddBlob refused an upload.
func (s *Service) EraseUnclaimed(ctx context.Context, id bus.Hash, erase func(bus.Hash) error) (erased bool, err error) {
	s.holds.mu.Lock()
	defer s.holds.mu.Unlock()
	if s.holds.count[id] > 0 {
		return false, nil
	}
	rows, err := s.rows(ctx, id)
	if err != nil || len(rows) > 0 {
		return false, err
	}
	return true, erase(id)
}
