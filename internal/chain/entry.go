// Package chain holds signed, hash-chained entries: how they are written,
// read, linked and signed. The three rule sets below it (buslog, account,
// roomlog) say what an entry may do.
//
// A server orders entries and cannot forge them: each names the hash of the
// one before and carries the signatures that its rule set demands. Everything
// here is pure; clients and nodes run the same code.
package chain

import (
	"crypto/sha256"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// The first two bytes of every entry.
const (
	Version   = 1
	Algorithm = 1 // SHA-256, Ed25519ctx (RFC 8032)
)

// MaxSignatures bounds the signatures of one entry.
const MaxSignatures = 3

// ID names a chain: the bus id, an account id or a room id. It is zero in the
// entry that a bus or a room begins with, since the id is that entry's hash.
type ID [16]byte

// Op is what an entry does; its numbers belong to the rule set of the chain.
type Op uint8

// Entry is one signed step of a chain. An entry that was parsed or signed must
// not be changed. Its layout, integers big endian:
//
//	ver 1 | alg 1 | bus 16 | chain 16 | index 4 | prev 32 | time 8, Unix ms |
//	seen index 4, hash 16 | account 16 | actor 16 | op 1 | body 3+n |
//	signatures 1+64n
type Entry struct {
	Bus     bus.ID
	Chain   ID
	Index   uint32
	Prev    bus.Hash  // hash of the whole entry before; zero at index 0
	Time    time.Time // to the millisecond
	Seen    bus.Ref   // newest head its author knew of what it rests on: see Author
	Account bus.AccountID
	Actor   bus.EndpointID // of Account
	Op      Op
	Body    []byte
	Sigs    [][]byte

	verified bool // see Verified
}

// fixedSize is the size in bytes of an entry without body and signatures.
const fixedSize = 2 + 16 + 16 + 4 + 32 + 8 + 20 + 16 + 16 + 1 + 3 + 1

// ErrEntry is the answer to bytes that are no entry.
var ErrEntry = bus.Errorf(bus.Integrity, "bad_entry", "not a chain entry")

// Message returns the bytes that are signed: all but the signatures.
func (e *Entry) Message() []byte {
	b := cryptobyte.NewBuilder(make([]byte, 0, fixedSize+len(e.Body)+len(e.Sigs)*identity.SignatureSize))
	b.AddBytes([]byte{Version, Algorithm})
	b.AddBytes(e.Bus[:])
	b.AddBytes(e.Chain[:])
	b.AddUint32(e.Index)
	b.AddBytes(e.Prev[:])
	AddTime(b, e.Time)
	AddRef(b, e.Seen)
	b.AddBytes(e.Account[:])
	b.AddBytes(e.Actor[:])
	b.AddUint8(uint8(e.Op))
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(e.Body) })
	return b.BytesOrPanic() // bounded by MaxEntry, far below 2^24
}

// Encode returns the whole entry.
func (e *Entry) Encode() []byte {
	raw := append(e.Message(), byte(len(e.Sigs)))
	for _, sig := range e.Sigs {
		raw = append(raw, sig...)
	}
	return raw
}

// Hash identifies the entry: SHA-256 over all its bytes, signatures included.
func (e *Entry) Hash() bus.Hash { return sha256.Sum256(e.Encode()) }

// Head is e as the newest entry of its chain.
func (e *Entry) Head() bus.Head { return bus.Head{Index: e.Index, Hash: e.Hash()} }

// Sign replaces the signatures by those of keys, in the order that the rule
// set of the entry's chain demands.
func (e *Entry) Sign(ctx identity.Context, keys ...identity.SigningKey) *Entry {
	msg := e.Message()
	e.Sigs = e.Sigs[:0]
	for _, k := range keys {
		e.Sigs = append(e.Sigs, k.Sign(ctx, msg))
	}
	return e
}

// Verified marks an entry whose signatures this machine has checked before and
// kept since in its own store: checking them again is most of the cost of a
// start. Never call it on what came from somebody else.
func (e *Entry) Verified() *Entry {
	e.verified = true
	return e
}

