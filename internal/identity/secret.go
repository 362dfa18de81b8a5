package identity

import "bytes"

// Secret opens a sealed identity: its passphrase, and the file key (age v1) of
// one seal, which a passphrase costs half a second to find. Who keeps the key
// opens that very file at once, and with the passphrase what was sealed anew
// since. Both are as secret as the identity. The zero Secret opens nothing. It may
// be read by many goroutines until one wipes it.
type Secret struct {
	hidden
	passphrase, key func() []byte
}

// NewSecret keeps the slices that it is given, not copies of them; key may be nil.
func NewSecret(passphrase, key []byte) Secret {
	return Secret{passphrase: keep(passphrase), key: keep(key)}
}

// Passphrase returns the bytes that are kept; nil where none was needed.
func (s Secret) Passphrase() []byte { return held(s.passphrase) }

// Key returns the 16 bytes that open the seal, as they are kept; nil where they are
// not known.
func (s Secret) Key() []byte { return held(s.key) }

func held(f func() []byte) []byte {
	if f == nil {
		return nil
	}
	return f()
}

// Clone is a Secret with bytes of its own.
func (s Secret) Clone() Secret {
	return NewSecret(bytes.Clone(s.Passphrase()), bytes.Clone(s.Key()))
}

// Wipe overwrites the bytes; every copy of s that Clone did not make holds zeros
// then.
func (s Secret) Wipe() {
	clear(s.Passphrase())
	clear(s.Key())
}
