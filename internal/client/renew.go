package client

import (
	"context"
	"errors"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// prepare brings the room up to date, and starts the epoch that a writer owes
// it.
func (o *outbox) prepare(ctx context.Context, g wire.OpenRoom) error {
	if !g.Write {
		return bus.Errorf(bus.Forbidden, "read_only", "you may read this room, not write to it").
			WithHint("ask an owner of the room")
	}
	o.c.world.mu.Lock()
	r, err := o.c.world.freshRoom(ctx, o.id, g.Tip)
	if err == nil {
		o.c.handOn(ctx, r)
	}
	o.c.world.mu.Unlock()
	if err != nil {
		return err
	}
	if err := o.c.renewKey(ctx); err != nil { // an identity without a profile knows its account only now
		return err
	}
	if o.c.mayRead(o.id) == nil { // else nobody asks it what it saw
		if err := o.c.holdNewest(ctx, o.id); err != nil {
			return err
		}
	}
	return o.renew(ctx)
}

// lookAgain is how long a sender relies on hints that the room has changed. They
// may be lost, and frames of an epoch that ended are refused after bus.LateFrames.
const lookAgain = bus.LateFrames / 3

// keepUp looks for changes when something is to be posted, and that was long ago
// or the epoch is over.
func (o *outbox) keepUp(ctx context.Context) error {
	now := o.c.now()
	if !o.unposted() || now.Sub(o.renewed) < lookAgain && now.Before(o.notAfter) {
		return nil
	}
	return o.refresh(ctx)
}

// unposted reports whether anything is to be posted, for the first time or again.
func (o *outbox) unposted() bool {
	return len(o.waiting) > 0 || slices.ContainsFunc(o.parcels, func(p *parcel) bool { return !p.posted })
}

func (o *outbox) refresh(ctx context.Context) error {
	if err := o.c.refresh(ctx, o.id); err != nil {
		return err
	}
	return o.renew(ctx)
}

// renew makes sure that frames are sealed in an epoch that may be used. A plain
// rekey that is refused holds none of them back while the epoch lasts.
func (o *outbox) renew(ctx context.Context) error {
	if _, err := o.c.repair(ctx, o.id); err != nil && !refusedRekey(err) {
		return err
	}
	due, err := o.c.due(ctx, o.id)
	if err != nil {
		return err
	}
	var refused error
	if due {
		_, refused = o.c.tidy(ctx, o.id)
		if err := o.bear(ctx, refused); err != nil {
			return err
		}
	}
	o.renewed = o.c.now()
	return o.newSender(ctx, refused)
}

// bear takes the refusals of a rekey that one can go on without.
func (o *outbox) bear(ctx context.Context, refused error) error {
	switch {
	case bus.KindOf(refused) == bus.Limited:
		return nil
	case bus.CodeOf(refused) == roomlog.ErrNotDue.Code:
		return o.c.recount(ctx, o.id)
	}
	return refused
}

// errEpochOver holds frames back: an epoch that is over protects from nobody who
// got hold of its key since. It is retryable, so that they wait for the next one.
var errEpochOver = bus.Errorf(bus.Unavailable, "epoch_over", "the room's key is too old to send with, and a new one is refused for now").
	WithHint("try again, or ask an owner: unibus room rekey")

// errBadKey holds frames back until there is a key that opens: somebody is about to
// make one, or this client was refused it for now. It is retryable.
func errBadKey(bad *badKey) error {
	return bus.Errorf(bus.Unavailable, "bad_room_key", "%s", bad.told.Message).
		WithHint("a new one is due; try again in a minute").Because(bad)
}

// holdBack does without a key as long as nothing is to be sent.
func (o *outbox) holdBack(bad *badKey) error {
	o.sender, o.epoch, o.notAfter = nil, 0, time.Time{}
	if !o.unposted() {
		return nil
	}
	return errBadKey(bad)
}

// newSender takes the newest epoch into use; refused is why there is no newer
// one.
func (o *outbox) newSender(ctx context.Context, refused error) error {
	o.c.world.mu.Lock()
	defer o.c.world.mu.Unlock()
	r := o.c.world.rooms[o.id]
	if err := o.c.world.trustAll(r); err != nil {
		return err
	}
	if o.notAfter = r.Epoch.NotAfter; !o.c.now().Before(o.notAfter) {
		return errEpochOver.Because(refused)
	}
	if o.sender != nil && r.Epoch.Number == o.epoch {
		return nil
	}
	ep, err := o.c.world.sealEpoch(ctx, r, r.Epoch.Number, o.c.reader())
	var bad *badKey
	if errors.As(err, &bad) && bad.by != o.c.id.Account {
		return o.holdBack(bad)
	}
	if err != nil {
		return err
	}
	o.sender, o.epoch = seal.NewSender(ep, o.c.id.Endpoint(), o.c.id.Content), r.Epoch.Number
	return nil
}

// headOf is the newest entry of a room's log that this client knows.
func (c *Client) headOf(id bus.RoomID) bus.Ref {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	return c.world.rooms[id].Head().Ref()
}

// due reports whether a writer owes the room a new epoch.
func (c *Client) due(ctx context.Context, id bus.RoomID) (bool, error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	r, err := c.world.loadRoom(ctx, id)
	if err != nil {
		return false, err
	}
	reason, change, err := c.owed(ctx, r)
	return reason != 0 || len(change.Drop)+len(change.Uninvite) > 0, err
}
