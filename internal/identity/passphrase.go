package identity

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
	"filippo.io/age/armor"

	"unibus/internal/bus"
)

// scryptWork is the work factor (log2 of N) of a sealed identity: 256 MiB of
// memory and about half a second. It is also the most that is accepted, since
// a hostile file could name one that takes all memory.
const scryptWork = 18

// Marshal returns the bytes of an identity file: plain JSON when passphrase is
// nil, else an armored age file that it opens. An empty passphrase that is not
// nil is refused, so that a lost one never means plain.
func Marshal(f *File, passphrase []byte) ([]byte, error) { return marshal(f, passphrase, scryptWork) }

func marshal(f *File, passphrase []byte, work int) ([]byte, error) {
	raw, err := encode(f)
	if err != nil || passphrase == nil {
		return raw, err
	}
	if len(passphrase) == 0 {
		return nil, bus.Errorf(bus.Invalid, "no_passphrase", "the passphrase is empty").WithHint("type one, or use --no-passphrase")
	}
	sealed, err := lock(raw, passphrase, work)
	if err != nil {
		return nil, fmt.Errorf("seal identity: %w", err)
	}
	return sealed, nil
}

// Parse reads what Marshal wrote. passphrase is asked once, and only for a
// sealed file; nil means that nobody can be asked. Errors are those of Load.
func Parse(raw []byte, passphrase func() ([]byte, error)) (*File, error) {
	f, _, err := parse(raw, byPassphrase(passphrase))
	return f, err
}

// byPassphrase is the secret of somebody who has kept no key.
func byPassphrase(passphrase func() ([]byte, error)) func() (Secret, error) {
	if passphrase == nil {
		return nil
	}
	return func() (Secret, error) {
		typed, err := passphrase()
		return NewSecret(typed, nil), err
	}
}

// parse also returns what opened the file, with the key of its seal; nothing for
// a plain one.
func parse(raw []byte, secret func() (Secret, error)) (f *File, with Secret, err error) {
	if bytes.HasPrefix(raw, []byte(armor.Header)) {
		if secret == nil {
			return nil, with, errLocked
		}
		if with, err = secret(); err != nil {
			return nil, with, fmt.Errorf("open the identity: %w", err)
		}
		if raw, with, err = unlock(raw, with); err != nil {
			return nil, with, err
		}
	}
	if len(raw) > maxFile {
		return nil, with, badFile("it is too large")
	}
	f, err = decode(raw)
	return f, with, err
}

func lock(plain, passphrase []byte, work int) ([]byte, error) {
	to, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return nil, err
	}
	to.SetWorkFactor(work)
	var out bytes.Buffer
	text := armor.NewWriter(&out)
	w, err := age.Encrypt(text, to)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := errors.Join(w.Close(), text.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// unlock opens a seal and returns what was in it, and what opens it at once. A
// key that was kept is tried first; one of an older seal fails, and the
// passphrase decides.
func unlock(sealed []byte, with Secret) (plain []byte, _ Secret, err error) {
	if len(with.Key()) > 0 {
		if plain, err := unseal(sealed, fileKey(with.Key())); err == nil {
			return plain, with, nil
		}
	}
	if len(with.Passphrase()) == 0 {
		return nil, with, errPassphrase
	}
	from, err := age.NewScryptIdentity(string(with.Passphrase()))
	if err != nil {
		return nil, with, errPassphrase
	}
	from.SetMaxWorkFactor(scryptWork)
	keeps := &keeper{from: from}
	plain, err = unseal(sealed, keeps)
	return plain, NewSecret(with.Passphrase(), keeps.key), err
}

func unseal(sealed []byte, by age.Identity) ([]byte, error) {
	r, err := age.Decrypt(armor.NewReader(bytes.NewReader(sealed)), by)
	var wrong *age.NoIdentityMatchError
	switch {
	case errors.As(err, &wrong):
		return nil, errPassphrase
	case err != nil:
		return nil, badFile("its seal is damaged or of an unknown form").Because(err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, badFile("its seal is damaged").Because(err)
	}
	return plain, nil
}

// fileKey opens the one file that it is the key of: the MAC of every other
// header refuses it.
type fileKey []byte

// Unwrap is of age.Identity.
func (k fileKey) Unwrap([]*age.Stanza) ([]byte, error) { return k, nil }

// keeper remembers the key that a passphrase found.
type keeper struct {
	from *age.ScryptIdentity
	key  []byte
}

// Unwrap is of age.Identity.
func (k *keeper) Unwrap(stanzas []*age.Stanza) (key []byte, err error) {
	key, err = k.from.Unwrap(stanzas)
	k.key = bytes.Clone(key)
	return key, err
}

var (
	errLocked = bus.Errorf(bus.Unauthenticated, "identity_locked", "the identity is sealed with a passphrase").
			WithHint("give it with UNIBUS_PASSPHRASE_FILE, or run 'unibus identity unlock' on a terminal")
	errPassphrase = bus.Errorf(bus.Unauthenticated, "identity_locked", "the passphrase does not open the identity").
			WithHint("type it again")
)
