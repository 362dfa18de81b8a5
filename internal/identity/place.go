package identity

import (
	"errors"
	"fmt"

	"unibus/internal/atomicfile"
	"unibus/internal/bus"
)

// Place is where an identity is kept, and how it is opened. Its methods may be
// called by many processes at once; they take turns, and none undoes what
// another one did.
type Place struct {
	Path       string
	Passphrase func() ([]byte, error) // as in Parse
}

// Update hands the identity as it is kept now to change, and keeps it as it was
// kept, plain or under its passphrase, when change says that it changed it. It is
// on disk when Update returns nil. Errors are those of Load and Save, that of
// change, and
//
//	identity_busy  Unavailable  other processes did not let go of it within 10 s
func (p Place) Update(change func(*File) (changed bool, err error)) error {
	return p.locked(func() error {
		f, passphrase, err := p.load()
		if err != nil {
			return err
		}
		if changed, err := change(f); err != nil || !changed {
			return err
		}
		return Save(p.Path, f, passphrase)
	})
}

// Reseal keeps the identity under another passphrase from now on, plain when it
// is nil. Errors are those of Update.
func (p Place) Reseal(passphrase []byte) error {
	return p.locked(func() error {
		f, _, err := p.load()
		if err != nil {
			return err
		}
		return Save(p.Path, f, passphrase)
	})
}

// load reads the identity, and returns the passphrase that opened it; nil when
// it is plain.
func (p Place) load() (f *File, passphrase []byte, err error) {
	f, err = Load(p.Path, func() (_ []byte, err error) {
		passphrase, err = p.Passphrase()
		return passphrase, err
	})
	return f, passphrase, err
}

// lockSuffix makes the name of the lock of an identity file, which holds nothing.
const lockSuffix = ".lock"

func (p Place) locked(do func() error) error {
	unlock, err := atomicfile.Lock(p.Path + lockSuffix)
	if errors.Is(err, atomicfile.ErrLocked) {
		return bus.Errorf(bus.Unavailable, "identity_busy", "another process is changing the identity file").WithHint("try again")
	}
	if err != nil {
		return fmt.Errorf("lock the identity file: %w", err)
	}
	defer unlock()
	atomicfile.Sweep(p.Path) // keys that were replaced long ago must not lie about
	return do()
}
