package memory

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/nonce"
	"unibus/internal/nonce/noncetest"
)

// What an operating system lost cannot be told from what was never claimed.
func TestStartingAfterSystemRestart(t *testing.T) {
	t.Parallel()
	damage := map[string]func(t *testing.T, path string){
		"other boot":    func(*testing.T, string) {},
		"empty file":    func(t *testing.T, path string) { write(t, path, nil) },
		"no header":     func(t *testing.T, path string) { write(t, path, make([]byte, 3*recordSize)) },
		"torn header":   func(t *testing.T, path string) { truncate(t, path, recordSize-1) },
		"record broken": func(t *testing.T, path string) { flip(t, path, recordSize+5) },
	}
	for name, hurt := range damage {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			path := filepath.Join(t.TempDir(), "nonces")
			old := mustOpen(t, path, c, thisBoot)
			for _, n := range []string{"a", "b"} {
				if err := take(t, old, n, c.now()); err != nil {
					t.Fatal(err)
				}
			}
			boot := thisBoot
			if name == "other boot" {
				boot = nextBoot
			}
			hurt(t, path)
			c.advance(time.Second)
			checkStarting(t, mustOpen(t, path, c, boot), c)
			checkStarting(t, mustOpen(t, path, c, boot), c) // also for a process that is killed meanwhile
			c.advance(bus.ClockSkew)
			if err := take(t, mustOpen(t, path, c, boot), "later", c.now()); err != nil {
				t.Errorf("half a minute later: %v", err)
			}
		})
	}
}

// checkStarting: of requests created before start + 30 s none is taken.
func checkStarting(t *testing.T, s *Store, c *clock) {
	t.Helper()
	want := c.now().Add(bus.ClockSkew)
	if !s.ReadyFrom().Equal(want) {
		t.Errorf("ready from %v, want %v", s.ReadyFrom(), want)
	}
	for _, name := range []string{"a", "new"} {
		err := take(t, s, name, want.Add(-time.Nanosecond))
		if !errors.Is(err, nonce.ErrStarting) || bus.KindOf(err) != bus.Unavailable {
			t.Errorf("%s: got %v, want starting", name, err)
		}
	}
	if err := s.Ready(want); err != nil {
		t.Errorf("created %v: %v, want ready", want, err)
	}
}

func TestUnknownBootCountsAsRestart(t *testing.T) {
	t.Parallel()
	c := newClock()
	path := filepath.Join(t.TempDir(), "nonces")
	if err := take(t, mustOpen(t, path, c, boot{}), "a", c.now()); err != nil {
		t.Fatalf("first start: %v", err)
	}
	if err := take(t, mustOpen(t, path, c, boot{}), "b", c.now()); !errors.Is(err, nonce.ErrStarting) {
		t.Errorf("second start: got %v, want starting", err)
	}
}

func TestTornTailIsDropped(t *testing.T) {
	t.Parallel()
	for cut := int64(1); cut <= recordSize; cut += 7 {
		c := newClock()
		path := filepath.Join(t.TempDir(), "nonces")
		s := mustOpen(t, path, c, thisBoot)
		for _, n := range []string{"a", "b"} {
			if err := take(t, s, n, c.now()); err != nil {
				t.Fatal(err)
			}
		}
		truncate(t, path, 3*recordSize-cut)
		next := mustOpen(t, path, c, thisBoot)
		if err := take(t, next, "a", c.now()); !errors.Is(err, nonce.ErrReplay) {
			t.Errorf("cut %d: got %v for a whole record, want a replay", cut, err)
		}
		if err := take(t, next, "c", c.now()); err != nil {
			t.Errorf("cut %d: a torn record made the store wait: %v", cut, err)
		}
	}
}

func TestFailedWriteDenies(t *testing.T) {
	t.Parallel()
	c := newClock()
	path := filepath.Join(t.TempDir(), "nonces")
	s := mustOpen(t, path, c, thisBoot)
	good := s.journal.file
	readOnly, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	s.journal.file = readOnly
	if err := take(t, s, "a", c.now()); !errors.Is(err, nonce.ErrUnavailable) {
		t.Fatalf("got %v, want unavailable", err)
	}
	if s.Len() != 0 {
		t.Errorf("%d nonces stored, want 0", s.Len())
	}
	s.journal.file = good
	if err := take(t, s, "a", c.now()); err != nil {
		t.Errorf("after the disk works again: %v", err)
	}
	if got := mustOpen(t, path, c, thisBoot).Len(); got != 1 {
		t.Errorf("%d nonces read back, want 1", got)
	}
}

