package client

import (
	"cmp"
	"context"

	"unibus/internal/identity"
)

// OwnKey is this user's account key in force, read from the node.
func (c *Client) OwnKey(ctx context.Context) (*identity.VerifyKey, error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if unasked, err := c.askOwn(ctx); unasked != nil || err != nil {
		return nil, cmp.Or(unasked, err)
	}
	key := c.world.accounts[c.id.Account].Key
	return &key, nil
}

// KnownKey is this user's account key in force as far as this device has read
// the chains; nil where it has read none. It asks nobody.
func (c *Client) KnownKey(ctx context.Context) (*identity.VerifyKey, error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if err := c.world.loadBus(ctx); err != nil {
		return nil, err
	}
	if err := c.world.loadAccount(ctx, c.id.Account); err != nil {
		return nil, err
	}
	if acc := c.world.accounts[c.id.Account]; acc != nil {
		key := acc.Key
		return &key, nil
	}
	return nil, nil
}
