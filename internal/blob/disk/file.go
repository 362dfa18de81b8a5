package disk

import (
	"io"
	"os"
)

// file is what a Put needs of a new *os.File.
type file interface {
	io.WriteCloser
	Sync() error
	Name() string
}

// createTemp makes a new file that only its owner may read, 0600.
func createTemp(dir string) (file, error) { return os.CreateTemp(dir, tempPrefix+"*") }

// directory is one whose names can be made to survive a power cut.
type directory interface {
	Sync() error
	Close() error
}

// change runs a rename or removal in dir and makes it survive a power cut. The
// directory is opened first: without a free descriptor nothing is changed.
func (s *Store) change(dir string, do func() error) error {
	d, err := s.openDir(dir)
	if err != nil {
		return trouble(err)
	}
	defer d.Close()
	if err := do(); err != nil {
		return trouble(err)
	}
	if err := d.Sync(); err != nil {
		return s.fail(err)
	}
	return nil
}
