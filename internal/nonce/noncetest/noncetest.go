// Package noncetest is the contract of nonce.Store as tests: whatever passes
// Run can stand behind a control plane.
package noncetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
	"unibus/internal/nonce"
)

// Fixture is a fresh, empty store for one test.
type Fixture struct {
	Store nonce.Store
	// Now is the clock of the store.
	Now func() time.Time
	// Advance moves that clock; nil when the store keeps real time. Then what
	// a store forgets is not tested.
	Advance func(time.Duration)
	// Second is another way to the same nonces, such as another node's; nil
	// when there is none.
	Second nonce.Store
}

// New makes a fixture whose store lets a signer have perSigner live nonces. It
// cleans up by t.Cleanup.
type New func(t *testing.T, perSigner int) Fixture

// plenty is a cap that no test but the one of the cap meets.
const plenty = 10_000

// Run tests the contract; each test has a fresh store.
func Run(t *testing.T, fresh New) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(*testing.T, New)
	}{
		{"claims once", claimsOnce},
		{"window", window},
		{"any text", anyText},
		{"one winner", oneWinner},
		{"quota", quota},
		{"forgets in time", forgets},
		{"two ways in", twoWays},
		{"denies when done", deniesWhenDone},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, fresh)
		})
	}
}

// Signer is the n-th transport id of a test.
func Signer(n byte) identity.TransportID { return identity.TransportID{0: 0xA5, 31: n} }

func claimsOnce(t *testing.T, fresh New) {
	f := fresh(t, plenty)
	now := f.Now()
	steps := []struct {
		signer byte
		nonce  string
		after  time.Duration // created, from now
		want   error
	}{
		{1, "n1", 0, nil},
		{1, "n1", 0, nonce.ErrReplay},
		{1, "n1", time.Second, nonce.ErrReplay}, // the time is not part of the claim
		{1, "n2", 0, nil},
		{2, "n1", 0, nil}, // signers do not touch each other
		{2, "n1", 0, nonce.ErrReplay},
		{1, "n1", 0, nonce.ErrReplay},
		{1, "N1", 0, nil},
	}
	for i, s := range steps {
		err := f.Store.Claim(t.Context(), Signer(s.signer), s.nonce, now.Add(s.after))
		if !errors.Is(err, s.want) {
			t.Errorf("step %d: got %v, want %v", i, err, s.want)
		}
	}
	if got := f.Store.Len(); got != 4 {
		t.Errorf("%d live nonces, want 4: a denied claim is not stored", got)
	}
}

// window: within the clock window all is claimed, in any order; where a store
// cannot know, it denies. A real clock moves on meanwhile, hence the seconds.
func window(t *testing.T, fresh New) {
	f := fresh(t, plenty)
	now := f.Now()
	edge := bus.ClockSkew
	for i, after := range []time.Duration{edge, -edge, 0, edge - time.Second, time.Second - edge, time.Millisecond} {
		name := fmt.Sprint("inside ", i)
		if err := f.Store.Claim(t.Context(), Signer(1), name, now.Add(after)); err != nil {
			t.Errorf("created %v from now: got %v, want a claim", after, err)
		}
		if err := f.Store.Claim(t.Context(), Signer(1), name, now.Add(after)); !errors.Is(err, nonce.ErrReplay) {
			t.Errorf("created %v from now, again: got %v, want a replay", after, err)
		}
	}
	for i, after := range []time.Duration{-bus.NonceLife, -time.Hour, edge + time.Minute, 1000 * time.Hour} {
		name := fmt.Sprint("outside ", i)
		if err := f.Store.Claim(t.Context(), Signer(1), name, now.Add(after)); !errors.Is(err, nonce.ErrStale) {
			t.Errorf("created %v from now: got %v, want stale", after, err)
		}
	}
}

func anyText(t *testing.T, fresh New) {
	f := fresh(t, plenty)
	long := string(make([]byte, 1<<16))
	for _, text := range []string{"", " ", "a b", "*", ">", "..", "a/b", "é", "\xff", "\x00", "=", long, long + "x"} {
		if err := f.Store.Claim(t.Context(), Signer(1), text, f.Now()); err != nil {
			t.Errorf("nonce %.10q: got %v, want a claim", text, err)
		}
		if err := f.Store.Claim(t.Context(), Signer(1), text, f.Now()); !errors.Is(err, nonce.ErrReplay) {
			t.Errorf("nonce %.10q again: got %v, want a replay", text, err)
		}
	}
}

