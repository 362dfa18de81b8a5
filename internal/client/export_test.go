package client

import (
	"unibus/internal/bus"
	"unibus/internal/chain"
)

// Fork has this client remember another end of a room's log than the node has.
func (c *Client) Fork(id bus.RoomID) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	c.world.rooms[id].Hash[0] ^= 1
}

// ForkFrom has this client know of another beginning of a room's log, which it has
// not read yet.
func (c *Client) ForkFrom(id bus.RoomID) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	c.world.floors = map[chain.ID]bus.Head{chain.ID(id): {}}
}

// ForkBus has this client remember another end of the bus log.
func (c *Client) ForkBus() {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	c.world.bus.Hash[0] ^= 1
}
