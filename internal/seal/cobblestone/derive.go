package cobblestone

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha512"
	"encoding/binary"

	"unibus/internal/bus"
)

// Sizes of the format, in bytes.
const (
	KeySize   = 32
	SaltSize  = 24
	ChunkSize = 16 << 10

	commitmentSize = 32
	headerSize     = SaltSize + commitmentSize
	nonceSize      = 12
	tagSize        = 16
	sealedSize     = ChunkSize + tagSize
)

// maxChunks keeps the counter inside the 38 bits of the nonce that the format
// gives it: 4 PiB.
const maxChunks = 1 << 38

// label is followed by the salt and the context.
const label = "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"

var (
	errKey = bus.Errorf(bus.Invalid, "bad_key", "a blob key has %d bytes", KeySize)
	errBig = bus.Errorf(bus.TooLarge, "too_large", "a blob ends before 4 PiB")
)

// Size returns how many bytes a message of plain bytes becomes.
func Size(plain int64) int64 {
	return headerSize + plain + tagSize*(plain/ChunkSize+1)
}

// counter is the cipher of one message and the number of its next chunk.
type counter struct {
	aead   cipher.AEAD
	base   [nonceSize]byte
	nonce  [nonceSize]byte
	number uint64
}

// derive makes the cipher of one message and the commitment to its key.
func derive(key, salt, context []byte) (counter, []byte, error) {
	if len(key) != KeySize {
		return counter{}, nil, errKey
	}
	info := label + string(salt) + string(context)
	okm, err := hkdf.Expand(sha512.New, key, info, KeySize+nonceSize+commitmentSize)
	if err != nil {
		return counter{}, nil, err
	}
	block, err := aes.NewCipher(okm[:KeySize])
	if err != nil {
		return counter{}, nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return counter{}, nil, err
	}
	c := counter{aead: aead}
	copy(c.base[:], okm[KeySize:])
	return c, okm[KeySize+nonceSize:], nil
}

// next returns the nonce of the next chunk: the base nonce with the chunk's
// number added by exclusive or, big endian. It is valid until the next call.
func (c *counter) next() ([]byte, error) {
	if c.number >= maxChunks {
		return nil, errBig
	}
	c.nonce = c.base
	low := c.nonce[nonceSize-8:]
	binary.BigEndian.PutUint64(low, binary.BigEndian.Uint64(low)^c.number)
	c.number++
	return c.nonce[:], nil
}
