package identity

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"unibus/internal/atomicfile"
	"unibus/internal/bus"
)

// Save writes f to path, of mode 0600, sealed when passphrase is not nil. It
// is atomic: after a crash the old file stands there or the new one, whole. A
// symlink at path is replaced, not followed.
func Save(path string, f *File, passphrase []byte) error {
	raw, err := Marshal(f, passphrase)
	if err != nil {
		return err
	}
	if err := atomicfile.Replace(path, raw); err != nil {
		return fmt.Errorf("save identity: %w", err)
	}
	return nil
}

// Load reads the identity at path; passphrase as in Parse. Errors by code:
//
//	identity_missing  NotFound         no file there
//	identity_mode     Unsafe           others can read or write it, or it is a symlink or no regular file
//	identity_locked   Unauthenticated  sealed, and the passphrase is wrong or cannot be asked for
//	identity_bad      Integrity        damaged, of another version, or not an identity
func Load(path string, passphrase func() ([]byte, error)) (*File, error) {
	f, _, err := Open(path, byPassphrase(passphrase))
	return f, err
}

// Open is Load for who may have kept the key of the seal. It also returns what
// opened the file, its key included; nothing for a plain one.
func Open(path string, secret func() (Secret, error)) (f *File, with Secret, err error) {
	raw, err := readPrivate(path)
	if err != nil {
		return nil, with, err
	}
	return parse(raw, secret)
}

// maxSealed is what an identity of maxFile bytes takes in age's armor, and some room.
const maxSealed = 2 * maxFile

// readPrivate reads a file that only its owner can read. The name is checked
// first, for the reason in the error; what counts is the file that was opened.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, openError(err)
	}
	if err := private(info); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, openError(err)
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return nil, openError(err)
	}
	if err := private(info); err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxSealed+1))
	if err != nil {
		return nil, openError(err)
	}
	if len(raw) > maxSealed {
		return nil, badFile("it is too large")
	}
	return raw, nil
}

// private refuses what somebody else could read, write or exchange.
func private(info fs.FileInfo) error {
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		return errMode("is a symlink")
	case !mode.IsRegular():
		return errMode("is not a regular file")
	case atomicfile.UnixModes && mode.Perm()&0o077 != 0:
		return errMode("can be read or changed by others")
	}
	return nil
}

func errMode(why string) error {
	return bus.Errorf(bus.Unsafe, "identity_mode", "the identity file %s", why).
		WithHint("make it a regular file of mode 0600; if others may have read it, have this endpoint revoked")
}

func openError(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return bus.Errorf(bus.NotFound, "identity_missing", "there is no identity here").
			WithHint("'unibus join' or 'unibus identity new' makes one").Because(err)
	}
	return fmt.Errorf("read identity: %w", err)
}