func TestFileStaysSmall(t *testing.T) {
	t.Parallel()
	c := newClock()
	path := filepath.Join(t.TempDir(), "nonces")
	s := mustOpen(t, path, c, thisBoot)
	for i := range 5 * compactMin {
		if err := take(t, s, fmt.Sprint(i), c.now()); err != nil {
			t.Fatal(err)
		}
		c.advance(100 * time.Millisecond)
	}
	if size, most := fileSize(t, path), int64(1+compactMin+spare)*recordSize; size > most {
		t.Errorf("file has %d bytes for %d live nonces, want at most %d", size, s.Len(), most)
	}
	if got := mustOpen(t, path, c, thisBoot).Len(); got != s.Len() {
		t.Errorf("%d nonces read back, want %d", got, s.Len())
	}
}

// A file of live nonces is left alone, however large it is.
func TestLiveFileIsNotRewritten(t *testing.T) {
	t.Parallel()
	c := newClock()
	path := filepath.Join(t.TempDir(), "nonces")
	s := mustOpen(t, path, c, thisBoot)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 * compactMin {
		if err := take(t, s, fmt.Sprint(i), c.now()); err != nil {
			t.Fatal(err)
		}
	}
	after, err := os.Stat(path)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the file was written anew: %v", err)
	}
}

func TestFailedCompactionGoesOn(t *testing.T) {
	t.Parallel()
	c := newClock()
	path := filepath.Join(t.TempDir(), "nonces")
	s := mustOpen(t, path, c, thisBoot)
	if err := os.Mkdir(path+".new", 0o700); err != nil { // in the way of the new file
		t.Fatal(err)
	}
	write(t, filepath.Join(path+".new", "full"), nil)
	for i := range 5 * compactMin {
		if err := take(t, s, fmt.Sprint(i), c.now()); err != nil {
			t.Fatalf("claim %d: %v", i, err)
		}
		c.advance(100 * time.Millisecond)
	}
	if size, want := fileSize(t, path), int64(5*compactMin+1)*recordSize; size != want {
		t.Errorf("file has %d bytes, want all %d", size, want)
	}
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	c := newClock()
	dir := t.TempDir()
	for name, path := range map[string]string{
		"no directory": filepath.Join(dir, "none", "nonces"),
		"a directory":  dir,
	} {
		if _, err := Open(Options{Path: path, Now: c.now}); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}

func TestFileIsPrivate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "nonces")
	mustOpen(t, path, newClock(), thisBoot)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
}

// FuzzRead: a file that begins well is read as far as it is whole, whatever
// comes behind; one that does not is lost.
func FuzzRead(f *testing.F) {
	r := record{signer: noncetest.Signer(1), digest: digestOf("a"), until: 1_700_000_090}
	good := append(header{boot: thisBoot}.encode(), r.encode()...)
	f.Add([]byte{})
	f.Add(r.encode()[:recordSize-1])
	f.Add(append(make([]byte, recordSize), r.encode()...))
	f.Fuzz(func(t *testing.T, tail []byte) {
		tab := newTable(nonce.PerSigner)
		h, lost, err := read(bytes.NewReader(append(bytes.Clone(good), tail...)), thisBoot, tab)
		if err != nil || h.newest < r.until || !errors.Is(tab.check(r), nonce.ErrReplay) {
			t.Errorf("a whole record was not read: %+v, %v", h, err)
		}
		if len(tail) < 2*recordSize && lost {
			t.Error("a torn tail counts as a lost memory")
		}
		if _, lost, err := read(bytes.NewReader(tail), thisBoot, tab); !lost && !whole(tail[:min(recordSize, len(tail))]) {
			t.Errorf("a file without header is not lost: %v", err)
		}
	})
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func truncate(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

func flip(t *testing.T, path string, at int) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[at] ^= 1
	write(t, path, content)
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
