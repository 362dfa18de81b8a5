package wire

import (
	"bufio"
	"encoding/binary"
	"io"
	"time"

	"unibus/internal/bus"
)

// MediaMessages is the content type of a page of messages: for each message
//
//	1 | sequence 8 | stored at 8, Unix ms | length 4 | frame
//
// and at its end
//
//	0 | complete through sequence 8 | more 1
//
// Integers are big endian. A page without its end is not complete.
const MediaMessages = "application/vnd.unibus.messages"

// MediaEnvelopes is the content type of staged envelopes: for each
//
//	endpoint 16 | serial 4 | length 2 | sealed
const MediaEnvelopes = "application/vnd.unibus.envelopes"

// MediaGrants is the content type of keys that are handed on: for each
//
//	epoch 8 | endpoint 16 | serial 4 | length 2 | sealed
const MediaGrants = "application/vnd.unibus.grants"

// StoredMessage is one stored frame with the facts of the node.
type StoredMessage struct {
	Seq   uint64
	At    time.Time
	Frame []byte
}

// PageEnd says how far a page reaches.
type PageEnd struct {
	Through uint64 // everything stored up to here was in it
	More    bool
}

// WriteMessage writes one message of a page.
func WriteMessage(w io.Writer, m StoredMessage) error {
	b := make([]byte, 0, 21+len(m.Frame))
	b = append(b, 1)
	b = binary.BigEndian.AppendUint64(b, m.Seq)
	b = binary.BigEndian.AppendUint64(b, uint64(m.At.UnixMilli()))
	b = binary.BigEndian.AppendUint32(b, uint32(len(m.Frame)))
	_, err := w.Write(append(b, m.Frame...))
	return err
}

// WritePageEnd ends a page.
func WritePageEnd(w io.Writer, end PageEnd) error {
	b := binary.BigEndian.AppendUint64([]byte{0}, end.Through)
	more := byte(0)
	if end.More {
		more = 1
	}
	_, err := w.Write(append(b, more))
	return err
}

// ReadPage reads a whole page and calls each for every message. A page that
// ends early is an error, whatever was read of it, and so is one of more than
// bus.MaxPageMessages: it need not have an end.
func ReadPage(r io.Reader, each func(StoredMessage) error) (end PageEnd, err error) {
	in := bufio.NewReader(r)
	for n := 0; ; n++ {
		kind, err := in.ReadByte()
		if err != nil {
			return end, errPage
		}
		if kind == 0 {
			return readPageEnd(in)
		}
		if n == bus.MaxPageMessages {
			return end, errNoPage
		}
		m, err := readMessage(in, kind)
		if err != nil {
			return end, err
		}
		if err := each(m); err != nil {
			return end, err
		}
	}
}

var (
	errPage = bus.Errorf(bus.Unavailable, "page_cut", "the node stopped in the middle of an answer").
		WithHint("try again")
	errNoPage = bus.Errorf(bus.Integrity, "bad_page", "the node sent something else than messages")
)

func readMessage(in io.Reader, kind byte) (m StoredMessage, err error) {
	var head [20]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return m, errPage
	}
	size := binary.BigEndian.Uint32(head[16:])
	if kind != 1 || size > bus.MaxFrame {
		return m, errNoPage
	}
	m.Seq = binary.BigEndian.Uint64(head[:])
	m.At = time.UnixMilli(int64(binary.BigEndian.Uint64(head[8:]))).UTC()
	m.Frame = make([]byte, size)
	if _, err := io.ReadFull(in, m.Frame); err != nil {
		return m, errPage
	}
	return m, nil
}

func readPageEnd(in io.Reader) (end PageEnd, err error) {
	var b [9]byte
	if _, err := io.ReadFull(in, b[:]); err != nil {
		return end, errPage
	}
	if b[8] > 1 {
		return end, errNoPage
	}
	return PageEnd{Through: binary.BigEndian.Uint64(b[:]), More: b[8] == 1}, nil
}

// AppendEnvelope appends one envelope of a staged body to b.
func AppendEnvelope(b []byte, e Envelope) []byte {
	b = append(b, e.Endpoint[:]...)
	b = binary.BigEndian.AppendUint32(b, e.Serial)
	b = binary.BigEndian.AppendUint16(b, uint16(len(e.Sealed)))
	return append(b, e.Sealed...)
}

// ParseEnvelopes reads a staged body of at most bus.MaxEnvelopes envelopes.
func ParseEnvelopes(b []byte) (out []Envelope, err error) {
	for len(b) > 0 {
		e, rest, ok := cutEnvelope(b)
		if !ok || len(out) == bus.MaxEnvelopes {
			return nil, ErrEnvelopes
		}
		out, b = append(out, e), rest
	}
	return out, nil
}

// cutEnvelope reads the first envelope of b, and gives what is behind it.
func cutEnvelope(b []byte) (e Envelope, rest []byte, ok bool) {
	if len(b) < 22 {
		return e, nil, false
	}
	e.Endpoint, e.Serial = bus.EndpointID(b[:16]), binary.BigEndian.Uint32(b[16:])
	size := int(binary.BigEndian.Uint16(b[20:]))
	if b = b[22:]; len(b) < size {
		return e, nil, false
	}
	e.Sealed = b[:size]
	return e, b[size:], true
}

// ErrEnvelopes is the answer to staged envelopes that are none, or too many.
var ErrEnvelopes = bus.Errorf(bus.Invalid, "bad_envelopes", "not a list of at most %d whole envelopes", bus.MaxEnvelopes).
	WithHint("stage them in several requests")

// AppendGrant appends one grant of a body to b: an epoch, and what an envelope is.
func AppendGrant(b []byte, g Grant) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(g.Epoch))
	return AppendEnvelope(b, Envelope{g.Endpoint, g.Serial, g.Sealed})
}

// ParseGrants reads a body of at most bus.MaxEnvelopes grants.
func ParseGrants(b []byte) (out []Grant, err error) {
	for len(b) > 0 {
		if len(b) < 8 || len(out) == bus.MaxEnvelopes {
			return nil, ErrGrants
		}
		e, rest, ok := cutEnvelope(b[8:])
		if !ok {
			return nil, ErrGrants
		}
		out = append(out, Grant{bus.Epoch(binary.BigEndian.Uint64(b)), e.Endpoint, e.Serial, e.Sealed})
		b = rest
	}
	return out, nil
}

// ErrGrants is the answer to grants that are none, or too many.
var ErrGrants = bus.Errorf(bus.Invalid, "bad_grants", "not a list of 1 to %d whole grants", bus.MaxEnvelopes).
	WithHint("hand them on in several requests")
