package client

import (
	"context"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// Open asks whether the invite can still be taken up, before anything is made
// for it: Conflict, code invite_used, when it was used or revoked, or has
// expired.
func (j *Joining) Open(ctx context.Context) error {
	var list wire.List[wire.Room]
	return usedInvite(j.guest.Get(ctx, wire.MyRoomsTarget(j.reader().endpoint), &list))
}

// Serves reports whether the node of this client's context serves this
// client's bus: false also where it shows another certificate, and an error
// where it does not answer.
func (c *Client) Serves(ctx context.Context) (bool, error) {
	s, err := c.Server(ctx)
	if bus.KindOf(err) == bus.Integrity {
		return false, nil
	}
	return err == nil && s.Founded && s.Bus == c.id.Bus, err
}
