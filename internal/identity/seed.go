package identity

import (
	"crypto/hkdf"
	"crypto/sha256"
)

// Seed is the 32 bytes behind a user's 24 words. The account key and the
// recovery kem key are two independent outputs of it.
type Seed struct {
	hidden
	b func() [32]byte
}

// NewSeed makes a fresh seed.
func NewSeed() Seed { return SeedFrom(random32()) }

// SeedFrom takes the bytes of a seed that was kept elsewhere.
func SeedFrom(b [32]byte) Seed { return Seed{b: keep(b)} }

// IsZero reports whether s holds no seed; Bytes, Account and Recovery panic then.
func (s Seed) IsZero() bool { return s.b == nil }

// Bytes returns the secret bytes.
func (s Seed) Bytes() [32]byte { return s.b() }

// Account derives the account key.
func (s Seed) Account() SigningKey { return SigningKeyFromSeed(derive(s.b(), "unibus/1 account key")) }

// Recovery derives the kem key of the recovery endpoint.
func (s Seed) Recovery() KEMKey { return KEMKeyFromSeed(derive(s.b(), "unibus/1 recovery kem")) }

// OneTime is what the seed in an invite, founding or device link stands for:
// keys whose public halves the bus knows until somebody takes the link up.
type OneTime struct {
	Content   SigningKey
	Transport TransportKey
	KEM       KEMKey
}

// OneTimeKeys derives the keys of a link.
func OneTimeKeys(seed [32]byte) OneTime {
	return OneTime{
		Content:   SigningKeyFromSeed(derive(seed, "unibus/1 one-time content")),
		Transport: TransportKeyFromSeed(derive(seed, "unibus/1 one-time transport")),
		KEM:       KEMKeyFromSeed(derive(seed, "unibus/1 one-time kem")),
	}
}

// derive is HKDF-SHA256 (RFC 5869) without salt.
func derive(secret [32]byte, info string) [32]byte {
	out, err := hkdf.Key(sha256.New, secret[:], nil, info, 32)
	if err != nil {
		panic("identity: " + err.Error()) // 32 bytes of SHA-256 cannot be too much
	}
	return [32]byte(out)
}
