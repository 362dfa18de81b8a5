package wire

import (
	"crypto/sha256"
	"encoding/binary"

	"unibus/internal/bus"
)

// Tip is a digest of every chain head that a room rests on: the bus log, the
// room log, and the account chains of its members, sorted by account id. A
// client whose own verified heads give the same tip has nothing to fetch.
func Tip(busLog, roomLog bus.Head, accounts []bus.Head) bus.Prefix {
	h := sha256.New()
	h.Write([]byte("unibus/1 tip"))
	var b []byte
	for _, head := range append([]bus.Head{busLog, roomLog}, accounts...) {
		b = binary.BigEndian.AppendUint32(b[:0], head.Index)
		h.Write(append(b, head.Hash[:]...))
	}
	return bus.Hash(h.Sum(nil)).Prefix()
}
