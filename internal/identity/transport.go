package identity

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"

	"github.com/nats-io/nkeys"

	"unibus/internal/bus"
)

// TransportKey is the Ed25519 key of an endpoint's connections. It signs
// RFC 9421 signature bases and NATS nonces, and nothing else: a server that
// chooses what it signs could otherwise collect signatures over requests to
// other servers. The zero value is no key; all but IsZero panic on it.
type TransportKey struct {
	hidden
	key func() ed25519.PrivateKey
}

// NewTransportKey makes a fresh key.
func NewTransportKey() TransportKey { return TransportKeyFromSeed(random32()) }

// TransportKeyFromSeed makes the key of an RFC 8032 seed.
func TransportKeyFromSeed(seed [32]byte) TransportKey {
	key := ed25519.NewKeyFromSeed(seed[:])
	return TransportKey{key: keep(key)}
}

// IsZero reports whether k holds no key.
func (k TransportKey) IsZero() bool { return k.key == nil }

// Seed returns the 32 secret bytes from which the key can be made again.
func (k TransportKey) Seed() [32]byte { return [32]byte(k.key().Seed()) }

// Public returns the half that others may know.
func (k TransportKey) Public() TransportID { return TransportID(k.key()[32:]) }

var (
	errNotABase = bus.Errorf(bus.Integrity, "not_a_base", "refused to sign: not the signature base of a request")
	errNonce    = bus.Errorf(bus.Integrity, "hostile_nonce",
		"refused to sign what the server sent as its nonce: it is none").
		WithHint("somebody else may answer at this address; tell an admin of the bus")
)

// SignBase signs the RFC 9421 signature base of a request; an error of code
// not_a_base when base is none. A base holds quotes and newlines, so that no
// nonce is a base and no base a nonce.
func (k TransportKey) SignBase(base []byte) ([]byte, error) {
	if !bytes.HasPrefix(base, []byte(`"@method": `)) || !bytes.Contains(base, []byte("\n\"@signature-params\": ")) {
		return nil, errNotABase
	}
	return ed25519.Sign(k.key(), base), nil
}

// SignNonce signs the nonce of a NATS server: 11 to 64 characters of the
// base64url alphabet; an error of code hostile_nonce for anything else. It has
// the shape that nats.go wants of a signature callback.
func (k TransportKey) SignNonce(nonce []byte) ([]byte, error) {
	if !validNonce(nonce) {
		return nil, errNonce
	}
	return ed25519.Sign(k.key(), nonce), nil
}

func validNonce(nonce []byte) bool {
	for _, c := range nonce {
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && c != '-' && c != '_' {
			return false
		}
	}
	return len(nonce) >= 11 && len(nonce) <= 64
}

// TransportID is the public half of a TransportKey. Its hex is the key of the
// allowlist, its nkey form the user name on NATS.
type TransportID [32]byte

// Verify reports whether sig is a plain Ed25519 signature of id over msg.
func (id TransportID) Verify(msg, sig []byte) bool {
	return len(sig) == SignatureSize && !weakPoint(id) && ed25519.Verify(id[:], msg, sig)
}

func (id TransportID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText writes 64 lower-case hex digits.
func (id TransportID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what ParseTransportID reads.
func (id *TransportID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseTransportID(string(b))
	return err
}

// ParseTransportID reads 64 hex digits of either case.
func ParseTransportID(s string) (id TransportID, err error) {
	if len(s) != 64 {
		return id, errKey
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		return id, errKey
	}
	return TransportID(b), nil
}

// Nkey returns the NATS form: 56 characters that start with U.
func (id TransportID) Nkey() string {
	s, err := nkeys.Encode(nkeys.PrefixByteUser, id[:])
	if err != nil {
		panic("identity: " + err.Error()) // 32 bytes and a known prefix cannot fail
	}
	return string(s)
}

// TransportIDFromNkey reads the NATS form of a user key, and of no other kind.
func TransportIDFromNkey(s string) (id TransportID, err error) {
	raw, err := nkeys.Decode(nkeys.PrefixByteUser, []byte(s))
	if err != nil || len(raw) != len(id) || TransportID(raw).Nkey() != s {
		return id, bus.Errorf(bus.Invalid, "bad_key", "not the nkey of a user")
	}
	return TransportID(raw), nil
}
