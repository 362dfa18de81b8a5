package client

import (
	"context"
	"errors"

	"unibus/internal/bus"
	"unibus/internal/client/call"
	"unibus/internal/profile"
	"unibus/internal/wire"
)

// removed finds out why a room is refused now, and tells the reader where he is out
// of it.
func (f *follower) removed(ctx context.Context) error {
	out, err := f.c.whyRefused(ctx, f.id)
	if out != nil {
		_ = f.emit(bus.Event{Removed: out})
	}
	return err
}

// whyRefused finds out why a room is refused: deleted, revoked, kicked, or only not
// answered for the moment. Out is nil where this user is not out of the room; an
// error comes in any case.
func (c *Client) whyRefused(ctx context.Context, id bus.RoomID) (out *bus.RemovedEvent, err error) {
	err = c.call.Get(ctx, wire.RoomTarget(id), nil)
	switch {
	case errors.Is(err, bus.ErrNotMember):
		return c.putOut(ctx, id, bus.RemovedKicked)
	case errors.Is(err, bus.ErrRoomClosed):
		return c.putOut(ctx, id, bus.RemovedClosed)
	case bus.KindOf(err) == bus.Unauthenticated, bus.KindOf(err) == bus.Integrity:
		return nil, err
	case err == nil:
		return nil, c.notOpened(ctx, id)
	}
	return nil, errLife
}

// Missing says why a room that this client knows is not among those that the node
// names: nil where it is one's own all the same.
func (c *Client) Missing(ctx context.Context, id bus.RoomID) (*bus.RemovedEvent, error) {
	out, err := c.whyRefused(ctx, id)
	if out != nil || errors.Is(err, errLife) || errors.Is(err, errNotSealed) {
		return out, nil
	}
	return nil, err
}

// putOut takes in that this user is in a room no more, or that the node says so. Only
// an entry of the room's log makes anything go: who left, or whose room was deleted,
// forgets it, and who was put out what he was to send. What somebody read who was put
// out stays with him for as long as the room would keep it, and all of it where the
// node says so alone.
func (c *Client) putOut(ctx context.Context, id bus.RoomID, said bus.RemovedReason) (*bus.RemovedEvent, error) {
	out, err := c.whoRemoved(ctx, id, said)
	switch {
	case ofOneRoom(err), call.Retryable(err):
		return nil, err
	case out.By != "" && out.Reason != bus.RemovedKicked:
		_ = c.store.ForgetRoom(ctx, id)
	default:
		_ = c.store.PutOut(ctx, id, profile.Out{Reason: out.Reason, By: out.By, At: c.now()})
	}
	return out, errRemoved(out)
}

// ErrRemoved is of a room that this user was put out of.
var ErrRemoved = bus.Errorf(bus.Forbidden, "removed", "you are no longer in this room").WithHint("ask an owner of the room")

// errRemoved says by whom, where that is shown.
func errRemoved(out *bus.RemovedEvent) error {
	switch {
	case out.Reason == bus.RemovedClosed && out.By != "":
		return bus.ErrRoomClosed
	case out.Reason == bus.RemovedClosed:
		return errSaidClosed
	case out.Reason == bus.RemovedKicked && out.By != "":
		return bus.Errorf(ErrRemoved.Kind, ErrRemoved.Code, "%s removed you from this room", out.By).WithHint("%s", ErrRemoved.Hint)
	}
	return ErrRemoved
}

// errSaidClosed is a deletion that no entry of the room's log bears out.
var errSaidClosed = bus.Errorf(bus.Forbidden, bus.ErrRoomClosed.Code, "the node says that this room was deleted; nothing shows it").
	WithHint("what you read and wrote there is kept; ask somebody who is in it")

// whoRemoved reads a room's log on to its end for this user, which the node shows to
// who was put out, or was in it when it was deleted, and holds it to the rules: only
// an owner's signature puts a member out, or deletes a room. Where it shows no such
// entry nobody can say who did, or whether anybody did: then that the node said so is
// all there is.
func (c *Client) whoRemoved(ctx context.Context, id bus.RoomID, said bus.RemovedReason) (*bus.RemovedEvent, error) {
	out := &bus.RemovedEvent{Reason: said}
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	r, err := c.world.loadRoom(ctx, id)
	if err != nil {
		return out, err
	}
	if err = c.world.syncBus(ctx); err == nil {
		err = c.world.fetch(ctx, c.world.roomFollow(id, r))
	}
	by, gone := r.whoDropped(c.id.Account)
	switch {
	case gone && by == c.id.Account:
		out.Reason, out.By = bus.RemovedLeft, c.id.Handle
	case gone:
		out.Reason, out.By = bus.RemovedKicked, c.world.handle(by)
	case r.Closed:
		out.Reason, out.By = bus.RemovedClosed, c.world.handle(r.changes[len(r.changes)-1].entry.Account)
	}
	return out, err
}

// whoDropped finds who put an account out of a room that is not in it now.
func (r *room) whoDropped(id bus.AccountID) (by bus.AccountID, gone bool) {
	if _, in := r.Member(id); in {
		return by, false
	}
	for _, ch := range r.changes {
		for _, dropped := range ch.dropped {
			if dropped == id {
				by, gone = ch.entry.Account, true
			}
		}
	}
	return by, gone
}

// Forget deletes what is kept of a room that this user is out of.
func (c *Client) Forget(ctx context.Context, id bus.RoomID) error { return c.store.ForgetRoom(ctx, id) }

// errNotSealed passes by itself: it is tried again.
var errNotSealed = bus.Errorf(bus.Unavailable, "not_sealed", "the room's key was not sealed to this device: it is new, or was away for long").
	WithHint("it is in with the next message of another device or member")

// notOpened is why a room is not opened that one is in: its newest epoch leaves this
// endpoint out, what the node shows of it does not hold, or it passes by itself.
func (c *Client) notOpened(ctx context.Context, id bus.RoomID) error {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	r, err := c.world.syncRoom(ctx, id)
	switch {
	case bus.KindOf(err) == bus.Integrity:
		return err
	case err != nil || r.Epoch == nil:
		return errLife
	}
	if _, in := r.Epoch.Recipient(c.id.Endpoint()); !in {
		return errNotSealed
	}
	return errLife
}
