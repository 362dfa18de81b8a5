package client

import (
	"context"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
	"unibus/internal/profile"
)

// tally counts the frames of a room's newest epoch that this client saw or sent.
// What other processes of the context counted is in it from the beginning.
type tally struct {
	profile.Tally
	unkept uint64 // of Sent, not in the profile yet
	moved  int    // counts since the profile was told
}

// keepTally is after how many counts the profile is told: what a killed process
// forgets, and seldom enough to cost nothing.
const keepTally = 100

// counted returns the tally of a room, reading it first from the profile. The
// caller holds c.mu.
func (c *Client) counted(ctx context.Context, id bus.RoomID) (*tally, error) {
	if t := c.tallies[id]; t != nil {
		return t, nil
	}
	known, err := c.store.Tally(ctx, id)
	if err != nil {
		return nil, err
	}
	t := &tally{Tally: known}
	c.tallies[id] = t
	return t, nil
}

// at makes t count an epoch, and reports whether it does: not one that is closed.
func (t *tally) at(epoch bus.Epoch) bool {
	if epoch > t.Epoch {
		t.Epoch, t.Sent, t.Seen, t.unkept = epoch, 0, 0, 0
	}
	return epoch == t.Epoch
}

// countSeen counts a stored frame that opened, once however often it is read.
func (c *Client) countSeen(ctx context.Context, id bus.RoomID, epoch bus.Epoch, seq uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, err := c.counted(ctx, id)
	if err != nil || seq <= t.Top || !t.at(epoch) {
		return err
	}
	t.Seen, t.Top = t.Seen+1, seq
	return c.keepTally(ctx, id, t)
}

// countSent counts a frame of ours that the node has stored.
func (c *Client) countSent(ctx context.Context, id bus.RoomID, epoch bus.Epoch, seq uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, err := c.counted(ctx, id)
	if err != nil || seq == 0 || !t.at(epoch) {
		return err
	}
	t.Sent, t.unkept = t.Sent+1, t.unkept+1
	return c.keepTally(ctx, id, t)
}

func (c *Client) keepTally(ctx context.Context, id bus.RoomID, t *tally) error {
	if t.moved++; t.moved < keepTally {
		return nil
	}
	return c.flushTally(ctx, id, t)
}

func (c *Client) flushTally(ctx context.Context, id bus.RoomID, t *tally) error {
	add := t.Tally
	add.Sent = t.unkept
	if err := c.store.AddTally(ctx, id, add); err != nil {
		return err
	}
	t.unkept, t.moved = 0, 0
	return nil
}

// flushTallies tells the profile what was counted since it was told last. What
// is lost here is counted again, or makes an epoch a little longer.
func (c *Client) flushTallies() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, t := range c.tallies {
		if t.moved > 0 {
			_ = c.flushTally(context.Background(), id, t)
		}
	}
}

// recount begins anew after the node counted fewer frames: some are gone by now.
func (c *Client) recount(ctx context.Context, id bus.RoomID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, err := c.counted(ctx, id)
	if err != nil {
		return err
	}
	t.Sent, t.Seen, t.unkept = 0, 0, 0
	return c.store.ForgetTally(ctx, id)
}

// owed says why somebody who writes must start an epoch before his next frame:
// what the room's log says, or else that the one in force has many frames.
func (c *Client) owed(ctx context.Context, r *room) (roomlog.Reason, roomlog.Change, error) {
	reason, change := r.Due(c.world, c.now())
	if reason != 0 || len(change.Drop)+len(change.Uninvite) > 0 || !r.Create.Persist {
		return reason, change, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t, err := c.counted(ctx, r.ID)
	if err == nil && t.Epoch == r.Epoch.Number && max(t.Sent, t.Seen) >= bus.EpochFrames {
		reason = roomlog.ReasonFrames
	}
	return reason, change, err
}
