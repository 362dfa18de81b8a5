package client

import (
	"context"

	"unibus/internal/bus"
	"unibus/internal/frame"
	"unibus/internal/wire"
)

// seen is the newest frame that this client has seen in a room, whatever it holds.
type seen struct {
	seq  uint64
	hash bus.Prefix
}

// sawFrame remembers the newest frame of a room.
func (c *Client) sawFrame(id bus.RoomID, m wire.StoredMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.Seq > c.newest[id].seq {
		c.newest[id] = seen{m.Seq, frame.Hash(m.Frame).Prefix()}
	}
}

// look returns the newest frame of a room, from the node when this client has
// not seen one.
func (c *Client) look(ctx context.Context, id bus.RoomID) (seen, error) {
	_, err := c.page(ctx, wire.MessagesBefore(id, 0, 1), func(m wire.StoredMessage) error {
		c.sawFrame(id, m)
		return nil
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.newest[id], err
}
