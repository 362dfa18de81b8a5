package blob

import (
	"crypto/sha256"
	"encoding/binary"

	"unibus/internal/bus"
)

// The encoding of a manifest, integers big endian:
//
//	magic 18 | count 4 | total 8 | count times hash 32
const (
	manifestMagic  = "unibus/1 manifest\n"
	manifestHeader = 18 + 4 + 8
	hashSize       = sha256.Size
)

// ErrManifest is the answer to anything that is no manifest.
var ErrManifest = bus.Errorf(bus.Integrity, "bad_manifest", "not a manifest of a blob")

// Manifest lists the pieces of a blob that has more than one, in order. Every
// piece is bus.PieceSize but the last, which has at least one byte.
type Manifest struct {
	Total  int64 // bytes of ciphertext in all pieces
	Pieces []bus.Hash
}

// ID names a piece or an encoded manifest: the SHA-256 of its bytes.
func ID(data []byte) bus.Hash { return sha256.Sum256(data) }

// Encode writes m; its ID is that of these bytes. It is ErrManifest when m has
// less than two pieces, more than bus.MaxPieces, or another total than they hold.
func (m Manifest) Encode() ([]byte, error) {
	if !m.valid() {
		return nil, ErrManifest
	}
	b := make([]byte, 0, manifestHeader+len(m.Pieces)*hashSize)
	b = append(b, manifestMagic...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(m.Pieces)))
	b = binary.BigEndian.AppendUint64(b, uint64(m.Total))
	for _, id := range m.Pieces {
		b = append(b, id[:]...)
	}
	return b, nil
}

// ParseManifest reads what Encode wrote and nothing else: one encoding for one
// manifest. It keeps no part of b.
func ParseManifest(b []byte) (Manifest, error) {
	if len(b) < manifestHeader || string(b[:len(manifestMagic)]) != manifestMagic {
		return Manifest{}, ErrManifest
	}
	count := binary.BigEndian.Uint32(b[len(manifestMagic):])
	total := binary.BigEndian.Uint64(b[len(manifestMagic)+4:])
	rest := b[manifestHeader:]
	// No more is allocated than was received, whatever the count says.
	if uint64(len(rest)) != uint64(count)*hashSize {
		return Manifest{}, ErrManifest
	}
	m := Manifest{Total: int64(total), Pieces: make([]bus.Hash, count)}
	for i := range m.Pieces {
		copy(m.Pieces[i][:], rest[i*hashSize:])
	}
	if !m.valid() {
		return Manifest{}, ErrManifest
	}
	return m, nil
}

// Size is the size in bytes of piece i of a valid manifest.
func (m Manifest) Size(i int) int64 {
	return min(bus.PieceSize, m.Total-int64(i)*bus.PieceSize)
}

// valid demands two pieces: a blob of one has no manifest, so that no blob has
// two kinds of reference.
func (m Manifest) valid() bool {
	n := int64(len(m.Pieces))
	return n >= 2 && n <= bus.MaxPieces && m.Total > (n-1)*bus.PieceSize && m.Total <= n*bus.PieceSize
}
