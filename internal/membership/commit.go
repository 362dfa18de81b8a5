package membership

import (
	"bytes"
	"context"
	"errors"

	"unibus/internal/bus"
	"unibus/internal/chain"
)

// parse reads an entry that was offered now.
func (s *Service) parse(raw []byte) (entry, error) {
	raw = bytes.Clone(raw) // what is parsed is part of it
	e, err := chain.Parse(raw)
	if err == nil {
		err = e.Timely(s.opts.Now())
	}
	return entry{e, raw}, err
}

// stored is e at its place.
func (e entry) stored(log Log, id chain.ID) StoredEntry {
	return StoredEntry{Log: log, Chain: id, Index: e.Index, Raw: e.raw}
}

// isHead reports whether e is the newest entry already: its author asks again
// because an answer was lost.
func isHead(t chain.Tail, e entry) bool { return e.Index+1 == t.Len && e.Hash() == t.Hash }

// commit stores b and then has apply take it into the view; the change that
// apply returns is told by tell. The caller holds the locks under which b was
// checked, so nothing that b rests on changes in between.
func (s *Service) commit(ctx context.Context, b Batch, apply func() Change) error {
	if err := s.sure(); err != nil {
		return err
	}
	err := s.store.Commit(ctx, b)
	if err != nil && !notStored(err) {
		err = s.settle(doubt{b, apply}, err)
	}
	if err == nil {
		s.apply(apply)
	}
	return err
}

func (s *Service) apply(step func() Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = append(s.pending, step())
	s.view.version++
}

// tell hands on what was committed, in order. When it returns, the caller's
// own change was told. It is called without locks.
func (s *Service) tell() {
	s.telling.Lock()
	s.tellPending()
	s.telling.Unlock()
	s.tellLater()
}

// tellLater is tell for who need not wait: somebody who tells already goes on
// with it. Everybody looks again after he gave the lock back, so that nothing
// is left.
func (s *Service) tellLater() {
	for s.isPending() && s.telling.TryLock() {
		s.tellPending()
		s.telling.Unlock()
	}
}

func (s *Service) isPending() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.pending) > 0
}

func (s *Service) tellPending() {
	for {
		s.mu.Lock()
		changes := s.pending
		s.pending = nil
		s.mu.Unlock()
		if len(changes) == 0 {
			return
		}
		for _, c := range changes {
			s.opts.Changed(c)
		}
	}
}

// notStored reports whether the error of a Commit says for sure that nothing
// was stored.
func notStored(err error) bool {
	return errors.Is(err, bus.ErrBehind) || errors.Is(err, ErrStaged) || bus.KindOf(err) == bus.Full
}
