package chain

import (
	"time"

	"unibus/internal/bus"
)

// Tail is the growing end of a chain: what the next entry must link to. The
// zero Tail with its ids set is an empty chain.
type Tail struct {
	Bus   bus.ID
	Chain ID
	Len   uint32   // entries so far
	Hash  bus.Hash // of the newest
	Time  time.Time
}

// Errors of linking. Behind means that somebody else was first; the others
// mean that the chain does not hold.
var (
	ErrBehind = bus.ErrBehind
	ErrLink   = bus.Errorf(bus.Integrity, "bad_chain", "the chain does not hold")
	ErrTime   = bus.Errorf(bus.Invalid, "bad_time", "the entry is older than the one before").
			WithHint("check the clock of this machine")
	ErrSignature = bus.Errorf(bus.Integrity, "bad_signature", "a signature of the entry does not hold")
	ErrRefused   = bus.Errorf(bus.Forbidden, "not_allowed", "the rules do not allow this")
)

// Head is the newest entry. It means nothing while Len is 0.
func (t Tail) Head() bus.Head { return bus.Head{Index: t.Len - 1, Hash: t.Hash} }

// Link checks that e is the next entry: of this chain, at the next index, on
// the newest hash, and not more than bus.ChainSkew older.
func (t Tail) Link(e *Entry) error {
	switch {
	case e.Bus != t.Bus || e.Chain != t.Chain:
		return ErrLink
	case e.Index != t.Len || e.Prev != t.Hash:
		return ErrBehind
	case e.Time.Before(t.Time.Add(-bus.ChainSkew)):
		return ErrTime
	}
	return nil
}

// After is the tail once e was appended.
func (t Tail) After(e *Entry) Tail {
	t.Len, t.Hash = e.Index+1, e.Hash()
	if e.Time.After(t.Time) {
		t.Time = e.Time // the newest time seen, so that skew cannot add up
	}
	return t
}

// New starts the next entry of the chain; its author fills Seen and signs it.
func (t Tail) New(op Op, body []byte, by Author, now time.Time) *Entry {
	return &Entry{
		Bus: t.Bus, Chain: t.Chain, Index: t.Len, Prev: t.Hash,
		Time: now.Truncate(time.Millisecond).UTC(), Seen: by.Seen,
		Account: by.Account, Actor: by.Endpoint, Op: op, Body: body,
	}
}

// Author is who writes an entry, and what he has seen: of his own account
// chain where he writes to the bus log, else of the bus log.
type Author struct {
	Account  bus.AccountID
	Endpoint bus.EndpointID
	Seen     bus.Ref
}
