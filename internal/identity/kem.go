package identity

import (
	"crypto/hpke"

	"unibus/internal/bus"
)

// Sizes in bytes of what Seal adds to a plaintext: the encapsulated key of
// X-Wing and the tag of AES-256-GCM. A sealed 32-byte secret takes 1168.
const (
	kemEncapsulated = 1120
	KEMOverhead     = kemEncapsulated + 16
)

// KEMKey opens what was sealed to an endpoint: X-Wing (ML-KEM-768 and X25519)
// under HPKE (RFC 9180) with HKDF-SHA256 and AES-256-GCM, one shot, no
// additional data. The zero value is no key; all but IsZero panic on it.
type KEMKey struct {
	hidden
	key func() kemPrivate
}

type kemPrivate struct {
	seed   [32]byte
	opener hpke.PrivateKey
}

// NewKEMKey makes a fresh key.
func NewKEMKey() KEMKey { return KEMKeyFromSeed(random32()) }

// KEMKeyFromSeed makes the key of an X-Wing seed.
func KEMKeyFromSeed(seed [32]byte) KEMKey {
	opener, err := hpke.MLKEM768X25519().NewPrivateKey(seed[:])
	if err != nil {
		panic("identity: " + err.Error()) // any 32 bytes are a seed
	}
	return KEMKey{key: keep(kemPrivate{seed: seed, opener: opener})}
}

// IsZero reports whether k holds no key.
func (k KEMKey) IsZero() bool { return k.key == nil }

// Seed returns the 32 secret bytes from which the key can be made again.
func (k KEMKey) Seed() [32]byte { return k.key().seed }

// Public returns the half that others seal to.
func (k KEMKey) Public() KEMPublic { return KEMPublic(k.key().opener.PublicKey().Bytes()) }

// Open opens what Seal returned for the same info; an error of kind Integrity
// and code bad_envelope when it was made for another key or info, or changed.
func (k KEMKey) Open(info, enc []byte) ([]byte, error) {
	plain, err := hpke.Open(k.key().opener, hpke.HKDFSHA256(), hpke.AES256GCM(), info, enc)
	if err != nil {
		return nil, bus.Errorf(bus.Integrity, "bad_envelope", "a sealed key does not open").Because(err)
	}
	return plain, nil
}

// KEMPublic is the public half of a KEMKey, in the encoding of X-Wing.
type KEMPublic [1216]byte

// Seal seals plaintext to p: the encapsulated key, then the ciphertext,
// together KEMOverhead bytes longer than plaintext. info binds what it is for.
// An error of kind Invalid and code bad_key when p is no key.
func (p KEMPublic) Seal(info, plaintext []byte) ([]byte, error) {
	pub, err := hpke.MLKEM768X25519().NewPublicKey(p[:])
	if err != nil {
		return nil, errKEM.Because(err)
	}
	enc, err := hpke.Seal(pub, hpke.HKDFSHA256(), hpke.AES256GCM(), info, plaintext)
	if err != nil {
		return nil, errKEM.Because(err)
	}
	return enc, nil
}

var errKEM = bus.Errorf(bus.Invalid, "bad_key", "not a kem key")
