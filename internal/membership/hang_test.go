package membership_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"unibus/internal/chain"
	"unibus/internal/membership"
)

// stuck is a store whose disk hangs, whatever the contexts of its callers say,
// until it is freed.
type stuck struct {
	membership.Store
	before, after chan struct{} // closed: a commit may begin, may return
	reads         chan struct{} // closed: entries may be read
}

func (s *stuck) Commit(ctx context.Context, b membership.Batch) error {
	<-s.before
	err := s.Store.Commit(context.WithoutCancel(ctx), b)
	<-s.after
	return err
}

func (s *stuck) Entries(ctx context.Context, log membership.Log, id chain.ID, from uint32, limit int) ([][]byte, error) {
	<-s.reads
	return s.Store.Entries(context.WithoutCancel(ctx), log, id, from, limit)
}

// TestHungCommit: a disk that hangs in the middle of a revocation stops nobody
// for long. Everybody is denied until the commit has returned, also when it is
// not stored yet, since it may be written at any time; then the truth counts.
func TestHungCommit(t *testing.T) {
	t.Parallel()
	for name, stored := range map[string]bool{"before the write": false, "after the write": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { testHungCommit(t, stored) })
		})
	}
}

func testHungCommit(t *testing.T, stored bool) {
	b := newBench(t)
	open := make(chan struct{})
	close(open)
	disk := &stuck{Store: b.store.Store, before: make(chan struct{}), after: make(chan struct{}), reads: open}
	if stored {
		disk.before = open
	}
	b.store.Store = disk
	alice, bob := b.Alice.Device(), b.Bob.Device()
	e, revoke := b.revocation()

	done := make(chan error, 1)
	began := time.Now()
	go func() { done <- revoke() }()
	b.refused(<-done, "store_unavailable")
	if waited := time.Since(began); waited < membership.OpTimeout || waited > 2*membership.OpTimeout {
		t.Errorf("the commit was waited for %s, want about %s", waited, membership.OpTimeout)
	}
	for range 3 { // however often the store is asked: the commit may still be written
		b.Pass(2 * time.Second)
		b.refused(second(b.s.Authorize(alice.Transport.Public())), "store_unavailable")
		b.refused(revoke(), "store_unavailable")
	}
	disk.reads = make(chan struct{}) // now the disk does not even read
	if !stored {
		close(disk.before)
	}
	close(disk.after)
	synctest.Wait()
	b.Pass(2 * time.Second)
	began = time.Now()
	b.refused(second(b.s.Authorize(alice.Transport.Public())), "store_unavailable")
	if waited := time.Since(began); waited > membership.OpTimeout {
		t.Errorf("a question waited %s for the disk", waited)
	}
	close(disk.reads)
	synctest.Wait() // who gave up waiting has read all the same
	b.Pass(2 * time.Second)
	b.refused(second(b.s.Authorize(bob.Transport.Public())), "revoked")
	b.MustBus(e)
	b.must(second(b.s.Authorize(alice.Transport.Public())))
	if c := b.change(); len(c.Cut) != 1 {
		t.Errorf("told %+v, want bob cut", c)
	}
}

// TestHungAndLost: a commit that hangs and then fails changes nothing, and what
// was refused meanwhile goes through afterwards.
func TestHungAndLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		free := make(chan struct{})
		b.store.Store = &failing{Store: b.store.Store, free: free}
		e, revoke := b.revocation()
		b.refused(revoke(), "store_unavailable")
		b.Pass(2 * time.Second)
		b.refused(second(b.s.Authorize(b.Bob.Device().Transport.Public())), "store_unavailable")
		close(free)
		synctest.Wait()
		b.Pass(2 * time.Second)
		b.must(second(b.s.Authorize(b.Bob.Device().Transport.Public())))
		b.store.Store = b.store.Store.(*failing).Store
		b.must(revoke())
		b.MustBus(e)
	})
}

// failing is a store whose commits hang until it is freed and then fail.
type failing struct {
	membership.Store
	free chan struct{}
}

func (f *failing) Commit(context.Context, membership.Batch) error {
	<-f.free
	return errDisk
}
