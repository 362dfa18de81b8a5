package client

import (
	"context"
	"time"

	"unibus/internal/bus"
	"unibus/internal/frame"
	"unibus/internal/profile"
	"unibus/internal/wire"
)

// took counts and remembers a stored frame that opened; what is read again of what is
// kept was taken when it came.
func (c *Client) took(ctx context.Context, id bus.RoomID, epoch bus.Epoch, m wire.StoredMessage) error {
	if c.world.local {
		return nil
	}
	if err := c.countSeen(ctx, id, epoch, m.Seq); err != nil {
		return err
	}
	c.opened(id, m)
	return nil
}

// opened remembers the newest frame of a room that a member wrote: one that opened,
// or one's own that the node has stored. What a node makes up is no memory.
func (c *Client) opened(id bus.RoomID, m wire.StoredMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.Seq > c.held[id].Seq {
		c.held[id] = profile.Newest{Seq: m.Seq, Frame: frame.Hash(m.Frame).Prefix(), At: m.At}
		c.unkept[id] = c.held[id]
	}
}

// newestHeld is the newest such frame of a room that any process of this context
// saw; zero where none did.
func (c *Client) newestHeld(ctx context.Context, id bus.RoomID) (profile.Newest, error) {
	kept, err := c.store.Newest(ctx, id)
	c.mu.Lock()
	defer c.mu.Unlock()
	if here := c.held[id]; here.Seq > kept.Seq {
		return here, err
	}
	return kept, err
}

// keepNewestEvery is how often a connection that lasts has the profile keep what was
// seen last: a process that is killed forgets no more than that, and each room is
// written at most once in it.
const keepNewestEvery = time.Minute

// keepNewest tells the profile what was seen last in each room since it was told.
func (c *Client) keepNewest(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.unkept) == 0 {
		return nil
	}
	if err := c.store.PutNewest(ctx, c.unkept); err != nil {
		return err
	}
	clear(c.unkept)
	return nil
}

// keepNewest has it kept while a life lasts, and when it ends. What fails is tried
// again.
func (l *Live) keepNewest(ctx context.Context) {
	tick := time.NewTicker(l.keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			_ = l.c.keepNewest(context.WithoutCancel(ctx))
			return
		case <-tick.C:
			_ = l.c.keepNewest(ctx)
		}
	}
}

var errOtherMessage = bus.Errorf(bus.Integrity, "other_message", "the node shows another message than before in its place").
	WithHint(hintRestored)

// hintRestored: a node that was set back goes on from there as if nothing had
// happened, and a person decides whether that is an accident.
const hintRestored = "ask an admin whether it was restored from an older copy; if so: unibus room verify ROOM --accept"

// holdNewest holds the node to the newest frame that was opened in a room: it still
// shows that one in its place, unless it may have been swept by now. One that was
// set back to an older copy has none there, or another.
func (c *Client) holdNewest(ctx context.Context, id bus.RoomID) error {
	known, err := c.newestHeld(ctx, id)
	if err != nil || known.Seq == 0 {
		return err
	}
	var found *wire.StoredMessage
	_, err = c.page(ctx, wire.MessagesAfter(id, known.Seq-1, 1), func(m wire.StoredMessage) error {
		if m.Seq == known.Seq {
			found = &m
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case found != nil && frame.Hash(found.Frame).Prefix() == known.Frame:
		return nil
	case found != nil:
		return errOtherMessage
	}
	return c.withheld(ctx, id, known.At)
}

// withheld is what it means that a room shows no more what was stored at a time. Its
// log is read on first: whoever has messages kept for less says so there.
func (c *Client) withheld(ctx context.Context, id bus.RoomID, at time.Time) error {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	r, err := c.world.syncRoom(ctx, id)
	if err != nil || r.swept(at, c.now()) {
		return err
	}
	return errWithheld.WithHint(hintRestored)
}

// keeping is how long a room keeps messages, from an entry on.
type keeping struct {
	from      time.Time
	retention time.Duration
}

// swept reports whether a node may have deleted by now what it stored at a time:
// it was older than the retention when that was changed, or is now. The clocks of
// the node and of this device may be on either side of the right one, and that of
// who changed it farther off.
func (r *room) swept(at, now time.Time) bool {
	for i, k := range r.kept {
		end := now
		if i+1 < len(r.kept) {
			end = r.kept[i+1].from.Add(bus.ChainSkew)
		}
		if !end.Add(2 * bus.ClockSkew).Before(at.Add(k.retention)) {
			return true
		}
	}
	return false
}

// AcceptMessages forgets which messages of a room were seen, after an admin said
// that the node was restored from an older copy: what it shows now is believed
// again. The mark up to which was read is forgotten with them.
func (c *Client) AcceptMessages(ctx context.Context, id bus.RoomID) error {
	c.mu.Lock()
	delete(c.held, id)
	delete(c.unkept, id)
	delete(c.tallies, id)
	c.mu.Unlock()
	return c.store.ForgetNewest(ctx, id)
}
