package memory

import (
	"context"
	"sync"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
	"unibus/internal/nonce"
)

// Options say how to keep nonces.
type Options struct {
	// Path is the file, made with mode 0600 when it is missing: then nothing
	// counts as claimed before. Without a path the next process knows nothing
	// of this one, which is for tests and benchmarks.
	Path string
	// Now is the node's clock.
	Now func() time.Time
	// PerSigner is how many live nonces a signer may have; 0 means
	// nonce.PerSigner.
	PerSigner int
}

// Store is a nonce.Store. A claim costs about a microsecond, and one write of
// 64 bytes when there is a file.
type Store struct {
	now   func() time.Time
	ready int64 // Unix second; requests created before it are denied

	mu      sync.Mutex
	table   *table
	journal *journal // nil without a file
	closed  bool
}

// Open reads the file back, as far as its nonces are live, and goes on with it.
func Open(o Options) (*Store, error) { return open(o, bootOfSystem()) }

func open(o Options, now boot) (*Store, error) {
	if o.PerSigner == 0 {
		o.PerSigner = nonce.PerSigner
	}
	s := &Store{now: o.Now, table: newTable(o.PerSigner)}
	if o.Path == "" {
		return s, nil
	}
	var err error
	s.journal, err = openJournal(o.Path, now, o.Now(), s.table)
	if err != nil {
		return nil, err
	}
	s.ready = s.journal.ready
	return s, nil
}

// Ready denies, with nonce.ErrStarting, requests that were created so early
// that they may have been claimed in a memory that is lost. Claim asks it too.
func (s *Store) Ready(created time.Time) error {
	if created.Before(s.ReadyFrom()) {
		return nonce.ErrStarting
	}
	return nil
}

// ReadyFrom is the first creation time that the store can judge, in the past
// once the node is ready.
func (s *Store) ReadyFrom() time.Time { return time.Unix(s.ready, 0) }

// Claim implements nonce.Store.
func (s *Store) Claim(ctx context.Context, signer identity.TransportID, nonceText string, created time.Time) error {
	if err := ctx.Err(); err != nil {
		return nonce.ErrUnavailable.Because(err)
	}
	if err := s.Ready(created); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nonce.ErrUnavailable.Because(errClosed)
	}
	now := s.now()
	s.table.prune(now.Unix())
	r := record{signer: signer, digest: digestOf(nonceText), until: until(created)}
	if err := s.inReach(r, created, now); err != nil {
		return err
	}
	return s.claim(r)
}

// inReach denies what has expired, what is ahead of the clock window and would
// be kept for long, and what was forgotten before the node's clock went back.
func (s *Store) inReach(r record, created, now time.Time) error {
	switch {
	case r.until <= now.Unix() || created.After(now.Add(bus.ClockSkew)):
		return nonce.ErrStale
	case r.until <= s.table.forgotten:
		return nonce.ErrUnavailable.Because(errClock)
	}
	return nil
}

// claim writes before it grants: a nonce that the next process would not know
// must not be taken.
func (s *Store) claim(r record) error {
	if err := s.table.check(r); err != nil {
		return err
	}
	if s.journal != nil {
		if err := s.journal.append(r, s.table); err != nil {
			return nonce.ErrUnavailable.Because(err)
		}
	}
	s.table.add(r)
	return nil
}

// Len implements nonce.Store.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.table.prune(s.now().Unix())
	return s.table.live
}

// Close ends the store. The file stays for the next process. It may be called
// again.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.journal == nil {
		s.closed = true
		return nil
	}
	s.closed = true
	return s.journal.close()
}
