package roomlog

import (
	"time"

	"golang.org/x/crypto/cryptobyte"

	"unibus/internal/bus"
	"unibus/internal/chain"
)

// Operations of a room log. The numbers never change. Rekey, add, remove and
// accept start an epoch.
const (
	OpCreate chain.Op = 0
	OpRekey  chain.Op = 1
	OpAdd    chain.Op = 2
	OpRemove chain.Op = 3
	OpAccept chain.Op = 4
	OpRole   chain.Op = 5
	OpPolicy chain.Op = 6
	OpClose  chain.Op = 7
	OpLeave  chain.Op = 8
)

// OpName is the word for an operation in listings and events.
func OpName(op chain.Op) string {
	names := [...]string{"create", "rekey", "add", "remove", "accept", "role", "policy", "close", "leave"}
	if int(op) >= len(names) {
		return "unknown"
	}
	return names[op]
}

// Create fixes what a room is. Signed by the C of its first owner.
//
//	suite 1 | flags 1 | history 1 | retention 4, seconds | owner's account chain
//	index 4, hash 16 | random 16
type Create struct {
	Suite     bus.Suite
	Persist   bool
	Recovery  bool // recovery endpoints get the keys too
	Direct    bool // a room of two, found by its members
	History   bus.History
	Retention time.Duration // whole seconds
	Owner     bus.Ref
	Random    [16]byte // two rooms made in one millisecond differ
}

const (
	flagPersist = 1 << iota
	flagRecovery
	flagDirect
)

func (c Create) flags() (f uint8) {
	if c.Persist {
		f |= flagPersist
	}
	if c.Recovery {
		f |= flagRecovery
	}
	if c.Direct {
		f |= flagDirect
	}
	return f
}

// Encode returns the body of a create entry.
func (c Create) Encode() []byte {
	var b cryptobyte.Builder
	b.AddUint8(uint8(c.Suite))
	b.AddUint8(c.flags())
	b.AddUint8(uint8(c.History))
	b.AddUint32(uint32(c.Retention / time.Second))
	chain.AddRef(&b, c.Owner)
	b.AddBytes(c.Random[:])
	return b.BytesOrPanic()
}

func parseCreate(body []byte) (c Create, ok bool) {
	s := cryptobyte.String(body)
	var flags uint8
	var seconds uint32
	ok = s.ReadUint8((*uint8)(&c.Suite)) && s.ReadUint8(&flags) && s.ReadUint8((*uint8)(&c.History)) &&
		s.ReadUint32(&seconds) && chain.ReadRef(&s, &c.Owner) && s.CopyBytes(c.Random[:]) && s.Empty()
	c.Persist, c.Recovery, c.Direct = flags&flagPersist != 0, flags&flagRecovery != 0, flags&flagDirect != 0
	c.Retention = time.Duration(seconds) * time.Second
	ok = ok && c.flags() == flags && c.Suite <= bus.SuiteSealed && seconds > 0 &&
		(c.History == bus.HistoryJoin || c.History == bus.HistoryAll)
	return c, ok
}

// Reason is why a plain rekey was made.
type Reason uint8

// The numbers are written into entries and never change.
const (
	ReasonAsked  Reason = 1 // an owner wished it; also the room's first epoch
	ReasonAge    Reason = 2 // older than bus.EpochAge
	ReasonFrames Reason = 3 // more than bus.EpochFrames frames
	ReasonMoved  Reason = 4 // a pinned endpoint list has moved, an endpoint's time is over, or a right to write moved
	ReasonLeft   Reason = 5 // somebody left
	ReasonBroken Reason = 6 // the author's own envelope does not open, or not to the secret of the confirm
)

// Complaint is what a rekey of reason ReasonBroken rests on. It names what
// everybody can look up under the epoch's audience root; that the envelope
// holds no usable secret only its author knows, so the rules bound how often
// he may say so.
type Complaint struct {
	Epoch    bus.Epoch // the epoch in force
	Envelope bus.Hash  // SHA-256 of the envelope that was sealed to the author
}

// Rekey starts an epoch for the same members:
//
//	reason 1 | with reason 6: epoch 8, envelope 32 | start
type Rekey struct {
	Reason    Reason
	Complaint Complaint // of ReasonBroken; else zero
	Start     Start
}

// Encode returns the body of a rekey entry.
func (r Rekey) Encode() []byte {
	var b cryptobyte.Builder
	b.AddUint8(uint8(r.Reason))
	if r.Reason == ReasonBroken {
		b.AddUint64(uint64(r.Complaint.Epoch))
		b.AddBytes(r.Complaint.Envelope[:])
	}
	r.Start.append(&b)
	return b.BytesOrPanic()
}

func parseRekey(body []byte) (r Rekey, ok bool) {
	s := cryptobyte.String(body)
	if !s.ReadUint8((*uint8)(&r.Reason)) || r.Reason < ReasonAsked || r.Reason > ReasonBroken {
		return r, false
	}
	if r.Reason == ReasonBroken &&
		(!s.ReadUint64((*uint64)(&r.Complaint.Epoch)) || !s.CopyBytes(r.Complaint.Envelope[:])) {
		return r, false
	}
	ok = readStart(&s, &r.Start)
	return r, ok
}

// NewMember is an account to add, NewGuest an open invite to add.
type (
	NewMember struct {
		Account bus.AccountID
		Role    bus.RoomRole
	}
	NewGuest struct {
		Invite bus.InviteID
		Role   bus.RoomRole // the role its owner will have once he accepts
	}
)

