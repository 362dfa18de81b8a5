package client

import (
	"context"
	"time"

	"unibus/internal/bus"
	"unibus/internal/profile"
)

// Facts is what is known of a room here, whatever the node may have by now.
type Facts struct {
	ID         bus.RoomID
	Name       string            // empty while its key is not here
	With       bus.Handle        // the other person of a room of two
	By         bus.Handle        // who put this user into it; this user, where he came by himself
	Gone       bus.RemovedReason // not "": one is out of it; what one has read is kept for a while
	GoneBy     bus.Handle        // "" where nothing shows it
	Role       bus.RoomRole
	Clear      bool // not end-to-end encrypted
	Epoch      bus.Epoch
	Since      time.Time // of the epoch
	Members    int
	Unverified int // members that nobody compared
	Changed    int // members that have another key than before
	Rejected   int // members whose numbers this user compared, and they differed
}

// KnownRooms lists the rooms that the profile knows, without asking the node; those
// that one is out of too, while something that one has read there may be kept.
func (c *Client) KnownRooms(ctx context.Context) ([]Facts, error) {
	names, err := c.store.Rooms(ctx)
	if err != nil {
		return nil, err
	}
	l := c.local()
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	l.world.looked = map[bus.AccountID]bool{} // who is in many rooms is looked for once
	defer func() { l.world.looked = nil }()
	var out []Facts
	for _, n := range names {
		f, err := l.facts(ctx, n)
		switch {
		case err != nil:
			return nil, err
		case f.Role != 0 || f.Gone != "":
			out = append(out, f)
		}
	}
	return out, nil
}

// RoomFacts is what is known of one room, without asking the node.
func (c *Client) RoomFacts(ctx context.Context, id bus.RoomID) (Facts, error) {
	called, err := c.store.Room(ctx, id)
	if err != nil {
		return Facts{}, err
	}
	l := c.local()
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	return l.facts(ctx, called)
}

// facts is called by the offline client, with its world locked: who only wants to know
// what is here waits for no request.
func (c *Client) facts(ctx context.Context, called profile.RoomName) (Facts, error) {
	f := Facts{ID: called.Room, Name: called.Name, With: called.Direct}
	if called.Out != nil {
		f.Gone, f.GoneBy = called.Out.Reason, called.Out.By
	}
	r, err := c.world.syncRoom(ctx, called.Room)
	if err != nil || r.Epoch == nil {
		return f, err
	}
	me, _ := r.Member(c.id.Account)
	f.Role, f.Clear, f.Epoch, f.Since = me.Role, r.Create.Suite == bus.SuiteClear, r.Epoch.Number, r.Epoch.Started
	f.By = c.world.handle(r.changes[me.Since].entry.Account)
	for _, m := range r.Members() {
		f.Members++
		switch c.world.trust(m.Account) {
		case bus.TrustUnverified:
			f.Unverified++
		case bus.TrustChanged:
			f.Changed++
		case bus.TrustRejected:
			f.Rejected++
		}
	}
	return f, nil
}

// KnownMembers is Members without asking the node.
func (c *Client) KnownMembers(ctx context.Context, id bus.RoomID) ([]Member, error) {
	l := c.local()
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	r, err := l.world.syncRoom(ctx, id)
	if err != nil {
		return nil, err
	}
	return l.members(r), nil
}

// KnownPeople lists everybody on the bus who is not revoked, by name, without
// asking the node.
func (c *Client) KnownPeople(ctx context.Context) (out []bus.Handle, err error) {
	w := c.local().world
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.syncBus(ctx); err != nil {
		return nil, err
	}
	for _, a := range w.bus.Users() {
		if a.Active() {
			out = append(out, a.Handle)
		}
	}
	return out, nil
}
