package client

import (
	"context"
	"errors"

	"unibus/internal/bus"
)

// welcome starts the epoch that a new device or bot of this user waits for, so
// that it need not wait until somebody sends. Who may not, or is too late, leaves
// it to others.
func (c *Client) welcome(ctx context.Context, id bus.RoomID) error {
	if !c.awaited(id) {
		return nil
	}
	_, err := c.tidy(ctx, id)
	if refusedRekey(err) || errors.Is(err, errNoKey) {
		return nil
	}
	return err
}

// awaited reports whether an endpoint of this user should have the key of a room
// that this client writes in, and has not.
func (c *Client) awaited(id bus.RoomID) bool {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	r, acc := c.world.rooms[id], c.world.accounts[c.id.Account]
	if r == nil || r.Epoch == nil || acc == nil {
		return false
	}
	if me, in := r.Epoch.Recipient(c.id.Endpoint()); !in || !me.Role.Writes() {
		return false
	}
	for _, e := range acc.Endpoints() {
		_, _, made, _ := e.KEM(acc.Len - 1)
		_, sealed := r.Epoch.Recipient(e.ID)
		if !sealed && e.Signs() && acc.Live(e.ID, c.now()) && !e.Asleep(made, c.now()) && e.Rights.Verbs(id) != 0 {
			return true
		}
	}
	return false
}
