package client

import "unibus/internal/bus"

// Fork has this client remember another end of a room's log than the node has.
func (c *Client) Fork(id bus.RoomID) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	c.world.rooms[id].Hash[0] ^= 1
}
