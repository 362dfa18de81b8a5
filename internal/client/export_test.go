package client

import (
	"context"
	"net/http"
	"time"

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

// KeepEvery has a Live keep what was seen last so often.
func (l *Live) KeepEvery(d time.Duration) { l.keepEvery = d }

// Held is the newest message of a room that this client, or another one of its
// profile, has kept or holds.
func (c *Client) Held(ctx context.Context, id bus.RoomID) (uint64, error) {
	n, err := c.newestHeld(ctx, id)
	return n.Seq, err
}

// Between has every request of this client pass through f.
func (c *Client) Between(f func(*http.Request, http.RoundTripper) (*http.Response, error)) {
	c.call.HTTP.Transport = between{c.call.HTTP.Transport, f}
}

type between struct {
	next http.RoundTripper
	f    func(*http.Request, http.RoundTripper) (*http.Response, error)
}

// RoundTrip implements http.RoundTripper.
func (b between) RoundTrip(req *http.Request) (*http.Response, error) { return b.f(req, b.next) }
