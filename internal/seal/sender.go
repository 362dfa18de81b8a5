package seal

import (
	"crypto/rand"
	"encoding/binary"
	"math"
	"sync"
	"time"

	"unibus/internal/bus"
	"unibus/internal/frame"
	"unibus/internal/identity"
)

// Sender makes the frames of one endpoint in one epoch. It is safe for
// concurrent use. Each has its own session, so any number of them may exist
// for one endpoint, in any number of processes.
type Sender struct {
	epoch Epoch
	me    bus.EndpointID
	sign  identity.SigningKey
	key   hidden // sender key; none in suite SuiteClear

	mu      sync.Mutex
	session frame.Session
	count   uint64 // frames of the session so far
}

// NewSender starts a session. key is the content key of the endpoint me.
func NewSender(ep Epoch, me bus.EndpointID, key identity.SigningKey) *Sender {
	s := &Sender{epoch: ep, me: me, sign: key}
	if ep.ready() && ep.Suite != bus.SuiteClear {
		s.key = hide([keySize]byte(ep.senderKey(me)))
	}
	_, _ = rand.Read(s.session[:]) // never fails
	return s
}

// Seal makes the next frame of the session: head is the newest entry of the
// room log that the sender knows, at the time it claims, to the millisecond.
// The frame is for the caller to keep; sending it again means sending the same
// bytes. Errors take no place in the session: bad_record (Invalid; no record,
// a kind or reference that no reader takes, or a time out of range), too_large
// (over bus.MaxRecords), ErrNoKey.
func (s *Sender) Seal(head bus.Ref, at time.Time, records []Record) ([]byte, error) {
	if !s.epoch.ready() {
		return nil, ErrNoKey
	}
	size, err := recordsSize(records)
	if err != nil {
		return nil, err
	}
	ms := at.UnixMilli()
	if ms < 0 || ms > bus.MaxMillis {
		return nil, errRecord
	}
	return s.build(s.header(head), uint64(ms), records, size), nil
}

// header counts the frame. A session that ran out of numbers gives way to a
// new one: a number used twice would be dropped as a repeat.
func (s *Sender) header(head bus.Ref) frame.Header {
	h := frame.Header{Suite: s.epoch.Suite, Room: s.epoch.Room, Epoch: s.epoch.Number, Head: head, Endpoint: s.me}
	_, _ = rand.Read(h.Salt[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count > math.MaxUint32 {
		_, _ = rand.Read(s.session[:])
		s.count = 0
	}
	h.Session, h.Index = s.session, uint32(s.count)
	s.count++
	return h
}

// build writes what is signed so that its time and records already stand where
// they stand in the frame, then puts header and signature over the front and
// encrypts in place.
func (s *Sender) build(h frame.Header, ms uint64, records []Record, size int) []byte {
	end := bodyAt + timeSize + padded(size)
	b := make([]byte, bodyAt-aadSize, end+tagSize)
	b = h.Append(b)
	b = append(b, s.epoch.Entry[:]...)
	b = binary.BigEndian.AppendUint64(b, ms)
	for _, r := range records {
		b = r.append(b)
	}
	b = b[:end] // zeros since make
	aad := [aadSize]byte(b[bodyAt-aadSize:])
	copy(b[frame.HeaderSize:], s.sign.Sign(identity.ContextFrame, b[bodyAt-aadSize:]))
	copy(b, aad[:frame.HeaderSize])
	if s.epoch.Suite == bus.SuiteClear {
		return b
	}
	front := b[:frame.HeaderSize]
	return useOnce(frameKey(s.key.reveal()[:], h)).seal(front, b[frame.HeaderSize:], aad[:])
}
