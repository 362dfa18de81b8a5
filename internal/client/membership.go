package client

import (
	"context"
	"errors"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/roomlog"
	"unibus/internal/client/call"
)

// AddMembers adds users to a room; those who are in it already are left as
// they are.
func (c *Client) AddMembers(ctx context.Context, id bus.RoomID, role bus.RoomRole, users ...bus.Handle) (changed bool, err error) {
	return c.startEpoch(ctx, id, func(r *room) (step, error) {
		var add []roomlog.NewMember
		var change roomlog.Change
		for _, h := range users {
			a, err := c.joined(ctx, h)
			if err != nil {
				return step{}, err
			}
			if _, in := r.Member(a.ID); !in {
				add = append(add, roomlog.NewMember{Account: a.ID, Role: role})
				change.Add = append(change.Add, roomlog.Member{Account: a.ID, Role: role, Since: r.Len, Time: c.now()})
			}
		}
		if len(add) == 0 {
			return step{}, nil
		}
		return step{op: roomlog.OpAdd, change: change, body: func(st roomlog.Start) []byte {
			return roomlog.Add{Members: add, Start: st}.Encode()
		}}, nil
	})
}

// joined returns a user who can be added to rooms: one with an endpoint, whom this
// user trusts as far as he may be sent to. The bus log was read on, and the world is locked.
func (c *Client) joined(ctx context.Context, h bus.Handle) (*buslog.Account, error) {
	a := c.world.bus.User(h)
	if a != nil && a.Revoked {
		return nil, errUserRevoked(h)
	}
	if !a.Active() {
		return nil, bus.Errorf(bus.NotFound, "no_user", "%s is not a user of this bus", h).
			WithHint("invite them: unibus user invite %s", h)
	}
	if err := c.world.syncAccount(ctx, a.ID, 1); err != nil {
		return nil, err
	}
	if c.world.accounts[a.ID].Len == 0 {
		return nil, bus.Errorf(bus.Conflict, "not_joined", "%s has not joined the bus yet", h).WithHint("add them once they have")
	}
	return a, c.world.distrust(a.ID)
}

func errUserRevoked(h bus.Handle) error {
	return bus.Errorf(bus.NotFound, "user_revoked", "%s was revoked on this bus", h).
		WithHint("a name is one account for ever: they come back under another one")
}

// Kick removes a user, or his open invite, from a room and makes a new key.
func (c *Client) Kick(ctx context.Context, id bus.RoomID, h bus.Handle) (changed bool, err error) {
	return c.startEpoch(ctx, id, func(r *room) (step, error) {
		drop, uninvite := c.placesOf(r, h)
		if len(drop)+len(uninvite) == 0 {
			return step{}, nil
		}
		if len(drop) == 1 && drop[0] == c.id.Account {
			return step{}, bus.Errorf(bus.Invalid, "kick_self", "you cannot kick yourself").WithHint("leave: unibus room leave")
		}
		return removal(drop, uninvite), nil
	})
}

// placesOf finds a user among the members and guests of a room.
func (c *Client) placesOf(r *room, h bus.Handle) (drop []bus.AccountID, uninvite []bus.InviteID) {
	if a := c.world.bus.User(h); a != nil {
		if _, in := r.Member(a.ID); in {
			drop = append(drop, a.ID)
		}
	}
	for _, g := range r.Guests() {
		if inv := c.world.bus.Invite(g.Invite); inv != nil && inv.Handle == h {
			uninvite = append(uninvite, g.Invite)
		}
	}
	return drop, uninvite
}

func removal(drop []bus.AccountID, uninvite []bus.InviteID) step {
	return step{op: roomlog.OpRemove, nameless: true, change: roomlog.Change{Drop: drop, Uninvite: uninvite},
		body: func(st roomlog.Start) []byte {
			return roomlog.Remove{Members: drop, Guests: uninvite, Start: st}.Encode()
		}}
}

// Rekey makes a new key for a room.
func (c *Client) Rekey(ctx context.Context, id bus.RoomID) error {
	_, err := c.startEpoch(ctx, id, func(r *room) (step, error) {
		reason, _, err := c.owed(ctx, r)
		return rekey(max(reason, roomlog.ReasonAsked)), err
	})
	return err
}

func rekey(reason roomlog.Reason) step {
	return step{op: roomlog.OpRekey, nameless: true, body: func(st roomlog.Start) []byte {
		return roomlog.Rekey{Reason: reason, Start: st}.Encode()
	}}
}

// tidy starts the epoch that a writer owes a room before his next frame:
// somebody in it lost his right, left, or the key is old. It reports whether
// it did.
func (c *Client) tidy(ctx context.Context, id bus.RoomID) (bool, error) {
	return c.startEpoch(ctx, id, func(r *room) (step, error) {
		reason, change, err := c.owed(ctx, r)
		switch {
		case err != nil:
			return step{}, err
		case len(change.Drop)+len(change.Uninvite) > 0:
			return removal(change.Drop, change.Uninvite), nil
		case reason != 0:
			return rekey(reason), nil
		}
		return step{}, nil
	})
}

// dropEnded tidies every room of this client after somebody lost his right.
func (c *Client) dropEnded(ctx context.Context) (rekeyed, pending []bus.RoomID, err error) {
	refs, err := c.roomRefs(ctx)
	if err != nil {
		return nil, nil, err
	}
	ids := make([]bus.RoomID, len(refs))
	for i, ref := range refs {
		ids[i] = ref.ID
	}
	return c.tidyAll(ctx, ids)
}

