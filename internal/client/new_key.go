package client

import (
	"cmp"
	"context"
	"slices"
	"time"

	"unibus/internal/bus"
)

// NewKey is a user whom this one verified, and who has another account key since.
type NewKey struct {
	User  bus.Handle
	Since time.Time
}

// NewKeys lists the users whose key changed since they were verified, each of them
// once for a key: it is news. It asks nobody, and knows what was read of the chains.
func (c *Client) NewKeys(ctx context.Context) (out []NewKey) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	for h, pin := range c.world.pins {
		since, moved := c.world.movedOn(h)
		if !moved || pin.Told == c.world.accounts[pin.Account].Key {
			continue
		}
		pin.Told = c.world.accounts[pin.Account].Key
		c.world.pins[h] = pin
		_ = c.store.PutPin(ctx, h, pin) // where it cannot be kept they are told again
		out = append(out, NewKey{h, since})
	}
	slices.SortFunc(out, func(a, b NewKey) int { return cmp.Compare(a.User, b.User) })
	return out
}

// movedOn reports whether a user was verified here and has another key since then.
func (w *world) movedOn(h bus.Handle) (since time.Time, moved bool) {
	pin := w.pins[h]
	acc := w.accounts[pin.Account]
	if pin.Mark != bus.TrustVerified || acc == nil || acc.Len == 0 || acc.Key == pin.Key {
		return since, false
	}
	keys := acc.Keys()
	return keys[len(keys)-1].Since, true
}
