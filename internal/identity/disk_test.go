package identity

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"unibus/internal/bus"
)

func saved(t testing.TB, f *File) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "identity")
	if err := Save(path, f, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSaveAndLoad(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	path := saved(t, f)
	got, err := Load(path, nil)
	if err != nil || !sameFile(t, got, f) {
		t.Fatalf("another identity came back: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
}

// TestSealedFile goes once through the product's own work factor.
func TestSealedFile(t *testing.T) {
	t.Parallel()
	f, path := newFile(t), filepath.Join(t.TempDir(), "identity")
	if err := Save(path, f, []byte("correct horse")); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, nil); bus.CodeOf(err) != "identity_locked" {
		t.Fatalf("without a passphrase: %v", err)
	}
	if got, err := Load(path, asked("correct horse")); err != nil || !sameFile(t, got, f) {
		t.Fatalf("another identity came back: %v", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	good := saved(t, newFile(t))
	raw, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	place := func(name string) string { return filepath.Join(dir, name) }
	symlink := place("symlink")
	if err := os.Symlink(good, symlink); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path, code string
		kind             bus.Kind
	}{
		{"missing", place("none"), "identity_missing", bus.NotFound},
		{"symlink", symlink, "identity_mode", bus.Unsafe},
		{"folder", dir, "identity_mode", bus.Unsafe},
		{"device", "/dev/null", "identity_mode", bus.Unsafe},
		{"empty", write(t, "identity", nil), "identity_bad", bus.Integrity},
		{"too large", write(t, "identity", make([]byte, maxSealed+1)), "identity_bad", bus.Integrity},
	} {
		if f, err := Load(c.path, nil); f != nil || bus.CodeOf(err) != c.code || bus.KindOf(err) != c.kind {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666} {
		path := write(t, "identity", raw)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if f, err := Load(path, nil); f != nil || bus.CodeOf(err) != "identity_mode" {
			t.Errorf("mode %o: got %v", mode, err)
		}
	}
	for _, mode := range []os.FileMode{0o600, 0o400} {
		path := write(t, "identity", raw)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path, nil); err != nil {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

// TestSaveIsAtomic: readers see the old identity or the new one, and nothing
// is left beside it.
func TestSaveIsAtomic(t *testing.T) {
	t.Parallel()
	a, b := newFile(t), newFile(t)
	path := saved(t, a)
	var writers sync.WaitGroup
	for _, f := range []*File{a, b} {
		writers.Go(func() {
			for range 10 {
				if err := Save(path, f, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 20 {
		got, err := Load(path, nil)
		if err != nil || got.Endpoint() != a.Endpoint() && got.Endpoint() != b.Endpoint() {
			t.Errorf("half an identity: %v", err)
		}
	}
	writers.Wait()
	alone(t, path)
}

func TestSaveFails(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	path := saved(t, f)
	spoiled := newFile(t)
	spoiled.KEMs = nil
	if err := Save(path, spoiled, nil); bus.CodeOf(err) != "identity_bad" {
		t.Errorf("a spoiled identity: %v", err)
	}
	if got, err := Load(path, nil); err != nil || !sameFile(t, got, f) {
		t.Errorf("the old identity is gone: %v", err)
	}
	alone(t, path)
	if err := Save(filepath.Join(t.TempDir(), "none", "identity"), f, nil); err == nil {
		t.Error("saved where no folder is")
	}
	taken := t.TempDir()
	if err := os.MkdirAll(filepath.Join(taken, "identity", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Save(filepath.Join(taken, "identity"), f, nil); err == nil {
		t.Error("saved over a folder")
	}
	alone(t, filepath.Join(taken, "identity"))
}

// TestSaveReplacesSymlink: the file behind it stays as it was.
func TestSaveReplacesSymlink(t *testing.T) {
	t.Parallel()
	target, path := write(t, "target", []byte("mine")), filepath.Join(t.TempDir(), "identity")
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	f := newFile(t)
	if err := Save(path, f, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := Load(path, nil); err != nil || !sameFile(t, got, f) {
		t.Errorf("got %v", err)
	}
	if b, err := os.ReadFile(target); err != nil || string(b) != "mine" {
		t.Errorf("the target holds %q, %v", b, err)
	}
}

// alone checks that path is the only thing in its folder.
func alone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files beside each other, %v", len(entries), err)
	}
}

func BenchmarkLoad(b *testing.B) {
	f := newFile(b)
	for i := range uint32(6) {
		f.KEMs = append(f.KEMs, KEMEntry{Serial: 10 + i, Key: NewKEMKey()})
	}
	path := saved(b, f)
	for b.Loop() {
		if _, err := Load(path, nil); err != nil {
			b.Fatal(err)
		}
	}
}
