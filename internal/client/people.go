package client

import (
	"context"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/buslog"
	"unibus/internal/identity"
	"unibus/internal/wire"
)

// Person is a user: who he is as the verified bus log says, and what the node
// counts of him.
type Person struct {
	Handle    bus.Handle
	Account   bus.AccountID
	Key       identity.VerifyKey // the account key in force
	KeySince  time.Time          // when it took the place of another one; zero for the first
	Role      bus.UserRole
	Revoked   bool
	Trust     bus.Trust
	Created   time.Time
	Endpoints int // as the node says
}

// State is "active" or "revoked".
func (p Person) State() string {
	if p.Revoked {
		return "revoked"
	}
	return "active"
}

// People lists all users by name, revoked ones too.
func (c *Client) People(ctx context.Context) ([]Person, error) {
	var told wire.List[wire.User]
	if err := c.call.Get(ctx, wire.TargetUsers, &told); err != nil {
		return nil, err
	}
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if err := c.world.syncBus(ctx); err != nil {
		return nil, err
	}
	endpoints := make(map[bus.AccountID]int, len(told.Items))
	for _, u := range told.Items {
		endpoints[u.Account] = u.Endpoints
		if err := c.world.followKey(ctx, u); err != nil {
			return nil, err
		}
	}
	accounts := c.world.bus.Users()
	people := make([]Person, len(accounts))
	for i, a := range accounts {
		people[i] = c.person(a, endpoints[a.ID])
	}
	return people, nil
}

// followKey reads the chain of a user on where the node tells another key than
// is known: whoever never changed his is not asked about.
func (w *world) followKey(ctx context.Context, told wire.User) error {
	if err := w.loadAccount(ctx, told.Account); err != nil {
		return err
	}
	if a := w.bus.Account(told.Account); a == nil || told.Head == nil || w.key(a) == told.Key {
		return nil
	}
	return w.syncAccount(ctx, told.Account, told.Head.Index+1)
}

// person is called with the world locked.
func (c *Client) person(a *buslog.Account, endpoints int) Person {
	p := Person{Handle: a.Handle, Account: a.ID, Key: a.Key, Role: a.Role, Revoked: a.Revoked, Trust: c.world.trust(a.ID),
		Created: a.Since, Endpoints: endpoints}
	if acc := c.world.accounts[a.ID]; acc != nil {
		keys := acc.Keys()
		newest := keys[len(keys)-1]
		p.Key, p.KeySince = newest.Key, newest.Since
	}
	return p
}

// Person returns one user; NotFound, code no_user, where the bus has none.
func (c *Client) Person(ctx context.Context, h bus.Handle) (Person, error) {
	known, err := c.account(ctx, h)
	if err != nil {
		return Person{}, err
	}
	var told wire.User
	if err := c.call.Get(ctx, wire.UserTarget(h), &told); err != nil {
		return Person{}, err
	}
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if err := c.world.syncNow(ctx, known.ID); err != nil {
		return Person{}, err
	}
	return c.person(known, told.Endpoints), nil
}