func oneWinner(t *testing.T, fresh New) {
	f := fresh(t, plenty)
	const rounds, runners = 20, 16
	stores := []nonce.Store{f.Store}
	if f.Second != nil {
		stores = append(stores, f.Second)
	}
	for round := range rounds {
		errs := race(t, stores, runners, fmt.Sprint("n", round), f.Now())
		wins := 0
		for _, err := range errs {
			if err == nil {
				wins++
			} else if !errors.Is(err, nonce.ErrReplay) {
				t.Errorf("round %d: got %v, want a replay", round, err)
			}
		}
		if wins != 1 {
			t.Fatalf("round %d: %d of %d claims of one nonce won, want 1", round, wins, runners)
		}
	}
}

func race(t *testing.T, stores []nonce.Store, runners int, name string, created time.Time) []error {
	errs := make([]error, runners)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			<-start
			errs[i] = stores[i%len(stores)].Claim(t.Context(), Signer(1), name, created)
		})
	}
	close(start)
	group.Wait()
	return errs
}

func quota(t *testing.T, fresh New) {
	const limit = 5
	f := fresh(t, limit)
	for i := range limit {
		if err := f.Store.Claim(t.Context(), Signer(1), fmt.Sprint(i), f.Now()); err != nil {
			t.Fatalf("claim %d of %d: %v", i+1, limit, err)
		}
	}
	err := f.Store.Claim(t.Context(), Signer(1), "one more", f.Now())
	if !errors.Is(err, nonce.ErrQuota) || bus.KindOf(err) != bus.Limited {
		t.Errorf("over the cap: got %v, want the quota", err)
	}
	if err := f.Store.Claim(t.Context(), Signer(2), "0", f.Now()); err != nil {
		t.Errorf("another signer: %v, want a claim", err)
	}
	for i := range limit {
		if err := f.Store.Claim(t.Context(), Signer(1), fmt.Sprint(i), f.Now()); err == nil {
			t.Errorf("nonce %d was evicted for a newer one", i)
		}
	}
}

func forgets(t *testing.T, fresh New) {
	f := fresh(t, 3)
	if f.Advance == nil {
		return
	}
	start := f.Now()
	claim := func(name string, created time.Time) error {
		return f.Store.Claim(t.Context(), Signer(1), name, created)
	}
	// The older request arrives last: order of arrival is not order of expiry.
	for _, after := range []time.Duration{20 * time.Second, 0, -20 * time.Second} {
		if err := claim(after.String(), start.Add(after)); err != nil {
			t.Fatalf("created %v from the start: %v", after, err)
		}
	}
	for _, step := range []struct {
		at   time.Duration // since the start
		live int
	}{{69 * time.Second, 3}, {70 * time.Second, 2}, {89 * time.Second, 2}, {90 * time.Second, 1}, {110 * time.Second, 0}} {
		f.Advance(start.Add(step.at).Sub(f.Now()))
		if got := f.Store.Len(); got != step.live {
			t.Errorf("%v after the start: %d live nonces, want %d", step.at, got, step.live)
		}
	}
	if err := claim("0s", start); !errors.Is(err, nonce.ErrStale) {
		t.Errorf("a forgotten nonce with its time: got %v, want stale", err)
	}
	if err := claim("0s", f.Now()); err != nil {
		t.Errorf("the cap does not free itself: %v", err)
	}
}

func twoWays(t *testing.T, fresh New) {
	f := fresh(t, plenty)
	if f.Second == nil {
		return
	}
	for i, stores := range [][2]nonce.Store{{f.Store, f.Second}, {f.Second, f.Store}} {
		name := fmt.Sprint("n", i)
		if err := stores[0].Claim(t.Context(), Signer(1), name, f.Now()); err != nil {
			t.Fatalf("way %d: %v", i, err)
		}
		for _, s := range stores {
			if err := s.Claim(t.Context(), Signer(1), name, f.Now()); !errors.Is(err, nonce.ErrReplay) {
				t.Errorf("way %d: got %v, want a replay", i, err)
			}
		}
	}
}

func deniesWhenDone(t *testing.T, fresh New) {
	f := fresh(t, plenty)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Store.Claim(done, Signer(1), "n1", f.Now()); err == nil {
		t.Error("claimed under a context that is done")
	}
	if err := f.Store.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	if err := f.Store.Claim(t.Context(), Signer(1), "n2", f.Now()); err == nil {
		t.Error("claimed in a closed store")
	}
}
