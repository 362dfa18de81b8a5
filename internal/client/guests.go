package client

import (
	"context"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/roomlog"
)

// AddGuests puts open invites into a room, all in one entry: one new key for
// however many they are. Their owners can read from now on, and take their places
// when they join, whoever is online then.
func (c *Client) AddGuests(ctx context.Context, id bus.RoomID, role bus.RoomRole, invites ...bus.InviteID) error {
	_, err := c.startEpoch(ctx, id, func(r *room) (step, error) {
		var add []roomlog.NewGuest
		var change roomlog.Change
		for _, invite := range invites {
			if _, in := r.Guest(invite); in {
				continue
			}
			add = append(add, roomlog.NewGuest{Invite: invite, Role: role})
			change.Invite = append(change.Invite, roomlog.Guest{Invite: invite, Role: role, Since: r.Len, Time: c.now()})
		}
		if len(add) == 0 {
			return step{}, nil
		}
		return step{op: roomlog.OpAdd, change: change, body: func(st roomlog.Start) []byte {
			return roomlog.Add{Guests: add, Start: st}.Encode()
		}}, nil
	})
	return err
}

// Standing is what this user is in a room, and how large it is.
type Standing struct {
	Role      bus.RoomRole // 0: none
	Endpoints int          // that its key is sealed to
}

// Standing reads a room's log on and says how this user stands in it.
func (c *Client) Standing(ctx context.Context, id bus.RoomID) (s Standing, err error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	r, err := c.world.syncRoom(ctx, id)
	if err != nil {
		return s, err
	}
	if m, in := r.Member(c.id.Account); in {
		s.Role = m.Role
	}
	if r.Epoch != nil {
		s.Endpoints = len(r.Epoch.Audience)
	}
	return s, nil
}

// Invitation is an invite and what became of it.
type Invitation struct {
	ID      bus.InviteID
	Handle  bus.Handle
	State   string // "open", "accepted", "revoked" or "expired"
	By      bus.Handle
	Expires time.Time
}

// Invitations lists all invites in the order they were made, from the verified
// bus log.
func (c *Client) Invitations(ctx context.Context) ([]Invitation, error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if err := c.world.syncBus(ctx); err != nil {
		return nil, err
	}
	all := c.world.bus.Invites()
	out := make([]Invitation, len(all))
	for i, inv := range all {
		out[i] = Invitation{ID: inv.ID, Handle: inv.Handle, State: inviteState(inv, c.now()),
			By: c.world.handle(inv.By), Expires: inv.NotAfter}
	}
	return out, nil
}

func inviteState(inv *buslog.InviteState, now time.Time) string {
	switch {
	case inv.Accepted != nil:
		return "accepted"
	case inv.Revoked:
		return "revoked"
	case inv.Open(now):
		return "open"
	}
	return "expired"
}

// EndInvite revokes an open invite, and takes its guest out of every room that
// this client may change.
func (c *Client) EndInvite(ctx context.Context, id bus.InviteID) (rev Revocation, err error) {
	if rev.Changed, err = c.RevokeInvite(ctx, id); err != nil {
		return rev, err
	}
	rev.Rekeyed, rev.Pending, err = c.dropEnded(ctx)
	return rev, err
}
