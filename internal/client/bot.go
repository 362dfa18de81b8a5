package client

import (
	"context"
	"errors"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/identity"
)

// Bot is an endpoint that runs without a person, before it is listed.
type Bot struct {
	Name  string
	Rooms []bus.RoomID // at least one
	Verbs account.Verb
	Ends  time.Time
}

// NewBot makes the identity of a bot, which says where its bus is and needs no
// profile: keep it before AddBot. NotFound and Conflict refuse before anything
// is made.
func (c *Client) NewBot(ctx context.Context, b Bot) (*identity.File, error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	acc, err := c.syncAccountOf(ctx, c.id.Handle)
	if err == nil {
		err = errors.Join(c.mayAdd(acc), c.nameFree(acc, b.Name))
	}
	if err != nil {
		return nil, err
	}
	id := newEndpoint(b.Name, c.now().Truncate(time.Millisecond))
	id.Bus, id.Account, id.Handle, id.Shared = c.id.Bus, c.id.Account, c.id.Handle, true
	info := c.info
	if info.Seen, err = c.store.Seen(ctx, c.id.Bus); err != nil {
		return nil, err
	}
	if info.Seen != nil {
		info.Seen.Rooms = only(info.Seen.Rooms, b.Rooms)
	}
	id.Context = &info
	return id, nil
}

// only leaves the rooms out that a bot has nothing to do with.
func only(all map[bus.RoomID]bus.Head, rooms []bus.RoomID) map[bus.RoomID]bus.Head {
	out := map[bus.RoomID]bus.Head{}
	for _, id := range rooms {
		if h, ok := all[id]; ok {
			out[id] = h
		}
	}
	return out
}

func (c *Client) nameFree(acc *account.State, name string) error {
	if named(acc, name, c.now()) == nil {
		return nil
	}
	return bus.Errorf(bus.Conflict, "name_taken", "you have an endpoint of this name").
		WithHint("take another name, or revoke it: unibus endpoint revoke")
}

// AddBot lists a bot, and starts an epoch in each of its rooms, so that it can
// act at once. Rooms that refuse one for now are pending.
func (c *Client) AddBot(ctx context.Context, id *identity.File, b Bot) (rekeyed, pending []bus.RoomID, err error) {
	add := account.Add{By: account.ByEndpoint, Kind: account.KindBot, Content: id.Content.Public(),
		Transport: id.Transport.Public(), KEM: id.KEMs[0].Key.Public(), Name: b.Name,
		Rights: account.Rights{NotAfter: b.Ends.Truncate(time.Millisecond), Scope: account.NewScope(b.Verbs, b.Rooms...)}}
	_, _, err = c.appendAccount(ctx, c.id.Handle, account.OpAdd, func(acc *account.State) ([]byte, error) {
		if err := c.nameFree(acc, b.Name); err != nil {
			return nil, err
		}
		add.Key = acc.Key
		return add.Encode(), nil
	}, id.Content)
	if err != nil {
		return nil, nil, err
	}
	return c.tidyAll(ctx, b.Rooms)
}

// errOutOfScope is what the node says too; here it comes before anything is
// asked.
var errOutOfScope = bus.Errorf(bus.Forbidden, "out_of_scope", "this endpoint may not read here: its scope is to publish alone").
	WithHint("read from a device of your own")

// mayRead refuses to read where the scope of this endpoint does not allow it.
// The room was read on before.
func (c *Client) mayRead(id bus.RoomID) error {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if e, _ := c.ownEndpoint(); e != nil && !e.Rights.Verbs(id).Has(account.VerbRead) {
		return errOutOfScope
	}
	return nil
}
