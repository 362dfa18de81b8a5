package identity

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"

	"unibus/internal/bus"
)

// ProfileKey seals the secrets that a client keeps in its local store. It
// lies in the identity file, so that a passphrase on the file covers both.
// The zero value is no key; all but IsZero panic on it.
type ProfileKey struct {
	hidden
	b func() [32]byte
}

// profileSalt is the size of the salt before each sealed value: from it come
// a key and a nonce of its own, so that no number of values wears the key out.
const profileSalt = 24

// NewProfileKey makes a fresh key.
func NewProfileKey() ProfileKey { return ProfileKeyFrom(random32()) }

// ProfileKeyFrom takes the bytes of a key that was kept elsewhere.
func ProfileKeyFrom(b [32]byte) ProfileKey { return ProfileKey{b: keep(b)} }

// IsZero reports whether k holds no key.
func (k ProfileKey) IsZero() bool { return k.b == nil }

// Bytes returns the secret bytes.
func (k ProfileKey) Bytes() [32]byte { return k.b() }

// Seal seals plaintext for one place in the store, say table, column and row:
// a value that was moved to another place does not open. The result is
// salt 24 | AES-256-GCM ciphertext | tag 16.
func (k ProfileKey) Seal(place string, plaintext []byte) []byte {
	out := make([]byte, profileSalt, profileSalt+len(plaintext)+16)
	_, _ = rand.Read(out)
	aead, nonce := k.aead(out)
	return aead.Seal(out, nonce, plaintext, []byte(place))
}

// Open opens what Seal returned for the same place; an error of kind Integrity
// and code bad_profile when it was changed, moved or sealed by another key.
func (k ProfileKey) Open(place string, sealed []byte) ([]byte, error) {
	return k.OpenTo(nil, place, sealed)
}

// OpenTo is Open that appends to dst, which must not overlap sealed: for who
// opens very many.
func (k ProfileKey) OpenTo(dst []byte, place string, sealed []byte) ([]byte, error) {
	if len(sealed) < profileSalt {
		return nil, errProfile
	}
	aead, nonce := k.aead(sealed[:profileSalt])
	plain, err := aead.Open(dst, nonce, sealed[profileSalt:], []byte(place))
	if err != nil {
		return nil, errProfile
	}
	return plain, nil
}

var errProfile = bus.Errorf(bus.Integrity, "bad_profile",
	"a secret in the local store does not open: it was changed, or sealed by another identity")

// aead derives the cipher and nonce of one sealed value.
func (k ProfileKey) aead(salt []byte) (cipher.AEAD, []byte) {
	secret := k.b()
	okm, err := hkdf.Key(sha256.New, secret[:], salt, "unibus/1 profile", 32+12)
	if err != nil {
		panic("identity: " + err.Error()) // 44 bytes of SHA-256 cannot be too much
	}
	block, err := aes.NewCipher(okm[:32])
	if err != nil {
		panic("identity: " + err.Error()) // 32 bytes are a key
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("identity: " + err.Error()) // AES has the block size that GCM wants
	}
	return aead, okm[32:]
}

// WordHash returns a keyed hash of words for this store's search: the first 4
// bytes of HMAC-SHA256 under a key of its own. Who has the key can try words;
// others cannot. It is for one goroutine.
func (k ProfileKey) WordHash() func(word string) uint32 {
	secret := k.b()
	key, err := hkdf.Key(sha256.New, secret[:], nil, "unibus/1 words", 32)
	if err != nil {
		panic("identity: " + err.Error()) // 32 bytes of SHA-256 cannot be too much
	}
	mac := hmac.New(sha256.New, key)
	var sum [sha256.Size]byte
	return func(word string) uint32 {
		mac.Reset()
		_, _ = mac.Write([]byte(word))
		return binary.BigEndian.Uint32(mac.Sum(sum[:0]))
	}
}
