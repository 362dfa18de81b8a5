package membership

import (
	"bytes"
	"context"
	"errors"
	"time"

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
	d := doubt{batch: b, apply: apply}
	err := s.write(ctx, &d)
	if err != nil && !notStored(err) {
		err = s.settle(d, err)
	}
	if err == nil {
		s.apply(apply)
	}
	return err
}

// commitGrace is how much longer than its context a commit is waited for: a
// store that is only slow uses it to say that nothing was written.
const commitGrace = time.Second

// write has the store commit the batch of d. A store that hangs is left alone
// after a while, as the caller's locks stop everybody who changes something:
// then d.result brings what came of it.
func (s *Service) write(ctx context.Context, d *doubt) error {
	result := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, OpTimeout)
		defer cancel()
		result <- s.store.Commit(ctx, d.batch)
	}()
	patience := time.NewTimer(OpTimeout + commitGrace)
	defer patience.Stop()
	select {
	case err := <-result:
		return err
	case <-patience.C:
		d.result = result
		return ErrUnreadable
	}
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
