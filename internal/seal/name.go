package seal

import (
	"crypto/rand"
	"encoding/binary"

	"unibus/internal/bus"
)

// Sizes in bytes of a sealed name, which tells nothing of the name's length:
//
//	salt 16 | AES-256-GCM of (length 2 | name | zeros to 64) | tag 16
const (
	nameSalt   = 16
	namePadded = 2 + bus.MaxRoomName
	NameSize   = nameSalt + namePadded + tagSize
)

// ErrName is the answer to a sealed name that does not open.
var ErrName = bus.Errorf(bus.Integrity, "bad_sealed_name", "the sealed name of this room does not open")

// SealName seals the name of a room under an epoch of it: NameSize bytes. A
// name of more than bus.MaxRoomName bytes is bad_name (Invalid).
func (s Secret) SealName(room bus.RoomID, e bus.Epoch, name string) ([]byte, error) {
	if len(name) > bus.MaxRoomName {
		return nil, bus.Errorf(bus.Invalid, "bad_name", "a room's name has at most %d bytes", bus.MaxRoomName)
	}
	out := make([]byte, nameSalt, NameSize)
	_, _ = rand.Read(out) // never fails
	plain := binary.BigEndian.AppendUint16(make([]byte, 0, namePadded), uint16(len(name)))
	plain = append(plain, name...)[:namePadded]
	return s.nameKey(room, e, out).seal(out, plain, nil), nil
}

// OpenName returns the name that SealName sealed for the same room and epoch,
// else ErrName. The name is a stranger's words: clean it before it is shown.
func (s Secret) OpenName(room bus.RoomID, e bus.Epoch, sealed []byte) (string, error) {
	if len(sealed) != NameSize {
		return "", ErrName
	}
	plain, err := s.nameKey(room, e, sealed[:nameSalt]).open(nil, sealed[nameSalt:], nil)
	if err != nil {
		return "", ErrName
	}
	n := int(binary.BigEndian.Uint16(plain))
	if n > bus.MaxRoomName || !allZero(plain[2+n:]) {
		return "", ErrName
	}
	return string(plain[2 : 2+n]), nil
}

// nameKey is fresh with every salt: a room may be renamed within one epoch.
func (s Secret) nameKey(room bus.RoomID, e bus.Epoch, salt []byte) keyed {
	info := append(make([]byte, 0, 64), "unibus/1 name"...)
	info = append(info, room[:]...)
	info = binary.BigEndian.AppendUint64(info, uint64(e))
	info = append(info, salt...)
	return useOnce(expand(s.reveal()[:], info, keySize+nonceSize))
}
