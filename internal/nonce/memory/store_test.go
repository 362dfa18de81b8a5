package memory

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/nonce"
	"unibus/internal/nonce/noncetest"
)

// clock is a time that only the test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Unix(1_700_000_000, 0)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

var thisBoot, nextBoot = boot{1}, boot{2}

func mustOpen(t *testing.T, path string, c *clock, b boot) *Store {
	t.Helper()
	s, err := open(Options{Path: path, Now: c.now}, b)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func take(t *testing.T, s *Store, name string, created time.Time) error {
	t.Helper()
	return s.Claim(t.Context(), noncetest.Signer(1), name, created)
}

func TestContract(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"memory", "file"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			noncetest.Run(t, func(t *testing.T, perSigner int) noncetest.Fixture {
				c := newClock()
				o := Options{Now: c.now, PerSigner: perSigner}
				if kind == "file" {
					o.Path = filepath.Join(t.TempDir(), "nonces")
				}
				s, err := Open(o)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { s.Close() })
				return noncetest.Fixture{Store: s, Now: c.now, Advance: c.advance}
			})
		})
	}
}

func TestKilledProcessNeitherForgetsNorWaits(t *testing.T) {
	t.Parallel()
	c := newClock()
	path := filepath.Join(t.TempDir(), "nonces")
	killed := mustOpen(t, path, c, thisBoot) // and never closed
	created := c.now()
	for _, name := range []string{"a", "b", "c"} {
		if err := take(t, killed, name, created); err != nil {
			t.Fatal(err)
		}
	}
	c.advance(time.Second)
	next := mustOpen(t, path, c, thisBoot)
	if next.Len() != 3 {
		t.Errorf("%d nonces read back, want 3", next.Len())
	}
	for _, name := range []string{"a", "b", "c"} {
		if err := take(t, next, name, created); !errors.Is(err, nonce.ErrReplay) {
			t.Errorf("%s: got %v, want a replay", name, err)
		}
	}
	if err := take(t, next, "d", created); err != nil {
		t.Errorf("a new nonce right after the start: %v", err)
	}
}

func TestExpiredNoncesAreNotReadBack(t *testing.T) {
	t.Parallel()
	c := newClock()
	path := filepath.Join(t.TempDir(), "nonces")
	s := mustOpen(t, path, c, thisBoot)
	if err := take(t, s, "a", c.now()); err != nil {
		t.Fatal(err)
	}
	c.advance(time.Hour)
	if got := mustOpen(t, path, c, thisBoot).Len(); got != 0 {
		t.Errorf("%d nonces after an hour, want 0", got)
	}
	if size := fileSize(t, path); size != (1+spare)*recordSize {
		t.Errorf("file has %d bytes, want the header and blanks alone", size)
	}
}

func TestClockThatWentBack(t *testing.T) {
	t.Parallel()
	c := newClock()
	path := filepath.Join(t.TempDir(), "nonces")
	s := mustOpen(t, path, c, thisBoot)
	start := c.now()
	if err := take(t, s, "a", start); err != nil {
		t.Fatal(err)
	}
	c.advance(time.Hour)
	if err := take(t, s, "b", c.now()); err != nil {
		t.Fatal(err)
	}
	// A process that starts at the late time reads back "b" alone.
	late := mustOpen(t, path, c, thisBoot)
	c.advance(-time.Hour)
	for name, s := range map[string]*Store{
		"same process":    s,
		"late process":    late,
		"another process": mustOpen(t, path, c, thisBoot),
	} {
		if err := take(t, s, "a", start); bus.KindOf(err) != bus.Unavailable {
			t.Errorf("%s: got %v for a nonce that was forgotten before the clock went back", name, err)
		}
	}
	// Whatever was claimed until the clock went back may come again until then.
	if got, want := mustOpen(t, path, c, thisBoot).ReadyFrom(), start.Add(time.Hour+time.Second); !got.Equal(want) {
		t.Errorf("ready from %v, want %v", got, want)
	}
	c.advance(time.Hour + time.Second)
	if err := take(t, mustOpen(t, path, c, thisBoot), "c", c.now()); err != nil {
		t.Errorf("once the clock has caught up: %v", err)
	}
}

// Pruning looks at expired nonces only: many live ones cost it nothing.
func TestPruneTouchesExpiredOnly(t *testing.T) {
	t.Parallel()
	tab := newTable(1 << 20)
	for i := range 10_000 {
		tab.add(record{signer: noncetest.Signer(1), digest: digestOf(fmt.Sprint(i)), until: int64(1000 + i%100)})
	}
	if got := len(tab.expiring); got != 100 {
		t.Fatalf("%d seconds for nonces of 100 seconds", got)
	}
	tab.prune(1000)
	if tab.live != 9900 || len(tab.expiring) != 99 {
		t.Errorf("%d live in %d seconds, want 9900 in 99", tab.live, len(tab.expiring))
	}
	tab.prune(5000)
	if tab.live != 0 || len(tab.expiring) != 0 || len(tab.signers) != 0 {
		t.Errorf("%d live, %d seconds, %d signers; want none", tab.live, len(tab.expiring), len(tab.signers))
	}
}

func BenchmarkClaim(b *testing.B) {
	for _, kind := range []string{"memory", "file"} {
		b.Run(kind, func(b *testing.B) {
			c := newClock()
			o := Options{Now: c.now, PerSigner: 1 << 30}
			if kind == "file" {
				o.Path = filepath.Join(b.TempDir(), "nonces")
			}
			s, err := Open(o)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			i := 0
			for b.Loop() {
				if i++; i%1000 == 0 {
					c.advance(time.Second)
				}
				if err := s.Claim(b.Context(), noncetest.Signer(byte(i)), fmt.Sprint(i), c.now()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
