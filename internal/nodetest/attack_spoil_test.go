package nodetest_test

import (
	"testing"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/nodetest"
)

// Attack: a member posts noise, and leaves numbers out of his session, so that
// every reading of the room ends with exit code 8 for as long as it is kept.
// Checked: it does, and no more for who rejects him.
func TestAttackSpoiltReading(t *testing.T) {
	t.Parallel()
	b := boot(t)
	ctx := nodetest.Context(t)
	alice, mallory := b.Alice(b.General), b.Join("mallory", b.General)
	post(t, b.Admin, b.General, "hello")
	next := frames(t, b, mallory, b.General)
	spy := tap(t, mallory)
	spy.open(b.General)
	noise := next("noise")
	noise[len(noise)-1] ^= 1
	first, _, third := next("one"), next("two, which nobody gets"), next("three")
	for _, raw := range [][]byte{noise, first, third} {
		if got := spy.post(b.General, raw); got.Err != "" {
			t.Fatalf("mallory posts: %+v", got)
		}
	}
	verdict := func() error {
		var v client.Verdict
		must(t, alice.Again().Read(ctx, b.General, client.ReadOptions{Whole: true}, func(e bus.Event) error { v.Count(e); return nil }))
		return v.Err()
	}
	if err := verdict(); bus.CodeOf(err) != "bad_messages" {
		t.Errorf("the reading ends with %v: this test proves nothing", err)
	}
	cmp, err := alice.Compare(ctx, "mallory")
	must(t, err)
	must(t, alice.Decide(ctx, cmp, bus.TrustRejected))
	if err := verdict(); err != nil {
		t.Errorf("who rejected her still ends with %v", err)
	}
}