// tidyAll tidies rooms. Those that refuse it for now are pending.
func (c *Client) tidyAll(ctx context.Context, ids []bus.RoomID) (rekeyed, pending []bus.RoomID, err error) {
	for _, id := range ids {
		done, err := c.tidy(ctx, id)
		switch {
		case err != nil && errors.Is(err, context.Canceled):
			return rekeyed, pending, err
		case err != nil:
			pending = append(pending, id)
		case done:
			rekeyed = append(rekeyed, id)
		}
	}
	return rekeyed, pending, nil
}

// SetRoomRole changes a member's role, and makes a new key when he gains or
// loses the right to write: the key in force holds everybody to the rights of
// its beginning.
func (c *Client) SetRoomRole(ctx context.Context, id bus.RoomID, h bus.Handle, role bus.RoomRole) (changed bool, err error) {
	moved := false
	err = c.appendPlain(ctx, id, roomlog.OpRole, func(r *room) ([]byte, error) {
		a, err := userNamed(c.world.bus, h)
		if err != nil {
			return nil, err
		}
		m, in := r.Member(a.ID)
		if !in {
			return nil, bus.Errorf(bus.NotFound, "no_member", "%s is not in this room", h).WithHint("see: unibus room members")
		}
		changed, moved = m.Role != role, m.Role.Writes() != role.Writes()
		if !changed {
			return nil, nil
		}
		return roomlog.SetRole{Account: a.ID, Role: role}.Encode(), nil
	})
	if err == nil && moved {
		err = c.Rekey(ctx, id)
	}
	if errors.Is(err, call.ErrRekeyOften) {
		err = nil // whoever writes next owes it
	}
	return changed, err
}

// Leave takes this user out of a room. Its last owner names a successor.
func (c *Client) Leave(ctx context.Context, id bus.RoomID, successor bus.Handle) error {
	err := c.appendPlain(ctx, id, roomlog.OpLeave, func(*room) ([]byte, error) {
		last, err := c.closing(ctx, id)
		if err != nil {
			return nil, err
		}
		l := roomlog.Leave{Closing: last}
		if successor != "" {
			a, err := userNamed(c.world.bus, successor)
			if err != nil {
				return nil, err
			}
			l.Successor = a.ID
		}
		return l.Encode(), nil
	})
	if err != nil {
		return err
	}
	return c.store.ForgetRoom(ctx, id)
}

// DeleteRoom closes a room for everybody; the node drops its messages.
func (c *Client) DeleteRoom(ctx context.Context, id bus.RoomID) error {
	err := c.appendPlain(ctx, id, roomlog.OpClose, func(*room) ([]byte, error) { return []byte{}, nil })
	if err != nil {
		return err
	}
	return c.store.ForgetRoom(ctx, id)
}

// LogEntry is one verified entry of a room log, in words.
type LogEntry struct {
	Index   uint32
	Op      string
	By      bus.Handle
	Time    time.Time
	Epoch   bus.Epoch
	Added   []bus.Handle
	Removed []bus.Handle
	Invited []bus.Handle
	Heirs   []bus.Handle // who may read what is kept from before since it let a device of theirs in
	Hash    bus.Hash

	BadKeyBy bus.Handle // whose key did not open, as By says; "" for nobody's
}

// Log returns the verified log of a room, oldest first.
func (c *Client) Log(ctx context.Context, id bus.RoomID) ([]LogEntry, error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	r, err := c.world.syncRoom(ctx, id)
	if err != nil {
		return nil, err
	}
	out := make([]LogEntry, len(r.changes))
	for i, ch := range r.changes {
		out[i] = c.world.describe(ch)
		out[i].Heirs = c.world.heirNames(r, ch)
	}
	return out, nil
}

// heirNames are those whose endpoints an entry let in, and who may read what was
// sent before: so says the log, whoever handed the keys on. In a room that is
// read from joining on these are further devices of its members.
func (w *world) heirNames(r *room, ch change) (out []bus.Handle) {
	ep, before := r.epochs[ch.epoch], r.epochs[ch.epoch-1]
	if !ch.started || before == nil {
		return nil
	}
	for _, n := range ep.Newcomers(before) {
		joins := r.Create.History == bus.HistoryJoin &&
			slices.ContainsFunc(ch.added, func(m roomlog.Member) bool { return m.Account == n.Account })
		if h := w.handleOf(n, ch); !joins && r.MayInherit(before, n, w) && !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	return out
}

// handleOf is whose an endpoint is that an entry let in, also that of a guest.
func (w *world) handleOf(n roomlog.Recipient, ch change) bus.Handle {
	for _, g := range ch.invited {
		if inv := w.bus.Invite(g.Invite); inv != nil && inv.Endpoint() == n.Endpoint {
			return inv.Handle
		}
	}
	return w.handle(n.Account)
}

func (w *world) describe(ch change) LogEntry {
	e := LogEntry{Index: ch.entry.Index, Op: roomlog.OpName(ch.entry.Op), By: w.handle(ch.entry.Account),
		Time: ch.entry.Time, Epoch: ch.epoch, Hash: ch.entry.Hash()}
	if ch.blamed != nil {
		e.BadKeyBy = w.handle(*ch.blamed)
	}
	for _, m := range ch.added {
		e.Added = append(e.Added, w.handle(m.Account))
	}
	for _, id := range ch.dropped {
		e.Removed = append(e.Removed, w.handle(id))
	}
	for _, g := range ch.invited {
		if inv := w.bus.Invite(g.Invite); inv != nil {
			e.Invited = append(e.Invited, inv.Handle)
		}
	}
	return e
}
