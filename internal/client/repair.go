package client

import (
	"context"
	"errors"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
)

// badKey says that somebody gave this endpoint something else than the key of his
// epoch, with what a complaint about it names.
type badKey struct {
	told      *bus.Error // in words
	complaint roomlog.Complaint
	by        bus.AccountID
}

func (b *badKey) Error() string { return b.told.Error() }

func (b *badKey) Unwrap() error { return b.told }

// badKey accuses the author of an epoch of what is wrong with the envelope under
// a leaf that he signed.
func (w *world) badKey(ep *roomlog.Epoch, leaf bus.Hash, cause error) error {
	told := bus.Errorf(bus.Integrity, bus.CodeOf(cause), "the room key that %s made does not open here", w.handle(ep.Author)).
		WithHint("a new one can be made by an owner: unibus room rekey").Because(cause)
	return &badKey{told: told, complaint: roomlog.Complaint{Epoch: ep.Number, Envelope: leaf}, by: ep.Author}
}

// repair starts a new epoch of a room in which the one in force gives this
// endpoint no key, saying so: whoever reads the log sees whose key it was. Who
// may not write, and who would complain of his own user, leaves it to others. It
// returns when to try again, zero for never: it asks no more than once an epoch
// that is taken, and less and less often while it is refused.
func (c *Client) repair(ctx context.Context, id bus.RoomID) (again time.Duration, err error) {
	epoch, again, err := c.suspect(ctx, id)
	if epoch == 0 || again > 0 || err != nil {
		return again, err
	}
	_, err = c.startEpoch(ctx, id, func(r *room) (step, error) {
		bad, err := c.broken(ctx, r) // another epoch may be in force by now
		if bad == nil || err != nil {
			return step{}, err
		}
		return complain(bad.complaint), nil
	})
	if err == nil {
		c.complainedNow(id)
		return 0, nil
	}
	return c.complainLater(id, epoch), err
}

// refusedRekey reports whether somebody may go on although a rekey of his was
// refused: others may make it, or he may later, or it has no place for all of them
// until somebody leaves.
func refusedRekey(err error) bool {
	kind := bus.KindOf(err)
	return kind == bus.Limited || kind == bus.Forbidden || kind == bus.TooLarge
}

func complain(about roomlog.Complaint) step {
	return step{op: roomlog.OpRekey, nameless: true, body: func(st roomlog.Start) []byte {
		return roomlog.Rekey{Reason: roomlog.ReasonBroken, Complaint: about, Start: st}.Encode()
	}}
}

// suspect is the epoch in force if its key does not open here, else 0; again is
// not zero while it is too early to complain of it once more.
func (c *Client) suspect(ctx context.Context, id bus.RoomID) (epoch bus.Epoch, again time.Duration, err error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	r, err := c.world.loadRoom(ctx, id)
	if err != nil || r.Epoch == nil {
		return 0, 0, err
	}
	if again := c.complained(id, r.Epoch.Number); again > 0 {
		return r.Epoch.Number, again, nil
	}
	bad, err := c.broken(ctx, r)
	if bad == nil || err != nil {
		return 0, 0, err
	}
	return bad.complaint.Epoch, 0, nil
}

// broken is what this endpoint has to complain of in the epoch in force, nil for
// nothing. The world is locked.
func (c *Client) broken(ctx context.Context, r *room) (*badKey, error) {
	me, in := r.Epoch.Recipient(c.id.Endpoint())
	if !in || !me.Role.Writes() || r.Create.Suite == bus.SuiteClear || r.Epoch.Author == c.id.Account {
		return nil, nil
	}
	var bad *badKey
	_, err := c.world.secret(ctx, r, r.Epoch.Number, c.reader())
	switch {
	case errors.As(err, &bad):
		return bad, nil
	case errors.Is(err, errNoKey): // lost: a node that has it refuses this
		return &badKey{complaint: roomlog.Complaint{Epoch: r.Epoch.Number}}, nil
	case bus.KindOf(err) == bus.Integrity:
		return nil, nil // the node's doing, or this device's: no member is to blame
	}
	return nil, err
}

const (
	// complainFirst is what a node makes the second of two plain rekeys wait.
	complainFirst = time.Minute
	complainMost  = time.Hour
)

// grievance is how often a complaint about an epoch was refused, and when one
// about any epoch of the room was taken: a node that gives nobody his key would
// have members fill the log with complaints of each other.
type grievance struct {
	epoch bus.Epoch
	times int
	next  time.Time
	taken time.Time
}

// complained is for how long a complaint about an epoch must wait.
func (c *Client) complained(id bus.RoomID, epoch bus.Epoch) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.grievances[id]
	wait := g.taken.Add(complainFirst).Sub(c.now())
	if g.epoch == epoch {
		wait = max(wait, g.next.Sub(c.now()))
	}
	return max(wait, 0)
}

func (c *Client) complainedNow(id bus.RoomID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.grievances[id] = grievance{taken: c.now()}
}

func (c *Client) complainLater(id bus.RoomID, epoch bus.Epoch) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.grievances[id]
	if g.epoch != epoch {
		g = grievance{epoch: epoch, taken: g.taken}
	}
	wait := min(complainFirst<<min(g.times, 10), complainMost)
	g.times, g.next = g.times+1, c.now().Add(wait)
	c.grievances[id] = g
	return wait
}
