package membership

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// doubts are commits of which it is not known whether they were stored. While
// there is one, a revocation may be missing from the view: everything is
// denied.
type doubts struct {
	any    atomic.Bool
	trying sync.Mutex // held by the one who asks the store again
	mu     sync.Mutex
	list   []doubt
	last   time.Time // of the newest try
}

type doubt struct {
	batch  Batch
	apply  func() Change
	result <-chan error // of a commit that had not returned; nil once it has
}

// doubtPause is how long a failing store is left alone.
const doubtPause = time.Second

// sure returns nil when the view is known to hold everything that is stored.
func (s *Service) sure() error {
	if s.doubts.any.Load() {
		return ErrUnreadable
	}
	return nil
}

// settle finds out whether a batch was stored in spite of err: nil if it was.
// If the store does not even say that, it becomes a doubt.
func (s *Service) settle(d doubt, err error) error {
	stored, unknown := s.outcome(&d)
	switch {
	case unknown != nil:
		s.doubts.add(d, s.opts.Now())
		s.opts.Log.Error("the membership store fails; everything is denied", "err", err, "read", unknown)
		return err
	case stored:
		s.opts.Log.Warn("a commit was reported as failed but is stored", "err", err)
		return nil
	}
	return err
}

func (d *doubts) add(one doubt, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, one)
	d.last = now
	d.any.Store(true)
}

// outcome finds out whether a batch was stored. As long as its commit has not
// returned nobody knows: what is not there yet may still be written.
func (s *Service) outcome(d *doubt) (stored bool, err error) {
	if d.result != nil {
		select {
		case <-d.result:
			d.result = nil
		default:
			return false, errHangs
		}
	}
	return s.isStored(d.batch)
}

var errHangs = ErrUnreadable.Because(errors.New("a commit has not returned"))

// isStored asks the store for the first entry of b, which stands for all of
// it. The request's own context may have ended; this must not.
func (s *Service) isStored(b Batch) (bool, error) {
	first := b.Entries[0]
	got, err := within(context.Background(), func(ctx context.Context) ([][]byte, error) {
		return s.store.Entries(ctx, first.Log, first.Chain, first.Index, 1)
	})
	if err != nil {
		return false, err
	}
	return len(got) == 1 && bytes.Equal(got[0], first.Raw), nil
}

// clearDoubts asks the store again, now and then, and one caller at a time. It
// is called without locks.
func (s *Service) clearDoubts() {
	if !s.doubts.any.Load() || !s.doubts.trying.TryLock() {
		return
	}
	defer s.doubts.trying.Unlock()
	if s.resolve() {
		s.tellLater() // a Changed that asks who somebody is must not wait for itself
	}
}

// resolve takes in what turns out to be stored. It reports whether all doubts
// are gone. Who asks for permission does not wait behind somebody who changes
// something: he is denied, and the next one asks again.
func (s *Service) resolve() bool {
	if !s.order.TryLock() {
		return false
	}
	defer s.order.Unlock()
	d := &s.doubts
	d.mu.Lock()
	defer d.mu.Unlock()
	now := s.opts.Now()
	if now.Sub(d.last) < doubtPause {
		return false
	}
	d.last = now
	for ; len(d.list) > 0; d.list = d.list[1:] {
		stored, err := s.outcome(&d.list[0])
		if err != nil {
			return false
		}
		if stored {
			s.apply(d.list[0].apply)
		}
	}
	d.any.Store(false)
	return true
}

// within asks the store and waits no longer than OpTimeout, also for a disk
// that hears no context. Reads under a lock go through it.
func within[T any](ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	type answer struct {
		got T
		err error
	}
	ctx, cancel := context.WithTimeout(ctx, OpTimeout)
	defer cancel()
	told := make(chan answer, 1)
	go func() {
		got, err := ask(ctx)
		told <- answer{got, err}
	}()
	select {
	case a := <-told:
		return a.got, a.err
	case <-ctx.Done():
		var none T
		return none, ErrUnreadable.Because(ctx.Err())
	}
}