// SignedBy reports whether e carries exactly the signatures of keys, in order.
func (e *Entry) SignedBy(ctx identity.Context, keys ...identity.VerifyKey) bool {
	if len(keys) == 0 || len(e.Sigs) != len(keys) {
		return false
	}
	if e.verified {
		return true
	}
	msg := e.Message()
	for i, k := range keys {
		if !k.Verify(ctx, msg, e.Sigs[i]) {
			return false
		}
	}
	return true
}

// CheckKEM refuses a kem key that nobody can seal to: one endpoint with such a
// key would keep its rooms from ever getting a new epoch. Like a signature it
// is not checked again in a verified entry.
func (e *Entry) CheckKEM(k *identity.KEMPublic) error {
	if e.verified || k.Valid() {
		return nil
	}
	return errKEM
}

var errKEM = bus.Errorf(bus.Invalid, "bad_key", "nobody can seal to this kem key")

// Timely refuses an entry that was not written now, give or take
// bus.ChainSkew. The rules know no clock, so a node asks this of every entry
// before it stores it: one from the far future would end its chain, since time
// may not go back, and one from the past would take up an expired invite while
// the bus is quiet.
func (e *Entry) Timely(now time.Time) error {
	if off := e.Time.Sub(now); off > bus.ChainSkew || off < -bus.ChainSkew {
		return errClock
	}
	return nil
}

var errClock = bus.Errorf(bus.Invalid, "bad_time", "the entry was not written now").
	WithHint("check the clock of this machine")

// Parse reads one entry and refuses trailing bytes, other versions and sizes
// over bus.MaxEntry. It checks no rule and no signature. The entry keeps parts
// of raw, which must not be changed afterwards.
func Parse(raw []byte) (*Entry, error) {
	if len(raw) > bus.MaxEntry {
		return nil, ErrEntry
	}
	var (
		e       Entry
		s       = cryptobyte.String(raw)
		ver     uint16
		op      uint8
		body    cryptobyte.String
		present = s.ReadUint16(&ver) &&
			s.CopyBytes(e.Bus[:]) && s.CopyBytes(e.Chain[:]) &&
			s.ReadUint32(&e.Index) && s.CopyBytes(e.Prev[:]) && ReadTime(&s, &e.Time) &&
			ReadRef(&s, &e.Seen) && s.CopyBytes(e.Account[:]) && s.CopyBytes(e.Actor[:]) &&
			s.ReadUint8(&op) && s.ReadUint24LengthPrefixed(&body)
	)
	if !present || ver != Version<<8|Algorithm {
		return nil, ErrEntry
	}
	e.Op, e.Body = Op(op), body
	var ok bool
	if e.Sigs, ok = readSignatures(s); !ok {
		return nil, ErrEntry
	}
	return &e, nil
}

func readSignatures(s cryptobyte.String) (sigs [][]byte, ok bool) {
	var n uint8
	if !s.ReadUint8(&n) || n == 0 || n > MaxSignatures {
		return nil, false
	}
	for range n {
		var sig []byte
		if !s.ReadBytes(&sig, identity.SignatureSize) {
			return nil, false
		}
		sigs = append(sigs, sig)
	}
	return sigs, s.Empty()
}

// AddRef writes the 20 bytes of a reference into a body.
func AddRef(b *cryptobyte.Builder, r bus.Ref) {
	b.AddUint32(r.Index)
	b.AddBytes(r.Hash[:])
}

// ReadRef reads what AddRef wrote.
func ReadRef(s *cryptobyte.String, r *bus.Ref) bool {
	return s.ReadUint32(&r.Index) && s.CopyBytes(r.Hash[:])
}

// AddTime writes the 8 bytes of a time: milliseconds since 1970, UTC.
func AddTime(b *cryptobyte.Builder, at time.Time) { b.AddUint64(uint64(at.UnixMilli())) }

// ReadTime reads what AddTime wrote, up to the end of the year 9999.
func ReadTime(s *cryptobyte.String, at *time.Time) bool {
	var ms uint64
	if !s.ReadUint64(&ms) || ms > bus.MaxMillis {
		return false
	}
	*at = time.UnixMilli(int64(ms)).UTC()
	return true
}
