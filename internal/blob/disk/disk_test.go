package disk

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"unibus/internal/blob"
	"unibus/internal/blob/blobtest"
	"unibus/internal/bus"
)

func newStore(t testing.TB) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t testing.TB) blob.Store {
		s := newStore(t)
		t.Cleanup(func() { wantTemps(t, s, 0) })
		return s
	})
}

func BenchmarkDisk(b *testing.B) {
	blobtest.Benchmark(b, func(t testing.TB) blob.Store { return newStore(t) })
}

// TestPutIsFlat is not parallel: it counts what the process allocates.
func TestPutIsFlat(t *testing.T) {
	s := newStore(t)
	data := bytes.Repeat([]byte("x"), bus.MaxPieceBody)
	id := blob.ID(data)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 4 {
		if err := s.Put(t.Context(), id, bytes.NewReader(data), int64(len(data))); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 2<<20 {
		t.Errorf("4 puts of 16 MiB allocated %d KiB, want under 2048", grown>>10)
	}
}

func TestLayoutAndModes(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	id := put(t, s, "hello")
	if want := filepath.Join(s.dir, id.String()[:2], id.String()); s.path(id) != want {
		t.Errorf("path is %s, want %s", s.path(id), want)
	}
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if err == nil && info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestOpenSweeps also opens a directory whose name is a pattern for globs.
func TestOpenSweeps(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a[b*")
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	id := put(t, s, "kept")
	for _, name := range []string{"put-1", "put-2", "mine"} {
		if err := os.WriteFile(filepath.Join(s.tmp(), name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if s, err = Open(dir + "/"); err != nil {
		t.Fatal(err)
	}
	wantTemps(t, s, 1) // a stranger's file is not ours to remove
	wantHas(t, s, id, true)
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"a file": file, "no parent": filepath.Join(t.TempDir(), "a", "b")} {
		_, err := Open(dir)
		wantError(t, name, err, blob.ErrStore)
	}
}

// TestVanished: a volume that is not mounted must not read as "no such blob".
func TestVanished(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	id := put(t, s, "hello")
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.Get(t.Context(), id)
	wantError(t, "get", err, blob.ErrStore)
	_, err = s.Has(t.Context(), id)
	wantError(t, "has", err, blob.ErrStore)
	wantError(t, "delete", s.Delete(t.Context(), id), blob.ErrStore)
	wantError(t, "put", s.Put(t.Context(), id, strings.NewReader("hello"), 5), blob.ErrStore)
}

// TestPutHeals: what was damaged on the disk is right after the next Put.
func TestPutHeals(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	id := put(t, s, "hello")
	if err := os.WriteFile(s.path(id), []byte("hellx"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readAll(t, s, id); !errors.Is(err, blob.ErrDigest) {
		t.Fatalf("read of a damaged blob: %v, want ErrDigest", err)
	}
	put(t, s, "hello")
	if got, err := readAll(t, s, id); err != nil || got != "hello" {
		t.Fatalf("read = %q, %v", got, err)
	}
}

func put(t *testing.T, s *Store, data string) bus.Hash {
	t.Helper()
	id := blob.ID([]byte(data))
	if err := s.Put(t.Context(), id, strings.NewReader(data), int64(len(data))); err != nil {
		t.Fatal(err)
	}
	return id
}

func readAll(t *testing.T, s *Store, id bus.Hash) (string, error) {
	t.Helper()
	r, size, err := s.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(blob.Verify(r, id, size))
	return string(b), err
}

func wantHas(t *testing.T, s *Store, id bus.Hash, want bool) {
	t.Helper()
	if has, err := s.Has(t.Context(), id); has != want || err != nil {
		t.Errorf("has = %v, %v; want %v", has, err, want)
	}
}

func wantTemps(t testing.TB, s *Store, want int) {
	t.Helper()
	left, err := os.ReadDir(s.tmp())
	if err != nil || len(left) != want {
		t.Errorf("%d temporary files, %v; want %d", len(left), err, want)
	}
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error is %v, want %v", what, err, want)
	}
	if err != nil && strings.ContainsAny(err.Error(), `/\`) {
		t.Errorf("%s: error shows a path: %v", what, err)
	}
}
