package profile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"unibus/internal/atomicfile"
	"unibus/internal/bus"
)

// Home is the folder of one person's client. Its methods may be called by many
// goroutines and processes at once.
type Home struct{ dir string }

// At names the home in dir, which need not exist before the first context does.
func At(dir string) Home { return Home{dir: dir} }

// Names inside a home.
const (
	currentName  = "current"
	contextsName = "contexts"
	contextName  = "context.json"
	identityName = "identity"
	databaseName = "profile.db"
)

// checkName keeps a name to one path element that no system reads otherwise:
// what a handle may be, [a-z0-9][a-z0-9._-]{0,31}.
func checkName(name string) error {
	if h, err := bus.ParseHandle(name); err == nil && string(h) == name {
		return nil
	}
	return bus.Errorf(bus.Invalid, "bad_context_name",
		"%.40q is not a name for a context: use 1 to %d of a-z 0-9 . _ -, starting with a letter or digit", name, bus.MaxHandle)
}

func (h Home) contexts() string { return filepath.Join(h.dir, contextsName) }

// path is where a file of a context stands. The name was checked.
func (h Home) path(name, file string) string { return filepath.Join(h.contexts(), name, file) }

// IdentityPath is where the identity of a context stands, whether it is there
// or not; "" for what is no name.
func (h Home) IdentityPath(name string) string {
	if checkName(name) != nil {
		return ""
	}
	return h.path(name, identityName)
}

// Current returns the name of the context in use; NotFound, code no_context,
// where none was chosen. It may have been removed since.
func (h Home) Current() (string, error) {
	raw, err := os.ReadFile(filepath.Join(h.dir, currentName))
	if errors.Is(err, fs.ErrNotExist) {
		return "", bus.Errorf(bus.NotFound, "no_context", "no bus is in use here").WithHint(hintNoContext)
	}
	if err != nil {
		return "", homeError("read which context is in use", err)
	}
	name := string(bytes.TrimSuffix(raw, []byte("\n")))
	return name, checkName(name)
}

// Use makes an existing context the one in use.
func (h Home) Use(name string) error {
	if _, err := h.Context(name); err != nil {
		return err
	}
	if err := atomicfile.Replace(filepath.Join(h.dir, currentName), []byte(name+"\n")); err != nil {
		return homeError("remember which context is in use", err)
	}
	return nil
}

const hintNoContext = "'unibus serve' starts one, 'unibus join LINK' joins one"

func noContext(name string) error {
	return bus.Errorf(bus.NotFound, "no_context", "there is no context %q", name).WithHint("see: unibus context list")
}

// homeError tells a person of a file system that does not do its part.
func homeError(doing string, err error) error {
	return bus.Errorf(bus.Failed, "home", "cannot %s", doing).
		WithHint("check the owner, the mode and the free space of the client's folder").Because(err)
}
