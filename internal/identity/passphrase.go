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
	if bytes.HasPrefix(raw, []byte(armor.Header)) {
		if passphrase == nil {
			return nil, errLocked
		}
		secret, err := passphrase()
		if err != nil {
			return nil, fmt.Errorf("ask for the passphrase: %w", err)
		}
		if raw, err = unlock(raw, secret); err != nil {
			return nil, err
		}
	}
	if len(raw) > maxFile {
		return nil, badFile("it is too large")
	}
	return decode(raw)
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

func unlock(sealed, passphrase []byte) ([]byte, error) {
	if len(passphrase) == 0 {
		return nil, errPassphrase
	}
	from, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return nil, errPassphrase
	}
	from.SetMaxWorkFactor(scryptWork)
	r, err := age.Decrypt(armor.NewReader(bytes.NewReader(sealed)), from)
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

var (
	errLocked = bus.Errorf(bus.Unauthenticated, "identity_locked", "the identity is sealed with a passphrase").
			WithHint("give it with UNIBUS_PASSPHRASE_FILE, or run 'unibus identity unlock' on a terminal")
	errPassphrase = bus.Errorf(bus.Unauthenticated, "identity_locked", "the passphrase does not open the identity").
			WithHint("type it again, or correct the file that UNIBUS_PASSPHRASE_FILE names")
)
