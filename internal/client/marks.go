package client

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"

	"unibus/internal/bus"
	"unibus/internal/seal"
)

// Marks say up to which sequence a person has read his rooms. They travel between
// his devices as values in the room that he has with himself, so that nobody else
// learns what he has read. The body of the record, integers big endian, rooms in
// the order of their ids and each once:
//
//	1 | n * ( room 16 | sequence 8 )
type Marks map[bus.RoomID]uint64

const (
	// MaxMarks bounds the rooms of one record.
	MaxMarks  = 1000
	marksTag  = 1 // the first byte of such a value; others belong to later versions
	marksItem = len(bus.RoomID{}) + 8
)

// Records makes the records that tell m, as many as it takes.
func (m Marks) Records() (out []seal.Record) {
	rooms := slices.SortedFunc(maps.Keys(m), func(a, b bus.RoomID) int { return bytes.Compare(a[:], b[:]) })
	for some := range slices.Chunk(rooms, MaxMarks) {
		body := []byte{marksTag}
		for _, id := range some {
			body = binary.BigEndian.AppendUint64(append(body, id[:]...), m[id])
		}
		out = append(out, seal.Record{Kind: seal.KindValue, ID: NewRecordID(""), Body: body})
	}
	return out
}

// ParseMarks reads the body of such a record; false where it is none.
func ParseMarks(body []byte) (Marks, bool) {
	if len(body) <= 1 || body[0] != marksTag || (len(body)-1)%marksItem != 0 || len(body) > 1+MaxMarks*marksItem {
		return nil, false
	}
	m := Marks{}
	var before []byte
	for item := range slices.Chunk(body[1:], marksItem) {
		id, seq := bus.RoomID(item[:16]), binary.BigEndian.Uint64(item[16:])
		if bytes.Compare(before, id[:]) >= 0 || seq == 0 {
			return nil, false
		}
		m[id], before = seq, item[:16]
	}
	return m, true
}
