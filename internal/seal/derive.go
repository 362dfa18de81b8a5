package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"

	"unibus/internal/bus"
)

// Sizes in bytes of AES-256-GCM.
const (
	keySize   = 32
	nonceSize = 12
	tagSize   = 16
)

// ErrNoKey is the answer when an epoch's secret would be needed and is not here.
var ErrNoKey = bus.Errorf(bus.NotFound, "no_key", "the key of this epoch is not here")

// expand is HKDF-Expand with SHA-256; info begins with a label of this package.
func expand(key, info []byte, size int) []byte {
	out, err := hkdf.Expand(sha256.New, key, string(info), size)
	if err != nil {
		panic("seal: " + err.Error()) // only for sizes over 8160 bytes
	}
	return out
}

// keyed is one use of AES-256-GCM: a cipher and the nonce that belong together.
type keyed struct {
	aead  cipher.AEAD
	nonce []byte
}

// useOnce splits key ‖ nonce. Whoever derived it sees to it that it seals one
// text only.
func useOnce(keyNonce []byte) keyed {
	block, err := aes.NewCipher(keyNonce[:keySize])
	if err != nil {
		panic("seal: " + err.Error()) // only for other key sizes
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("seal: " + err.Error()) // only for other block sizes
	}
	return keyed{aead: aead, nonce: keyNonce[keySize:]}
}

func (k keyed) seal(dst, plain, aad []byte) []byte {
	return k.aead.Seal(dst, k.nonce, plain, aad)
}

func (k keyed) open(dst, box, aad []byte) ([]byte, error) {
	return k.aead.Open(dst, k.nonce, box, aad)
}
