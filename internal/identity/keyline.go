package identity

import (
	"encoding/base64"
	"strings"

	"unibus/internal/bus"
)

// KeyLine is the public half of a fresh identity, which a person sends to an
// admin before the bus knows him. Its text is
//
//	unibus-key:<base64url, no padding, of the bytes below>
//	version 1 | algorithm 1 | flags 1 | C 32 | T 32 | A 32 |
//	K 1216 if flag 1 | R 1216 if flag 2 | signature by C 64 | signature by A 64
//
// Both signatures are over all bytes before them, under ContextKeyLine: they
// prove that C and A belong together and that one person holds both. T cannot
// sign such a thing; it is proved by the first request that it signs, so a bus
// must refuse a T that it knows already. The line names no bus: it is made
// before one is known, and says nothing that another bus could misuse.
type KeyLine struct {
	Content   VerifyKey   // C
	Transport TransportID // T
	Account   VerifyKey   // A
	KEM       *KEMPublic  // K, nil when left out
	Recovery  *KEMPublic  // R, nil without a recovery endpoint
}

const (
	keyLineScheme    = "unibus-key:"
	keyLineVersion   = 1
	keyLineAlgorithm = 1 // Ed25519ctx, X-Wing
	keyLineFixed     = 3 + 3*32
	keyLineSigs      = 2 * SignatureSize
	flagKEM          = 1
	flagRecovery     = 2
	maxKeyLine       = keyLineFixed + 2*len(KEMPublic{}) + keyLineSigs
)

// NewKeyLine returns the line of the keys: 314 characters, 1,935 with one of
// kem and recovery, 3,557 with both. nil leaves one out.
func NewKeyLine(content SigningKey, transport TransportID, account SigningKey, kem, recovery *KEMPublic) string {
	b := []byte{keyLineVersion, keyLineAlgorithm, 0}
	c, a := content.Public(), account.Public()
	b = append(b, c[:]...)
	b = append(b, transport[:]...)
	b = append(b, a[:]...)
	if kem != nil {
		b[2] |= flagKEM
		b = append(b, kem[:]...)
	}
	if recovery != nil {
		b[2] |= flagRecovery
		b = append(b, recovery[:]...)
	}
	byContent, byAccount := content.Sign(ContextKeyLine, b), account.Sign(ContextKeyLine, b)
	b = append(append(b, byContent...), byAccount...)
	return keyLineScheme + base64.RawURLEncoding.EncodeToString(b)
}

// ParseKeyLine reads exactly what NewKeyLine writes, and checks both
// signatures and the kem keys. An error of kind Invalid and code bad_key_line
// when it is no such line; of kind Integrity and code forged_key_line when a
// signature does not hold.
func ParseKeyLine(s string) (KeyLine, error) {
	body, ok := strings.CutPrefix(s, keyLineScheme)
	if !ok || len(body) > base64.RawURLEncoding.EncodedLen(maxKeyLine) {
		return KeyLine{}, errKeyLine
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil || base64.RawURLEncoding.EncodeToString(b) != body {
		return KeyLine{}, errKeyLine
	}
	k, signed, err := parseKeyLineBytes(b)
	if err != nil {
		return KeyLine{}, err
	}
	sigs := b[signed:]
	if !k.Content.Verify(ContextKeyLine, b[:signed], sigs[:SignatureSize]) ||
		!k.Account.Verify(ContextKeyLine, b[:signed], sigs[SignatureSize:]) {
		return KeyLine{}, bus.Errorf(bus.Integrity, "forged_key_line", "the signatures in this key line do not hold").
			WithHint("ask for the line again, and compare the fingerprint")
	}
	return k, nil
}

var errKeyLine = bus.Errorf(bus.Invalid, "bad_key_line", "not a whole unibus-key line").
	WithHint("'unibus identity new' prints one")

// parseKeyLineBytes reads the keys and tells how many bytes are signed.
func parseKeyLineBytes(b []byte) (k KeyLine, signed int, err error) {
	if len(b) < keyLineFixed+keyLineSigs || b[0] != keyLineVersion || b[1] != keyLineAlgorithm ||
		b[2] > flagKEM|flagRecovery {
		return k, 0, errKeyLine
	}
	signed = len(b) - keyLineSigs
	flags, rest := b[2], b[3:signed]
	rest = rest[copy(k.Content[:], rest):]
	rest = rest[copy(k.Transport[:], rest):]
	rest = rest[copy(k.Account[:], rest):]
	if k.KEM, rest, err = takeKEM(flags&flagKEM != 0, rest); err != nil {
		return k, 0, err
	}
	if k.Recovery, rest, err = takeKEM(flags&flagRecovery != 0, rest); err != nil {
		return k, 0, err
	}
	if len(rest) != 0 || !k.distinct() || weakPoint(k.Transport) {
		return k, 0, errKeyLine
	}
	return k, signed, nil
}

// distinct reports whether no key does two jobs.
func (k KeyLine) distinct() bool {
	t := VerifyKey(k.Transport)
	return k.Content != k.Account && t != k.Content && t != k.Account
}

// takeKEM reads a kem key when the line has one.
func takeKEM(present bool, b []byte) (*KEMPublic, []byte, error) {
	if !present {
		return nil, b, nil
	}
	if len(b) < len(KEMPublic{}) {
		return nil, nil, errKeyLine
	}
	k := KEMPublic(b[:len(KEMPublic{})])
	if !k.Valid() {
		return nil, nil, errKeyLine
	}
	return &k, b[len(k):], nil
}
