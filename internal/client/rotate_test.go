package client

import (
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/chain/chaintest"
	"unibus/internal/identity"
)

// Wherever a rotation is interrupted, what is left of it is found in the chain.
func TestRotation(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	alice, old, next, other := w.Alice, identity.NewSeed(), identity.NewSeed(), identity.NewSeed()
	w.MustAccount(alice, w.RotateEntry(alice, old.Account()))
	alice.Key = old.Account()
	d := alice.Device()
	c := &Client{id: &identity.File{Account: alice.ID(), Content: d.Content, Transport: d.Transport}, now: func() time.Time { return w.Now }}
	step := func() (name string) {
		t.Helper()
		op, body, keys, err := c.rotation(alice.State(), &old, next)
		if err != nil {
			t.Fatal(err)
		}
		if body == nil {
			return ""
		}
		w.MustAccount(alice, w.AccountEntry(alice, d, op, body, keys...))
		return account.OpName(op)
	}
	w.MustAccount(alice, w.AccountEntry(alice, d, account.OpAdd, recoveryBody(old), alice.Key))
	for name, c2 := range map[string]struct {
		seed *identity.Seed
		code string
	}{"no words": {nil, "needs_words"}, "other words": {&other, "old_words"}} {
		if _, _, _, err := c.rotation(alice.State(), c2.seed, next); bus.CodeOf(err) != c2.code {
			t.Errorf("%s: %v, want %s", name, err, c2.code)
		}
	}
	for _, want := range []string{"rotate", "add", "revoke", "", ""} {
		if got := step(); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
		if _, _, _, err := c.rotation(alice.State(), nil, next); err != nil {
			t.Errorf("after %q the old words are still needed: %v", want, err)
		}
	}
	s := alice.State()
	if s.Key != next.Account().Public() || !s.Live(identity.RecoveryEndpoint(next.Recovery().Public()), w.Now) ||
		s.Live(identity.RecoveryEndpoint(old.Recovery().Public()), w.Now) {
		t.Error("the chain is not that of the new words")
	}
}
