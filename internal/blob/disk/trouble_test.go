package disk

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"unibus/internal/blob"
	"unibus/internal/bus"
)

// badFile is a real temporary file on which one call fails.
type badFile struct {
	file
	write, sync, close error
}

func (f badFile) Write(p []byte) (int, error) {
	if f.write != nil {
		n, _ := f.file.Write(p[:len(p)/2])
		return n, f.write
	}
	return f.file.Write(p)
}

func (f badFile) Sync() error { return errors.Join(f.file.Sync(), f.sync) }

func (f badFile) Close() error { return errors.Join(f.file.Close(), f.close) }

// badDir is a real directory that cannot be synced.
type badDir struct {
	directory
	err error
}

func (d badDir) Sync() error { return d.err }

func pathError(err error) error { return &fs.PathError{Op: "op", Path: "/srv/secret", Err: err} }

func TestPutOnBadDisk(t *testing.T) {
	t.Parallel()
	io, full := pathError(syscall.EIO), pathError(syscall.ENOSPC)
	for name, c := range map[string]struct {
		file   badFile
		want   *bus.Error
		broken bool
	}{
		"write fails":         {badFile{write: io}, blob.ErrStore, false},
		"write finds it full": {badFile{write: full}, blob.ErrFull, false},
		"over quota":          {badFile{write: pathError(syscall.EDQUOT)}, blob.ErrFull, false},
		"sync finds it full":  {badFile{sync: full}, blob.ErrFull, false},
		"close fails":         {badFile{close: io}, blob.ErrStore, false},
		"sync fails":          {badFile{sync: io}, blob.ErrStore, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			kept := put(t, s, "kept")
			good := s.create
			s.create = func(dir string) (file, error) {
				f, err := good(dir)
				c.file.file = f
				return c.file, err
			}
			id := blob.ID([]byte("hello"))
			err := s.Put(t.Context(), id, strings.NewReader("hello"), 5)
			wantError(t, "put", err, c.want)
			if bus.KindOf(err) != c.want.Kind {
				t.Errorf("kind is %d, want %d", bus.KindOf(err), c.want.Kind)
			}
			wantHas(t, s, id, false)
			wantHas(t, s, kept, true)
			wantTemps(t, s, 0)
			s.create = good
			wantWrites(t, s, !c.broken)
		})
	}
}

func TestNoDescriptor(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	id := put(t, s, "kept")
	create, open := s.create, s.openDir
	s.create = func(string) (file, error) { return nil, pathError(syscall.EMFILE) }
	wantError(t, "put", s.Put(t.Context(), id, strings.NewReader("kept"), 4), blob.ErrStore)
	s.create = create
	s.openDir = func(string) (directory, error) { return nil, pathError(syscall.EMFILE) }
	other := blob.ID([]byte("other"))
	wantError(t, "put", s.Put(t.Context(), other, strings.NewReader("other"), 5), blob.ErrStore)
	wantError(t, "delete", s.Delete(t.Context(), id), blob.ErrStore)
	wantHas(t, s, other, false)
	wantHas(t, s, id, true)
	wantTemps(t, s, 0)
	s.openDir = open
	wantWrites(t, s, true)
}

// TestDirectorySyncFails: the blob has its name, but nobody can promise that.
func TestDirectorySyncFails(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(*Store, bus.Hash) error{
		"put":    func(s *Store, id bus.Hash) error { return s.Put(t.Context(), id, strings.NewReader("kept"), 4) },
		"delete": func(s *Store, id bus.Hash) error { return s.Delete(t.Context(), id) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			id := put(t, s, "kept")
			s.openDir = func(path string) (directory, error) {
				d, err := openDir(path)
				return badDir{d, pathError(syscall.EIO)}, err
			}
			wantError(t, name, write(s, id), blob.ErrStore)
			s.openDir = openDir
			wantWrites(t, s, false)
			wantTemps(t, s, 0)
		})
	}
}

// wantWrites: after a failed sync no write is taken, and Err says so.
func wantWrites(t *testing.T, s *Store, want bool) {
	t.Helper()
	var wantErr error
	if !want {
		wantErr = blob.ErrStore
	}
	id := blob.ID([]byte("after"))
	wantError(t, "Err", s.Err(), wantErr)
	wantError(t, "put after", s.Put(t.Context(), id, strings.NewReader("after"), 5), wantErr)
	wantHas(t, s, id, want)
	wantError(t, "delete after", s.Delete(t.Context(), id), wantErr)
}
