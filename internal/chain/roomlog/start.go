package roomlog

import (
	"time"

	"golang.org/x/crypto/cryptobyte"

	"unibus/internal/bus"
	"unibus/internal/chain"
)

// Pin fixes a member's account chain at a position.
type Pin struct {
	Account bus.AccountID
	At      bus.Ref
}

// Closing names the newest frame that the author had seen in the epoch that
// ends; all zero when he had seen none.
type Closing struct {
	Seq   uint64
	Frame bus.Prefix
}

// Start is the part of a body that starts an epoch:
//
//	epoch 8 | not-after 8, Unix ms | closing seq 8, frame 16 |
//	members 2+36n | guests 2+16n | endpoints 2 | audience root 32 |
//	name 1+n | confirm 32
//
// Members and guests are sorted by id. Confirm is last, so that it can be
// computed over everything before it.
type Start struct {
	Epoch     bus.Epoch
	NotAfter  time.Time
	Closing   Closing
	Members   []Pin
	Guests    []bus.InviteID
	Endpoints uint16 // size of the audience
	Root      bus.Hash
	Name      []byte // sealed under the epoch secret; clear in a cleartext room
	Confirm   bus.Hash
}

func (st Start) append(b *cryptobyte.Builder) {
	b.AddUint64(uint64(st.Epoch))
	chain.AddTime(b, st.NotAfter)
	addClosing(b, st.Closing)
	b.AddUint16(uint16(len(st.Members)))
	for _, m := range st.Members {
		b.AddBytes(m.Account[:])
		chain.AddRef(b, m.At)
	}
	b.AddUint16(uint16(len(st.Guests)))
	for _, g := range st.Guests {
		b.AddBytes(g[:])
	}
	b.AddUint16(st.Endpoints)
	b.AddBytes(st.Root[:])
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(st.Name) })
	b.AddBytes(st.Confirm[:])
}

func readStart(s *cryptobyte.String, st *Start) bool {
	var name cryptobyte.String
	ok := s.ReadUint64((*uint64)(&st.Epoch)) && chain.ReadTime(s, &st.NotAfter) && readClosing(s, &st.Closing) &&
		readPins(s, &st.Members) && readInvites(s, &st.Guests) && s.ReadUint16(&st.Endpoints) &&
		s.CopyBytes(st.Root[:]) && s.ReadUint8LengthPrefixed(&name) && s.CopyBytes(st.Confirm[:]) && s.Empty()
	st.Name = name
	return ok
}

func addClosing(b *cryptobyte.Builder, c Closing) {
	b.AddUint64(c.Seq)
	b.AddBytes(c.Frame[:])
}

func readClosing(s *cryptobyte.String, c *Closing) bool {
	return s.ReadUint64(&c.Seq) && s.CopyBytes(c.Frame[:])
}

func readPins(s *cryptobyte.String, out *[]Pin) bool {
	var n uint16
	if !s.ReadUint16(&n) || n > bus.MaxMembers {
		return false
	}
	pins := make([]Pin, n)
	for i := range pins {
		if !s.CopyBytes(pins[i].Account[:]) || !chain.ReadRef(s, &pins[i].At) {
			return false
		}
	}
	*out = pins
	return true
}

func readInvites(s *cryptobyte.String, out *[]bus.InviteID) bool {
	var n uint16
	if !s.ReadUint16(&n) || n > bus.MaxMembers {
		return false
	}
	ids := make([]bus.InviteID, n)
	for i := range ids {
		if !s.CopyBytes(ids[i][:]) {
			return false
		}
	}
	*out = ids
	return true
}
