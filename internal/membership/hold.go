package membership

import (
	"context"
	"sync"

	"unibus/internal/bus"
)

// holds are the blobs whose bytes somebody is storing or erasing. Without them
// the bytes of an expired blob could be erased between the moment in which
// somebody stores the same bytes again and his claim to them. Who waits, waits
// for those who are at the same blob alone.
type holds struct {
	mu sync.Mutex // held for a look at by, and never across the store or a disk
	by map[bus.Hash]*hold
}

// hold is one blob that somebody is at: any number who store it, or one who
// erases it.
type hold struct {
	storing int
	erasing chan struct{} // closed when it is done; nil while nobody erases
}

// HoldBlob keeps the bytes of a blob from being erased until release is
// called: hold it from before the bytes are stored until AddBlob returned. It
// waits, as long as ctx allows, for who is erasing them.
func (s *Service) HoldBlob(ctx context.Context, id bus.Hash) (release func(), err error) {
	h, err := s.holds.enter(ctx, id)
	if err != nil {
		return nil, err
	}
	defer s.holds.mu.Unlock()
	if h == nil {
		h = &hold{}
		s.holds.by[id] = h
	}
	h.storing++
	return sync.OnceFunc(func() {
		s.holds.mu.Lock()
		defer s.holds.mu.Unlock()
		if h.storing--; h.storing == 0 {
			delete(s.holds.by, id)
		}
	}), nil
}

// enter waits until nobody erases id, and returns with mu held and those who
// store it, nil when there are none.
func (h *holds) enter(ctx context.Context, id bus.Hash) (*hold, error) {
	for {
		h.mu.Lock()
		if h.by == nil {
			h.by = map[bus.Hash]*hold{}
		}
		at := h.by[id]
		if at == nil || at.erasing == nil {
			return at, nil
		}
		h.mu.Unlock()
		select {
		case <-at.erasing:
		case <-ctx.Done():
			return nil, ErrUnreadable.Because(ctx.Err())
		}
	}
}

// EraseUnclaimed erases the bytes of a blob that nobody claims and nobody
// holds: also what to call, after release, when AddBlob refused an upload.
func (s *Service) EraseUnclaimed(ctx context.Context, id bus.Hash, erase func(bus.Hash) error) (erased bool, err error) {
	storing, err := s.holds.enter(ctx, id)
	if err != nil {
		return false, err
	}
	if storing != nil {
		s.holds.mu.Unlock()
		return false, nil
	}
	done := make(chan struct{})
	s.holds.by[id] = &hold{erasing: done}
	s.holds.mu.Unlock()
	defer func() {
		s.holds.mu.Lock()
		defer s.holds.mu.Unlock()
		delete(s.holds.by, id)
		close(done)
	}()
	rows, err := s.rows(ctx, id)
	if err != nil || len(rows) > 0 {
		return false, err
	}
	return true, erase(id)
}
