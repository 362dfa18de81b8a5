package profile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"unibus/internal/atomicfile"
	"unibus/internal/bus"
	"unibus/internal/identity"
)

// Create adds a context with its identity, sealed when passphrase is not nil.
// It stands there whole or not at all. One of that name is a Conflict, code
// context_exists, unless it is Pending: then it is replaced with all it holds.
func (h Home) Create(c Context, f *identity.File, passphrase []byte) error {
	raw, err := c.encode()
	if err != nil {
		return err
	}
	pending, err := h.free(c.Name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(h.contexts(), 0o700); err != nil {
		return homeError("make the client's folder", err)
	}
	dir, err := os.MkdirTemp(h.contexts(), tempPrefix+"*") // of mode 0700
	if err != nil {
		return homeError("make the context", err)
	}
	defer os.RemoveAll(dir)
	h.sweep(dir)
	if err := fill(dir, raw, f, passphrase); err != nil {
		return err
	}
	if pending {
		if err := h.clear(c.Name); err != nil {
			return err
		}
	}
	return h.install(dir, c.Name)
}

func fill(dir string, raw []byte, f *identity.File, passphrase []byte) error {
	if err := atomicfile.Replace(filepath.Join(dir, contextName), raw); err != nil {
		return homeError("make the context", err)
	}
	return identity.Save(filepath.Join(dir, identityName), f, passphrase)
}

// tempPrefix starts what is being made or removed: no name of a context does.
const tempPrefix = ".new-"

// free tells whether a context may be made under a name, and whether one that
// is Pending stands there.
func (h Home) free(name string) (pending bool, err error) {
	old, err := h.Context(name)
	switch {
	case bus.KindOf(err) == bus.NotFound:
		return false, nil
	case err != nil:
		return false, err
	case !old.Pending:
		return false, errExists(name)
	}
	return true, nil
}

func errExists(name string) error {
	return bus.Errorf(bus.Conflict, "context_exists", "there is a context %q already", name).
		WithHint("take another name, or remove it: unibus context rm %s", name)
}

// install gives a new context its name. A folder is never renamed onto one
// that holds something, so that of two processes only one wins.
func (h Home) install(dir, name string) error {
	err := os.Rename(dir, h.path(name, ""))
	if errors.Is(err, fs.ErrExist) {
		return errExists(name)
	}
	if err == nil {
		err = atomicfile.SyncDir(h.contexts())
	}
	if err != nil {
		return homeError("make the context", err)
	}
	return nil
}

// clear removes a context that was Pending just now. It looks once more after
// it took the name away: then nobody can confirm it any more, and one that was
// confirmed in between, which holds the only keys of an admin, goes back.
func (h Home) clear(name string) error {
	aside, err := h.putAside(name)
	if bus.KindOf(err) == bus.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(aside, name, contextName))
	if err != nil {
		return homeError("replace the context", err)
	}
	if c, err := parseContext(name, raw); err != nil || !c.Pending {
		_ = os.Rename(filepath.Join(aside, name), h.path(name, ""))
		_ = os.Remove(aside) // when it is empty
		return errExists(name)
	}
	return h.discard(aside)
}

// Remove deletes a context with its identity and all it knows. Nothing brings
// them back.
func (h Home) Remove(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	aside, err := h.putAside(name)
	if err != nil {
		return err
	}
	if err := h.discard(aside); err != nil {
		return err
	}
	if current, err := h.Current(); err != nil || current != name {
		return nil
	}
	if err := os.Remove(filepath.Join(h.dir, currentName)); err != nil {
		return homeError("forget the context in use", err)
	}
	return nil
}

// putAside moves a context into a folder of its own, which it returns: a
// context is never seen half removed.
func (h Home) putAside(name string) (aside string, err error) {
	aside, err = os.MkdirTemp(h.contexts(), tempPrefix+"*")
	if errors.Is(err, fs.ErrNotExist) {
		return "", noContext(name)
	}
	if err != nil {
		return "", homeError("remove the context", err)
	}
	err = os.Rename(h.path(name, ""), filepath.Join(aside, name))
	if err == nil {
		return aside, nil
	}
	_ = os.Remove(aside)
	if errors.Is(err, fs.ErrNotExist) {
		return "", noContext(name)
	}
	return "", homeError("remove the context", err)
}

func (h Home) discard(aside string) error {
	if err := errors.Join(os.RemoveAll(aside), atomicfile.SyncDir(h.contexts())); err != nil {
		return homeError("remove the context", err)
	}
	return nil
}

// strayAge is when what a crash left is surely nobody's work any more.
const strayAge = time.Hour

// sweep removes what crashed processes left: it may hold keys. Ages are
// measured against fresh, which was made just now, by the file system's clock.
func (h Home) sweep(fresh string) {
	now, err := os.Stat(fresh)
	if err != nil {
		return
	}
	dirs, err := os.ReadDir(h.contexts())
	if err != nil {
		return
	}
	for _, d := range dirs {
		info, err := d.Info()
		if err == nil && strings.HasPrefix(d.Name(), tempPrefix) && now.ModTime().Sub(info.ModTime()) > strayAge {
			_ = os.RemoveAll(filepath.Join(h.contexts(), d.Name()))
		}
	}
}
