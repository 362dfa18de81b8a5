package client

import (
	"context"
	"time"

	"unibus/internal/bus"
)

// Node is what a node says of itself, and how far away it is.
type Node struct {
	Name    string // as the node says: clean it before a person sees it
	Posture bus.Posture
	RTT     time.Duration // of a request and its answer
	Ahead   time.Duration // how far the clock of this machine is ahead of the node's
}

// Node asks the node that this client talks to. Nothing of its answer is verified.
func (c *Client) Node(ctx context.Context) (n Node, err error) {
	health, err := c.HealthAt(ctx, c.info.URL) // first: it opens the connection
	if err != nil {
		return n, err
	}
	asked := c.now()
	server, err := c.Server(ctx)
	if err != nil {
		return n, err
	}
	n.Name, n.Posture, n.RTT = server.Name, health.Posture, c.now().Sub(asked)
	n.Ahead = asked.Add(n.RTT / 2).Sub(server.Time)
	return n, nil
}
