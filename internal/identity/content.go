package identity

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"

	"unibus/internal/bus"
)

// Context says what an Ed25519ctx signature is about (RFC 8032, section 5.1):
// 1 to 255 bytes. A signature made under one context holds under no other,
// and never as a plain Ed25519 signature.
type Context string

// The contexts of version 1.
const (
	ContextBus     Context = "unibus/1 bus"      // entries of the bus log
	ContextAccount Context = "unibus/1 account"  // entries of an account chain
	ContextRoom    Context = "unibus/1 room"     // entries of a room log
	ContextFrame   Context = "unibus/1 frame"    // frames
	ContextKeyLine Context = "unibus/1 key line" // the line of `identity new`
)

// valid keeps the empty context out, which would mean plain Ed25519.
func (c Context) valid() bool { return len(c) > 0 && len(c) <= 255 }

// SignatureSize is the size of every signature in bytes.
const SignatureSize = ed25519.SignatureSize

// SigningKey is an Ed25519 key that signs under a context only: content,
// account, organisation and one-time content keys. The zero value is no key;
// all but IsZero panic on it.
type SigningKey struct {
	hidden
	key func() ed25519.PrivateKey
}

// NewSigningKey makes a fresh key.
func NewSigningKey() SigningKey { return SigningKeyFromSeed(random32()) }

// SigningKeyFromSeed makes the key of an RFC 8032 seed.
func SigningKeyFromSeed(seed [32]byte) SigningKey {
	key := ed25519.NewKeyFromSeed(seed[:])
	return SigningKey{key: keep(key)}
}

// IsZero reports whether k holds no key.
func (k SigningKey) IsZero() bool { return k.key == nil }

// Seed returns the 32 secret bytes from which the key can be made again.
func (k SigningKey) Seed() [32]byte { return [32]byte(k.key().Seed()) }

// Public returns the half that others may know.
func (k SigningKey) Public() VerifyKey { return VerifyKey(k.key()[32:]) }

// Sign signs msg under ctx. It panics on a context that is empty or too long:
// contexts are constants of the code.
func (k SigningKey) Sign(ctx Context, msg []byte) []byte {
	if !ctx.valid() {
		panic("identity: bad signature context")
	}
	sig, err := k.key().Sign(nil, msg, &ed25519.Options{Context: string(ctx)})
	if err != nil {
		panic("identity: " + err.Error()) // only for contexts that valid refuses
	}
	return sig
}

// VerifyKey is the public half of a SigningKey.
type VerifyKey [32]byte

// Verify reports whether sig is k's signature over msg under ctx. A key of
// small order verifies nothing.
func (k VerifyKey) Verify(ctx Context, msg, sig []byte) bool {
	if !ctx.valid() || len(sig) != SignatureSize || weakPoint(k) {
		return false
	}
	return ed25519.VerifyWithOptions(k[:], msg, sig, &ed25519.Options{Context: string(ctx)}) == nil
}

// Hash is SHA-256 over the 32 bytes of k, as links carry it of the organisation key.
func (k VerifyKey) Hash() bus.Hash { return sha256.Sum256(k[:]) }

func (k VerifyKey) String() string { return hex.EncodeToString(k[:]) }

// MarshalText writes 64 lower-case hex digits.
func (k VerifyKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads 64 lower-case hex digits and nothing else.
func (k *VerifyKey) UnmarshalText(b []byte) error {
	var got VerifyKey
	if len(b) != 64 {
		return errKey
	}
	if _, err := hex.Decode(got[:], b); err != nil || got.String() != string(b) {
		return errKey
	}
	*k = got
	return nil
}

var errKey = bus.Errorf(bus.Invalid, "bad_key", "not a public key: want 64 hex digits")

// random32 returns 32 bytes that nobody else knows; crypto/rand never fails.
func random32() (b [32]byte) {
	_, _ = rand.Read(b[:])
	return b
}
