package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"unibus/internal/atomicfile"
	"unibus/internal/bus"
)

// dir is the node's directory while this process has it, and no other:
//
//	lock                 held while a node runs
//	node.json            see state
//	tls/                 key.pem, and cert.pem and ca.pem of the bus; temporary-*.pem before the founding
//	store.key            key of messages/, unless it is kept elsewhere
//	membership/          chains, envelopes, blob rows
//	messages/            the streams of the data plane
//	blobs/               pieces of files
//	nonces               of requests made within the last minutes
//	admin.link           the founding link, until it is used
type dir struct {
	path string
	lock *os.File
}

func (d *dir) file(names ...string) string {
	return filepath.Join(append([]string{d.path}, names...)...)
}

func (d *dir) stateFile() string { return d.file("node.json") }
func (d *dir) linkFile() string  { return d.file("admin.link") }

// openDir makes the directory and what is below it where it is missing, and
// locks it.
func openDir(path string) (*dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, unusable(path, err)
	}
	d := &dir{path: path}
	if err := d.narrow(); err != nil {
		return nil, err
	}
	if err := d.take(); err != nil {
		return nil, err
	}
	if err := os.Mkdir(d.file("tls"), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		d.release()
		return nil, unusable(path, err)
	}
	return d, nil
}

// narrow takes the directory from others if it is empty or a node's.
func (d *dir) narrow() error {
	open, err := d.open()
	if err != nil || !open {
		return err
	}
	if err := os.Chmod(d.path, 0o700); err != nil {
		return unusable(d.path, err)
	}
	return nil
}

// open reports whether others can look into the directory. That is an error
// when it may be somebody's home, whose mode is not ours to change.
func (d *dir) open() (bool, error) {
	info, err := os.Stat(d.path)
	if err != nil {
		return false, unusable(d.path, err)
	}
	if !atomicfile.UnixModes || info.Mode().Perm()&0o077 == 0 {
		return false, nil
	}
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return false, unusable(d.path, err)
	}
	if len(entries) > 0 && !exists(d.file("lock")) {
		return true, bus.Errorf(bus.Unsafe, "data_mode", "--data: others can look into %s", d.path).
			WithHint("chmod 700 it, or name a directory for the node alone")
	}
	return true, nil
}

// take locks the directory: two processes that write the same stores would
// destroy them.
func (d *dir) take() error {
	f, err := os.OpenFile(d.file("lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return unusable(d.path, err)
	}
	taken, err := atomicfile.TryLock(f)
	if taken {
		d.lock = f
		return nil
	}
	f.Close()
	if err == nil {
		return bus.Errorf(bus.Conflict, "data_in_use", "--data: a node is running in %s already", d.path).
			WithHint("stop that node, or name another directory")
	}
	return unusable(d.path, err)
}

// release lets others have the directory.
func (d *dir) release() error { return d.lock.Close() }

// creatable finds out whether openDir could make path or use it as it is, and
// leaves nothing.
func creatable(path string) error {
	parent := path
	for !exists(parent) && parent != filepath.Dir(parent) {
		parent = filepath.Dir(parent)
	}
	probe, err := os.MkdirTemp(parent, ".unibus-check-*")
	if err == nil {
		err = os.Remove(probe)
	}
	if err != nil {
		return unusable(path, err)
	}
	if parent == path {
		_, err = (&dir{path: path}).open()
	}
	return err
}

// unusable says why a directory cannot be the node's. It is told to whoever
// named the directory, so that it may say which it is.
func unusable(path string, err error) error {
	cause := err
	var at *os.PathError
	if errors.As(err, &at) {
		cause = at.Err
	}
	return bus.Errorf(bus.Unsafe, "data_unusable", "--data: cannot use %s: %s", path, cause).
		WithHint("name a directory that this user can write to").Because(fmt.Errorf("open data directory: %w", err))
}
