// Package frame is the outside of a frame: the 98 bytes that a node may see
// and check, in front of what only members can open.
//
// Nodes use it to refuse what is no frame of the room and endpoint that post
// it; seal uses it to write and read the same bytes. It holds no keys and
// cannot tell a true frame from a forged one: only the signature inside can.
package frame

import (
	"crypto/sha256"
	"encoding/binary"

	"unibus/internal/bus"
)

// Version is the first byte of every frame.
const Version = 1

// HeaderSize is the size of the header in bytes:
//
//	ver 1 | suite 1 | room 16 | epoch 8 | head index 4, hash 16 |
//	endpoint 16 | session 16 | index 4 | salt 16
const HeaderSize = 1 + 1 + 16 + 8 + 4 + 16 + 16 + 16 + 4 + 16

// Session separates the frames of two processes of one endpoint.
type Session [16]byte

// Salt makes every frame key fresh, also after a snapshot was restored.
type Salt [16]byte

// Header is the outside of a frame. Integers are big endian on the wire.
type Header struct {
	Suite    bus.Suite
	Room     bus.RoomID
	Epoch    bus.Epoch
	Head     bus.Ref // newest entry of the room log that the sender knew
	Endpoint bus.EndpointID
	Session  Session
	Index    uint32 // counts the frames of a session from 0
	Salt     Salt
}

// ErrFrame is the answer to anything that is no frame.
var ErrFrame = bus.Errorf(bus.Invalid, "no_frame", "not a frame")

// Append appends the encoded header to b.
func (h Header) Append(b []byte) []byte {
	b = append(b, Version, byte(h.Suite))
	b = append(b, h.Room[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(h.Epoch))
	b = binary.BigEndian.AppendUint32(b, h.Head.Index)
	b = append(b, h.Head.Hash[:]...)
	b = append(b, h.Endpoint[:]...)
	b = append(b, h.Session[:]...)
	b = binary.BigEndian.AppendUint32(b, h.Index)
	return append(b, h.Salt[:]...)
}

// Parse reads the header of a whole frame and refuses sizes and versions that
// no sender makes. A frame has at least a signature and a time behind it.
func Parse(raw []byte) (h Header, err error) {
	if len(raw) < HeaderSize+64+8 || len(raw) > bus.MaxFrame || raw[0] != Version || raw[1] > byte(bus.SuiteSealed) {
		return h, ErrFrame
	}
	h.Suite = bus.Suite(raw[1])
	b := raw[2:]
	b = b[copy(h.Room[:], b):]
	h.Epoch, b = bus.Epoch(binary.BigEndian.Uint64(b)), b[8:]
	h.Head.Index, b = binary.BigEndian.Uint32(b), b[4:]
	b = b[copy(h.Head.Hash[:], b):]
	b = b[copy(h.Endpoint[:], b):]
	b = b[copy(h.Session[:], b):]
	h.Index, b = binary.BigEndian.Uint32(b), b[4:]
	copy(h.Salt[:], b)
	return h, nil
}

// Hash identifies a frame: SHA-256 over all its bytes.
func Hash(raw []byte) bus.Hash { return sha256.Sum256(raw) }
