package seal

import (
	"encoding/binary"

	"golang.org/x/crypto/cryptobyte"

	"unibus/internal/bus"
)

// RecordKind says what a record does. Numbers of later versions are returned
// as they come, so that a reader can say that it does not know them.
type RecordKind uint8

// The numbers are written into frames and never change; 0 is padding.
const (
	KindText     RecordKind = 1
	KindReply    RecordKind = 2
	KindEdit     RecordKind = 3
	KindDelete   RecordKind = 4
	KindReaction RecordKind = 5
	KindFile     RecordKind = 6
	KindValue    RecordKind = 7
)

func (k RecordKind) known() bool { return k >= KindText && k <= KindValue }

// refers reports whether a record of kind k is about another one.
func (k RecordKind) refers() bool { return k >= KindReply && k <= KindReaction }

// Target names a record by its frame and its number in it, from 0.
type Target struct {
	Frame  bus.Prefix
	Number uint16
}

// Record is one message in a frame. Its layout, integers big endian:
//
//	kind 1 | id 16 | has reference 1 | [frame 16 | number 2] | body 2+n
type Record struct {
	Kind RecordKind
	ID   bus.RecordID
	Ref  *Target // set in replies, edits, deletes and reactions, and in no other known kind
	Body []byte
}

const (
	recordSize = 1 + 16 + 1 + 2 // of a record without reference and body
	targetSize = 16 + 2
)

var (
	errRecord  = bus.Errorf(bus.Invalid, "bad_record", "not a record that can be sent")
	errRecords = bus.Errorf(bus.TooLarge, "too_large", "the records of a frame take more than %d KiB", bus.MaxRecords>>10).
			WithHint("send it as a file")
)

// Size returns how many of the bus.MaxRecords bytes of a frame r takes.
func (r Record) Size() int {
	n := recordSize + len(r.Body)
	if r.Ref != nil {
		n += targetSize
	}
	return n
}

// valid keeps what no reader would take from being sent.
func (r Record) valid() bool { return r.Kind.known() && r.Kind.refers() == (r.Ref != nil) }

func (r Record) append(b []byte) []byte {
	b = append(append(b, byte(r.Kind)), r.ID[:]...)
	if r.Ref == nil {
		b = append(b, 0)
	} else {
		b = append(append(b, 1), r.Ref.Frame[:]...)
		b = binary.BigEndian.AppendUint16(b, r.Ref.Number)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.Body)))
	return append(b, r.Body...)
}

// recordsSize checks records before they are written and adds their sizes.
// bus.MaxRecords keeps every body below the 2^16 bytes that its length can say.
func recordsSize(records []Record) (size int, err error) {
	for _, r := range records {
		if !r.valid() {
			return 0, errRecord
		}
		if size += r.Size(); size > bus.MaxRecords {
			return 0, errRecords
		}
	}
	if size == 0 {
		return 0, errRecord
	}
	return size, nil
}

// EncodeRecords writes 1 to n records as they stand in a frame, without the
// padding: at most bus.MaxRecords bytes. Errors: bad_record (Invalid),
// too_large (TooLarge).
func EncodeRecords(records []Record) ([]byte, error) {
	size, err := recordsSize(records)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, size)
	for _, r := range records {
		b = r.append(b)
	}
	return b, nil
}

// ParseRecords reads what EncodeRecords wrote, and nothing else, else
// ErrFrame. The bodies share the memory of raw.
func ParseRecords(raw []byte) ([]Record, error) {
	records, rest, ok := readRecords(raw)
	if !ok || len(rest) > 0 {
		return nil, ErrFrame
	}
	return records, nil
}

// readRecords reads records up to the end or to the first byte of padding.
func readRecords(raw []byte) (records []Record, rest []byte, ok bool) {
	if len(raw) > bus.MaxRecords {
		return nil, nil, false
	}
	s := cryptobyte.String(raw)
	for len(s) > 0 && s[0] != 0 {
		var r Record
		if !readRecord(&s, &r) {
			return nil, nil, false
		}
		records = append(records, r)
	}
	return records, s, len(records) > 0
}

func readRecord(s *cryptobyte.String, r *Record) bool {
	var kind, has uint8
	if !s.ReadUint8(&kind) || !s.CopyBytes(r.ID[:]) || !s.ReadUint8(&has) || has > 1 {
		return false
	}
	r.Kind = RecordKind(kind)
	if r.Kind.known() && r.Kind.refers() != (has == 1) {
		return false
	}
	if has == 1 {
		r.Ref = new(Target)
		if !s.CopyBytes(r.Ref.Frame[:]) || !s.ReadUint16(&r.Ref.Number) {
			return false
		}
	}
	var body cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&body) {
		return false
	}
	r.Body = body[:len(body):len(body)] // appending to one body must not reach the next record
	return true
}
