package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/identity"
	"unibus/internal/profile"
	"unibus/internal/wire"
)

// LinkDevice opens this user's account for one more device: the link is all
// that it needs, and the only place where its seed is.
func (c *Client) LinkDevice(ctx context.Context, ttl time.Duration) (identity.Link, error) {
	link := identity.Link{Addr: c.call.Addr, Kind: identity.LinkDevice, CA: caHash(c.info.CAPEM), Org: c.info.Org.Hash()}
	_, _ = rand.Read(link.Seed[:])
	keys := identity.OneTimeKeys(link.Seed)
	link.ID = account.LinkID(c.id.Account, keys.Content.Public())
	l := account.Link{By: account.ByEndpoint, ID: link.ID, Content: keys.Content.Public(), Transport: keys.Transport.Public(),
		KEM: keys.KEM.Public(), Kind: account.KindDevice, Rights: account.Rights{MayAdd: true},
		NotAfter: c.now().Add(ttl).Truncate(time.Millisecond)}
	_, _, err := c.appendAccount(ctx, c.id.Handle, account.OpLink, func(acc *account.State) ([]byte, error) {
		return l.Encode(), c.mayAdd(acc)
	})
	return link, err
}

// mayAdd says in words what the rules would refuse without.
func (c *Client) mayAdd(acc *account.State) error {
	if own := acc.Endpoint(c.id.Endpoint()); own == nil || !own.Rights.MayAdd {
		return bus.Errorf(bus.Forbidden, "out_of_scope", "this endpoint may not list others").
			WithHint("do it from a device of your own")
	}
	return nil
}

// OpenDevice is Open for a device link: it also learns whose link it is, and
// believes it only where the link itself says so.
func (j *Joining) OpenDevice(ctx context.Context) error {
	var told wire.Link
	if err := j.guest.Get(ctx, wire.LinkTarget(j.link.ID), &told); err != nil {
		return usedDeviceLink(err)
	}
	if account.LinkID(told.Account, j.keys.Content.Public()) != j.link.ID {
		return bus.Errorf(bus.Integrity, "wrong_account", "the node says that this link is of somebody whom it does not name").
			WithHint("do not use it; tell whoever runs the node")
	}
	j.account = told.Account
	return nil
}

// NewDevice makes the identity of a further device: keys of its own, and none of
// the account's. Keep it before AcceptDevice. OpenDevice came before.
func (j *Joining) NewDevice(name string) *identity.File {
	id := newEndpoint(name, j.now().Truncate(time.Millisecond))
	id.Bus, id.Account = j.bus, j.account
	return id
}

// newEndpoint makes the keys of an endpoint.
func newEndpoint(name string, now time.Time) *identity.File {
	return &identity.File{Name: name, Content: identity.NewSigningKey(), Transport: identity.NewTransportKey(),
		ProfileKey: identity.NewProfileKey(), KEMs: []identity.KEMEntry{{Serial: 1, Key: identity.NewKEMKey(), Made: now}}}
}

// AcceptDevice takes a device link up: it verifies the bus and the account from
// their first entries, and lists the identity in it. It sets id.Handle, and
// id.Name where the account has a device of that name. The rooms' keys come with
// the next epoch that another member starts. It may be repeated.
func (j *Joining) AcceptDevice(ctx context.Context, id *identity.File, store *profile.Store) error {
	c, err := New(Options{Identity: id, Info: j.info, Store: store, Now: j.now})
	if err != nil {
		return err
	}
	defer c.call.HTTP.CloseIdleConnections()
	defer j.guest.HTTP.CloseIdleConnections()
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	own := c.call
	c.world.call = j.guest
	acc, err := j.ownAccount(ctx, c)
	if bus.KindOf(err) == bus.Unauthenticated {
		c.world.call = own // taken up before: the identity's own key is known by now
		acc, err = j.ownAccount(ctx, c)
	}
	if err != nil {
		return usedDeviceLink(err)
	}
	id.Handle = c.world.bus.Account(acc.ID).Handle
	if listed := acc.Endpoint(id.Endpoint()); listed != nil {
		id.Name = listed.Name
		return nil
	}
	return j.acceptLink(ctx, c, acc)
}

// ownAccount is the account of the link, which must name it.
func (j *Joining) ownAccount(ctx context.Context, c *Client) (*account.State, error) {
	if err := c.world.syncBus(ctx); err != nil {
		return nil, err
	}
	if c.world.bus.Account(c.id.Account) == nil {
		return nil, errNoLink
	}
	acc, err := c.world.wholeAccount(ctx, c.id.Account)
	if err != nil {
		return nil, err
	}
	l := acc.LinkOf(j.link.ID)
	switch {
	case l == nil || l.Content != j.keys.Content.Public() || l.Kind != account.KindDevice:
		return nil, errNoLink
	case l.Accepted != nil && *l.Accepted != c.id.Endpoint():
		return nil, errLinkTaken
	}
	return acc, nil
}

// acceptLink appends the accept entry.
func (j *Joining) acceptLink(ctx context.Context, c *Client, acc *account.State) error {
	id := c.id
	for range maxRaces {
		id.Name = freeName(acc, id.Name, c.now())
		body := account.Accept{Link: j.link.ID, Content: id.Content.Public(), Transport: id.Transport.Public(),
			KEM: id.KEMs[0].Key.Public(), Name: id.Name}
		e := acc.New(account.OpAccept, body.Encode(), c.author(), c.now()).
			Sign(identity.ContextAccount, j.keys.Content, id.Content)
		err := j.guest.Post(ctx, wire.LinkAcceptTarget(j.link.ID), wire.Append{Entry: e.Encode()}, nil)
		if err == nil {
			return c.keepAccount(ctx, acc, e)
		}
		if !errors.Is(err, bus.ErrBehind) {
			return usedDeviceLink(err)
		}
		if acc, err = j.ownAccount(ctx, c); err != nil {
			return usedDeviceLink(err)
		}
	}
	return errRaces("this account")
}

// freeName is name, or name-2 and so on where a live endpoint has it: who names
// one to revoke it means one.
func freeName(acc *account.State, name string, now time.Time) string {
	for n := 2; ; n++ {
		try := name
		if n > 2 {
			end := fmt.Sprintf("-%d", n-1)
			try = name[:min(len(name), bus.MaxEndpointName-len(end))] + end
		}
		if named(acc, try, now) == nil {
			return try
		}
	}
}

// named is the live endpoint of a name, nil when there is none.
func named(acc *account.State, name string, now time.Time) *account.Endpoint {
	for _, e := range acc.Endpoints() {
		if e.Name == name && acc.Live(e.ID, now) {
			return e
		}
	}
	return nil
}

var (
	errNoLink = bus.Errorf(bus.NotFound, "no_link", "the account knows no such device link").
			WithHint("make a new one: unibus endpoint add")
	errLinkTaken = bus.Errorf(bus.Conflict, account.ErrLinkUsed.Code, "another device took this link up").
			WithHint("if that was not you, revoke it at once: unibus endpoint list")
)

// usedDeviceLink says of a key that the bus does not know what it means here.
func usedDeviceLink(err error) error {
	if bus.KindOf(err) == bus.Unauthenticated {
		return bus.Errorf(bus.Conflict, account.ErrLinkUsed.Code, "this link was used, revoked, or has expired").
			WithHint("make a new one on a device that you have: unibus endpoint add").Because(err)
	}
	return err
}