// Add adds members and guests, each once: members 2+17n | guests 2+17n | start.
type Add struct {
	Members []NewMember
	Guests  []NewGuest
	Start   Start
}

// Encode returns the body of an add entry.
func (a Add) Encode() []byte {
	var b cryptobyte.Builder
	b.AddUint16(uint16(len(a.Members)))
	for _, m := range a.Members {
		b.AddBytes(m.Account[:])
		b.AddUint8(uint8(m.Role))
	}
	b.AddUint16(uint16(len(a.Guests)))
	for _, g := range a.Guests {
		b.AddBytes(g.Invite[:])
		b.AddUint8(uint8(g.Role))
	}
	a.Start.append(&b)
	return b.BytesOrPanic()
}

func parseAdd(body []byte) (a Add, ok bool) {
	s := cryptobyte.String(body)
	var n uint16
	if !s.ReadUint16(&n) || n > bus.MaxMembers {
		return a, false
	}
	a.Members = make([]NewMember, n)
	for i := range a.Members {
		if !s.CopyBytes(a.Members[i].Account[:]) || !s.ReadUint8((*uint8)(&a.Members[i].Role)) {
			return a, false
		}
	}
	if !s.ReadUint16(&n) || n > bus.MaxMembers {
		return a, false
	}
	a.Guests = make([]NewGuest, n)
	for i := range a.Guests {
		if !s.CopyBytes(a.Guests[i].Invite[:]) || !s.ReadUint8((*uint8)(&a.Guests[i].Role)) {
			return a, false
		}
	}
	ok = readStart(&s, &a.Start)
	return a, ok && len(a.Members)+len(a.Guests) > 0
}

// Remove removes members and guests, each once: members 2+16n | guests 2+16n | start.
type Remove struct {
	Members []bus.AccountID
	Guests  []bus.InviteID
	Start   Start
}

// Encode returns the body of a remove entry.
func (r Remove) Encode() []byte {
	var b cryptobyte.Builder
	b.AddUint16(uint16(len(r.Members)))
	for _, m := range r.Members {
		b.AddBytes(m[:])
	}
	b.AddUint16(uint16(len(r.Guests)))
	for _, g := range r.Guests {
		b.AddBytes(g[:])
	}
	r.Start.append(&b)
	return b.BytesOrPanic()
}

func parseRemove(body []byte) (r Remove, ok bool) {
	s := cryptobyte.String(body)
	var n uint16
	if !s.ReadUint16(&n) || n > bus.MaxMembers {
		return r, false
	}
	r.Members = make([]bus.AccountID, n)
	for i := range r.Members {
		if !s.CopyBytes(r.Members[i][:]) {
			return r, false
		}
	}
	ok = readInvites(&s, &r.Guests) && readStart(&s, &r.Start)
	return r, ok && len(r.Members)+len(r.Guests) > 0
}

// Accept replaces a guest by the account that took the invite up in the bus
// log. Signed by the invite's one-time C and by an endpoint of that account:
// invite 16 | start.
type Accept struct {
	Invite bus.InviteID
	Start  Start
}

// Encode returns the body of an accept entry.
func (a Accept) Encode() []byte {
	var b cryptobyte.Builder
	b.AddBytes(a.Invite[:])
	a.Start.append(&b)
	return b.BytesOrPanic()
}

func parseAccept(body []byte) (a Accept, ok bool) {
	s := cryptobyte.String(body)
	ok = s.CopyBytes(a.Invite[:]) && readStart(&s, &a.Start)
	return a, ok
}

// SetRole changes a member's role: account 16 | role 1.
type SetRole struct {
	Account bus.AccountID
	Role    bus.RoomRole
}

// Encode returns the body of a role entry.
func (r SetRole) Encode() []byte { return append(r.Account[:], byte(r.Role)) }

func parseSetRole(body []byte) (r SetRole, ok bool) {
	s := cryptobyte.String(body)
	ok = s.CopyBytes(r.Account[:]) && s.ReadUint8((*uint8)(&r.Role)) && s.Empty()
	return r, ok
}

// SetPolicy changes what may change: retention 4, seconds | name 1+n, sealed
// under the epoch in force.
type SetPolicy struct {
	Retention time.Duration
	Name      []byte
}

// Encode returns the body of a policy entry.
func (p SetPolicy) Encode() []byte {
	var b cryptobyte.Builder
	b.AddUint32(uint32(p.Retention / time.Second))
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(p.Name) })
	return b.BytesOrPanic()
}

func parseSetPolicy(body []byte) (p SetPolicy, ok bool) {
	s := cryptobyte.String(body)
	var seconds uint32
	var name cryptobyte.String
	ok = s.ReadUint32(&seconds) && seconds > 0 && s.ReadUint8LengthPrefixed(&name) && s.Empty()
	p.Retention, p.Name = time.Duration(seconds)*time.Second, name
	return p, ok
}

// Leave says that its author is gone: successor 16 (zero: none) | closing 24.
// Only an owner names a member who is owner after him; the last one must.
type Leave struct {
	Successor bus.AccountID
	Closing   Closing
}

// Encode returns the body of a leave entry.
func (l Leave) Encode() []byte {
	var b cryptobyte.Builder
	b.AddBytes(l.Successor[:])
	addClosing(&b, l.Closing)
	return b.BytesOrPanic()
}

func parseLeave(body []byte) (l Leave, ok bool) {
	s := cryptobyte.String(body)
	ok = s.CopyBytes(l.Successor[:]) && readClosing(&s, &l.Closing) && s.Empty()
	return l, ok
}
