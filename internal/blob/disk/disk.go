// Package disk keeps blobs as files of one directory.
//
// A blob is the file DIR/aa/aabbcc..., named by its id in hex below a
// directory of the first two digits; what is being written is in DIR/tmp. A
// blob is written there, synced, renamed to its place, and the directory
// synced, so that no crash and no power cut shows a part of one. Directories
// are 0700, files 0600; on a file system that keeps no modes the parent must
// guard them.
//
// One process may have a directory open at a time: opening removes what is in
// DIR/tmp. The package checks no rights and encrypts nothing.
package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"unibus/internal/blob"
	"unibus/internal/bus"
)

// Store is a blob.Store. It holds no open file between calls and needs no
// closing. After a sync that failed it takes no more writes, see Err.
type Store struct {
	dir    string
	parts  sync.Pool // *[partSize]byte, of Puts
	broken atomic.Pointer[bus.Error]

	// What tests make fail.
	create  func(dir string) (file, error)
	openDir func(path string) (directory, error)
}

// Open makes dir where it is missing, in a parent that exists, and removes what
// interrupted Puts left. Errors are blob.ErrStore and blob.ErrFull.
func Open(dir string) (*Store, error) {
	s := &Store{dir: filepath.Clean(dir), create: createTemp, openDir: openDir}
	s.parts.New = func() any { return new([partSize]byte) }
	if err := s.prepare(); err != nil {
		return nil, fmt.Errorf("open blob store: %w", trouble(err))
	}
	return s, nil
}

// prepare makes every directory at once, so that a Put has one to sync, and
// syncs also what it found: whoever made that may have been killed before.
func (s *Store) prepare() error {
	dirs := []string{s.dir, s.tmp()}
	for first := range 256 {
		dirs = append(dirs, filepath.Join(s.dir, fmt.Sprintf("%02x", first)))
	}
	for _, dir := range dirs {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return errors.Join(s.sync(s.dir), s.sync(filepath.Dir(s.dir)), s.sweep())
}

func (s *Store) sync(dir string) error {
	d, err := s.openDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// sweep removes temporary files, and nothing that does not look like one.
func (s *Store) sweep() error {
	left, err := os.ReadDir(s.tmp())
	for _, f := range left {
		if f.Type().IsRegular() && strings.HasPrefix(f.Name(), tempPrefix) {
			err = errors.Join(err, os.Remove(filepath.Join(s.tmp(), f.Name())))
		}
	}
	return err
}

func (s *Store) tmp() string { return filepath.Join(s.dir, "tmp") }

func (s *Store) path(id bus.Hash) string {
	name := id.String()
	return filepath.Join(s.dir, name[:2], name)
}

// Put is blob.Store's.
func (s *Store) Put(ctx context.Context, id bus.Hash, r io.Reader, size int64) error {
	if err := s.put(ctx, id, r, size); err != nil {
		return fmt.Errorf("put blob: %w", err)
	}
	return nil
}

func (s *Store) put(ctx context.Context, id bus.Hash, r io.Reader, size int64) error {
	if err := blob.CheckSize(size); err != nil {
		return err
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	t, err := s.newTemp()
	if err != nil {
		return err
	}
	defer t.discard()
	if err := t.fill(ctx, blob.Verify(r, id, size), size); err != nil {
		return err
	}
	return t.commit(ctx, s.path(id))
}

// Get is blob.Store's. A reader that is open keeps its blob, whatever happens
// to the name.
func (s *Store) Get(ctx context.Context, id bus.Hash) (io.ReadSeekCloser, int64, error) {
	f, info, err := s.open(ctx, id)
	if err != nil {
		return nil, 0, fmt.Errorf("get blob: %w", err)
	}
	return reader{f}, info.Size(), nil
}

func (s *Store) open(ctx context.Context, id bus.Hash) (*os.File, fs.FileInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	f, err := os.Open(s.path(id))
	if err != nil {
		return nil, nil, s.absent(id, err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, nil, trouble(err)
	}
	return f, info, nil
}

// Has is blob.Store's.
func (s *Store) Has(ctx context.Context, id bus.Hash) (bool, error) {
	f, _, err := s.open(ctx, id)
	switch {
	case errors.Is(err, bus.ErrNoBlob):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look for blob: %w", err)
	}
	f.Close()
	return true, nil
}

// absent tells a blob that is not there from a store that is not there, such
// as a volume that is no longer mounted: that one must not say "missing".
func (s *Store) absent(id bus.Hash, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return trouble(err)
	}
	if _, gone := os.Stat(filepath.Dir(s.path(id))); gone != nil {
		return trouble(gone)
	}
	return bus.ErrNoBlob
}

// Delete is blob.Store's.
func (s *Store) Delete(ctx context.Context, id bus.Hash) error {
	err := s.ready(ctx)
	if err == nil {
		err = s.remove(s.path(id))
	}
	if err != nil {
		return fmt.Errorf("delete blob: %w", err)
	}
	return nil
}

// remove syncs also when path is gone: who removed it may have been killed.
func (s *Store) remove(path string) error {
	return s.change(filepath.Dir(path), func() error {
		err := os.Remove(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}
