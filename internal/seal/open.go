package seal

import (
	"encoding/binary"
	"time"

	"unibus/internal/bus"
	"unibus/internal/frame"
	"unibus/internal/identity"
)

// What Open answers to a frame that is not to be believed.
var (
	ErrFrame         = bus.Errorf(bus.Integrity, "bad_frame", "a message does not open: it is damaged, or not of this room and epoch")
	ErrNotInAudience = bus.Errorf(bus.Integrity, "not_in_audience", "a message names a sender that may not write here")
	ErrSignature     = bus.Errorf(bus.Integrity, "bad_signature", "a message is not signed by the sender it names")
)

// Opened is a frame that was authentic: its sender signed all of it.
type Opened struct {
	Header  frame.Header
	Hash    bus.Hash  // of the whole frame
	At      time.Time // as the sender says, UTC, to the millisecond
	Records []Record  // at least one; their bodies share memory
}

// Open opens a frame of ep. sender returns the content key of an endpoint of
// that epoch's audience which may write. Errors: ErrFrame, ErrNotInAudience,
// ErrSignature, all of kind Integrity, and ErrNoKey. It does not change raw
// and is safe for concurrent use; whether the frame is a repeat is for the
// caller to say.
func Open(ep Epoch, raw []byte, sender func(bus.EndpointID) (identity.VerifyKey, bool)) (Opened, error) {
	h, err := frame.Parse(raw)
	if err != nil || h.Room != ep.Room || h.Epoch != ep.Number || h.Suite != ep.Suite {
		return Opened{}, ErrFrame
	}
	if !ep.ready() {
		return Opened{}, ErrNoKey
	}
	key, ok := sender(h.Endpoint)
	if !ok {
		return Opened{}, ErrNotInAudience
	}
	signed, sig, err := ep.open(h, raw)
	if err != nil {
		return Opened{}, err
	}
	if !key.Verify(identity.ContextFrame, signed, sig[:]) {
		return Opened{}, ErrSignature
	}
	o := Opened{Header: h, Hash: frame.Hash(raw)}
	if o.At, o.Records, ok = readBody(signed[aadSize:]); !ok {
		return Opened{}, ErrFrame
	}
	return o, nil
}

// open decrypts raw and returns what was signed, and the signature. The box
// opens to signature ‖ time ‖ records, placed so that the authenticated bytes,
// written over the signature, stand right before the time.
func (e Epoch) open(h frame.Header, raw []byte) (signed []byte, sig [identity.SignatureSize]byte, err error) {
	box := raw[frame.HeaderSize:]
	aad := e.aad(raw[:frame.HeaderSize])
	b := make([]byte, aadSize-identity.SignatureSize, aadSize+len(box))
	if e.Suite == bus.SuiteClear {
		b = append(b, box...)
	} else if b, err = useOnce(frameKey(e.senderKey(h.Endpoint), h)).open(b, box, aad[:]); err != nil {
		return nil, sig, ErrFrame
	}
	if len(b) < aadSize+timeSize {
		return nil, sig, ErrFrame
	}
	copy(sig[:], b[aadSize-identity.SignatureSize:])
	copy(b, aad[:])
	return b, sig, nil
}

// readBody reads time, records and padding. There is one size of padding for
// each size of records, so that there is one encoding of a message.
func readBody(b []byte) (at time.Time, records []Record, ok bool) {
	ms, region := binary.BigEndian.Uint64(b), b[timeSize:]
	records, rest, ok := readRecords(region)
	if !ok || ms > bus.MaxMillis || len(region) != padded(len(region)-len(rest)) || !allZero(rest) {
		return at, nil, false
	}
	return time.UnixMilli(int64(ms)).UTC(), records, true
}
