package seal

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"

	"unibus/internal/bus"
)

// SecretSize is the size of an epoch secret in bytes.
const SecretSize = 32

// Secret is the secret of one epoch: 32 random bytes that follow from nothing
// else, so that whoever has one learns nothing of the epochs before and after.
// The zero value is no secret; all methods but IsZero panic on it.
type Secret struct{ hidden }

// NewSecret makes the secret of a new epoch.
func NewSecret() Secret {
	var b [SecretSize]byte
	_, _ = rand.Read(b[:]) // never fails
	return Secret{hide(b)}
}

// SecretFrom takes the bytes of a secret that was stored. An error of kind
// Invalid and code bad_key for any other size.
func SecretFrom(b []byte) (Secret, error) {
	if len(b) != SecretSize {
		return Secret{}, bus.Errorf(bus.Invalid, "bad_key", "an epoch secret has %d bytes", SecretSize)
	}
	return Secret{hide([SecretSize]byte(b))}, nil
}

// Confirm returns the tag that stands in the entry which starts the epoch:
// HMAC-SHA256 over fields, which are the entry's other fields. Whoever opened
// an envelope sees by it at once whether everybody else got the same secret.
func (s Secret) Confirm(fields []byte) bus.Hash {
	mac := hmac.New(sha256.New, expand(s.reveal()[:], []byte("unibus/1 confirm"), sha256.Size))
	mac.Write(fields)
	return bus.Hash(mac.Sum(nil))
}

// Confirmed reports whether tag is the Confirm of fields, in constant time.
func (s Secret) Confirmed(fields []byte, tag bus.Hash) bool {
	want := s.Confirm(fields)
	return hmac.Equal(want[:], tag[:])
}
