package limit

import (
	"sync"
	"testing"
	"time"

	"golang.org/x/time/rate"
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

func TestRateTakesAndRefills(t *testing.T) {
	t.Parallel()
	c := newClock()
	r := NewRate[string](2, 4, 10, c.now)
	steps := []struct {
		after time.Duration
		key   string
		n     int
		wait  time.Duration
	}{
		{0, "a", 4, 0},
		{0, "a", 1, time.Second / 2},
		{0, "a", 2, time.Second}, // a refusal takes nothing
		{0, "b", 4, 0},           // keys do not touch each other
		{time.Second / 2, "a", 1, 0},
		{0, "a", 1, time.Second / 2},
		{time.Hour, "a", 4, 0},
		{0, "a", 5, rate.InfDuration}, // over the burst: never
	}
	for i, s := range steps {
		c.advance(s.after)
		wait, ok := r.Take(s.key, s.n)
		if wait != s.wait || ok != (s.wait == 0) {
			t.Errorf("step %d: waits %v ok %v, want %v", i, wait, ok, s.wait)
		}
	}
}

func TestRateDisabled(t *testing.T) {
	t.Parallel()
	r := NewRate[int](0, 0, 0, newClock().now)
	for i := range 1000 {
		if _, ok := r.Take(i, 1<<30); !ok {
			t.Fatal("a disabled limit refused")
		}
	}
	if r.Len() != 0 {
		t.Errorf("a disabled limit keeps %d keys", r.Len())
	}
}

func TestRateDropsIdleKeys(t *testing.T) {
	t.Parallel()
	c := newClock()
	r := NewRate[int](10, 10, 1000, c.now)
	for i := range 500 {
		r.Take(i, 1)
	}
	if r.Len() != 500 {
		t.Fatalf("%d keys while none is idle, want 500", r.Len())
	}
	c.advance(time.Second)
	for range 500 {
		r.Take(-1, 0)
	}
	if r.Len() > 2 {
		t.Errorf("%d keys kept, want the idle ones dropped", r.Len())
	}
}

func TestRateKeepsBusyKeys(t *testing.T) {
	t.Parallel()
	c := newClock()
	r := NewRate[int](1, 10, 100, c.now)
	r.Take(-1, 10)
	for i := range 1000 {
		r.Take(i, 1)
		c.advance(time.Millisecond)
	}
	if _, ok := r.Take(-1, 5); ok {
		t.Error("a spent bucket was forgotten")
	}
}

func TestRateIsBounded(t *testing.T) {
	t.Parallel()
	c := newClock()
	r := NewRate[int](1, 5, 100, c.now)
	r.Take(-1, 1)
	passed := 0
	for i := range 10_000 {
		if _, ok := r.Take(i, 1); ok {
			passed++
		}
	}
	if r.Len() != 100 {
		t.Errorf("%d keys, want 100", r.Len())
	}
	if want := 99 + 5; passed != want {
		t.Errorf("%d new keys passed, want %d: newcomers to a full table share one bucket", passed, want)
	}
	if _, ok := r.Take(-1, 4); !ok {
		t.Error("a known key lost its tokens to newcomers")
	}
	c.advance(time.Minute)
	if _, ok := r.Take(20_000, 5); !ok || r.Len() > 100 {
		t.Errorf("after a pause a newcomer is refused (%d keys)", r.Len())
	}
}

func TestRateConcurrent(t *testing.T) {
	t.Parallel()
	r := NewRate[int](1, 50, 10, newClock().now)
	var group sync.WaitGroup
	var mu sync.Mutex
	passed := 0
	for range 8 {
		group.Go(func() {
			for range 100 {
				if _, ok := r.Take(7, 1); ok {
					mu.Lock()
					passed++
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	if passed != 50 {
		t.Errorf("%d passed a burst of 50 while time stood still", passed)
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	tests := []struct{ remote, want string }{
		{"192.0.2.1:5000", "192.0.2.1/32"},
		{"192.0.2.1", "192.0.2.1/32"},
		{"[::ffff:192.0.2.1]:80", "192.0.2.1/32"},
		{"[2001:db8:1:2:3:4:5:6]:443", "2001:db8:1:2::/64"},
		{"[2001:db8:1:2:ffff::1]:1", "2001:db8:1:2::/64"},
		{"2001:db8:1:3::1", "2001:db8:1:3::/64"},
		{"[fe80::1%eth0]:443", "fe80::/64"},
		{"pipe", "invalid Prefix"},
		{"", "invalid Prefix"},
		{"host.example:80", "invalid Prefix"},
	}
	for _, tt := range tests {
		if got := Source(tt.remote).String(); got != tt.want {
			t.Errorf("Source(%q) = %s, want %s", tt.remote, got, tt.want)
		}
	}
}

func BenchmarkRate(b *testing.B) {
	r := NewRate[int](1000, 1000, 10_000, time.Now)
	i := 0
	for b.Loop() {
		i++
		r.Take(i%20_000, 1)
	}
}
