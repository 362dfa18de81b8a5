package seal

import (
	"encoding/binary"

	"unibus/internal/bus"
	"unibus/internal/frame"
	"unibus/internal/identity"
)

// Epoch is one key generation of a room, as its log and an envelope gave it.
// In a room of suite SuiteClear it has no secret.
type Epoch struct {
	Room   bus.RoomID
	Number bus.Epoch
	Entry  bus.Hash // of the entry that started it
	Suite  bus.Suite
	Secret Secret
}

// Where things stand in a frame, in bytes. What is signed, and in suite
// SuiteSealed authenticated with it, is the header and the hash of the entry
// that started the epoch, which does not travel: two members who were shown
// different logs cannot read each other.
//
//	frame:  header 98 | signature 64 | time 8 | records | zeros [| tag 16]
//	signed: header 98 | entry 32     | time 8 | records | zeros
//
// In suite SuiteSealed all behind the header is encrypted.
const (
	aadSize  = frame.HeaderSize + 32
	bodyAt   = frame.HeaderSize + identity.SignatureSize
	timeSize = 8
)

// aad is what is authenticated and not encrypted.
func (e Epoch) aad(header []byte) (b [aadSize]byte) {
	copy(b[copy(b[:], header):], e.Entry[:])
	return b
}

// ready reports whether frames of e can be made and opened at all.
func (e Epoch) ready() bool { return e.Suite == bus.SuiteClear || !e.Secret.IsZero() }

// senderKey is what all frames of one endpoint in e are keyed from; nil in
// suite SuiteClear.
func (e Epoch) senderKey(from bus.EndpointID) []byte {
	if e.Suite == bus.SuiteClear {
		return nil
	}
	info := append(make([]byte, 0, 64), "unibus/1 sender"...)
	info = append(info, e.Entry[:]...)
	info = append(info, from[:]...)
	return expand(e.Secret.reveal()[:], info, keySize)
}

// frameKey returns the key and nonce of one frame. The salt is fresh in each,
// so that two processes, or one and its restored snapshot, never share them.
func frameKey(senderKey []byte, h frame.Header) []byte {
	info := append(make([]byte, 0, 64), "unibus/1 frame"...)
	info = append(info, h.Session[:]...)
	info = binary.BigEndian.AppendUint32(info, h.Index)
	info = append(info, h.Salt[:]...)
	return expand(senderKey, info, keySize+nonceSize)
}
