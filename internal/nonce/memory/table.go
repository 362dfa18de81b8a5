package memory

import (
	"crypto/sha256"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
	"unibus/internal/nonce"
)

// digest stands for a nonce: the first 16 bytes of its SHA-256. A collision
// takes 2^64 nonces of one signer and denies that signer a request.
type digest [16]byte

func digestOf(nonce string) digest {
	sum := sha256.Sum256([]byte(nonce))
	return digest(sum[:16])
}

// table holds the live nonces. Creation times come in any order within the
// clock window, so nonces are kept by the second in which they expire: there
// are only some 180 such seconds at a time, and dropping one costs as much as
// it holds. It is for one goroutine.
type table struct {
	perSigner int
	signers   map[identity.TransportID]*signer
	expiring  map[int64][]claim // by Unix second
	forgotten int64             // all nonces that expire by this second are gone
	live      int
}

type signer struct {
	id   identity.TransportID
	live map[digest]struct{}
}

// claim is one nonce as its expiry knows it.
type claim struct {
	signer *signer
	digest digest
}

func newTable(perSigner int) *table {
	return &table{
		perSigner: perSigner,
		signers:   make(map[identity.TransportID]*signer),
		expiring:  make(map[int64][]claim),
	}
}

// until is the Unix second in which a nonce of that creation time expires.
func until(created time.Time) int64 { return ceil(created.Add(bus.NonceLife)) }

// ceil is the first whole second that is not before t.
func ceil(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}

// prune forgets what has expired. It looks at the table at most once a second.
func (t *table) prune(now int64) {
	if now <= t.forgotten {
		return
	}
	for second, claims := range t.expiring {
		if second <= now {
			t.forget(claims)
			delete(t.expiring, second)
		}
	}
	t.forgotten = now
}

func (t *table) forget(claims []claim) {
	for _, c := range claims {
		delete(c.signer.live, c.digest)
		if len(c.signer.live) == 0 {
			delete(t.signers, c.signer.id)
		}
	}
	t.live -= len(claims)
}

// check says why a record cannot be claimed, nil when it can.
func (t *table) check(r record) error {
	s := t.signers[r.signer]
	if s == nil {
		return nil
	}
	if _, taken := s.live[r.digest]; taken {
		return nonce.ErrReplay
	}
	if len(s.live) >= t.perSigner {
		return nonce.ErrQuota
	}
	return nil
}

// add remembers a record that check let pass.
func (t *table) add(r record) {
	s := t.signers[r.signer]
	if s == nil {
		s = &signer{id: r.signer, live: make(map[digest]struct{})}
		t.signers[r.signer] = s
	}
	if _, known := s.live[r.digest]; known {
		return
	}
	s.live[r.digest] = struct{}{}
	t.expiring[r.until] = append(t.expiring[r.until], claim{s, r.digest})
	t.live++
}

// each calls f for every live record, in no order.
func (t *table) each(f func(record)) {
	for second, claims := range t.expiring {
		for _, c := range claims {
			f(record{signer: c.signer.id, digest: c.digest, until: second})
		}
	}
}
