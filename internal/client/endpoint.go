package client

import (
	"context"
	"errors"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
	"unibus/internal/profile"
	"unibus/internal/wire"
)

// EndpointState is what became of an endpoint or a device link.
type EndpointState string

// The states; scripts compare them.
const (
	EndpointLive    EndpointState = "live"
	EndpointRevoked EndpointState = "revoked"
	EndpointEnded   EndpointState = "ended"  // its time is over
	EndpointAsleep  EndpointState = "asleep" // its kem key is so old that nothing is sealed to it
	EndpointOpen    EndpointState = "open"   // a link that nobody took up
)

// Endpoint is one device, bot, recovery endpoint or open device link of a user,
// as the verified account chain says.
type Endpoint struct {
	ID      bus.EndpointID
	Name    string // as its owner wrote it; clean it before a person sees it
	Kind    string // "device", "bot", "recovery" or "link"
	State   EndpointState
	Rights  account.Rights
	Since   time.Time
	LastKey time.Time // when its kem key in force was made; of a link when it was
	Mine    bool      // it is this client's own
}

// Endpoints lists what a user has listed, oldest first, and the links that can
// still be taken up.
func (c *Client) Endpoints(ctx context.Context, h bus.Handle) ([]Endpoint, error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	acc, err := c.syncAccountOf(ctx, h)
	if err != nil {
		return nil, err
	}
	var out []Endpoint
	for _, e := range acc.Endpoints() {
		out = append(out, c.endpoint(e, acc.Len-1))
	}
	for _, l := range acc.Links() {
		if acc.LinkOpen(l.ID, c.now()) {
			out = append(out, Endpoint{ID: l.Endpoint(), Kind: "link", State: EndpointOpen, Rights: l.Rights,
				Since: l.Made, LastKey: l.Made})
		}
	}
	return out, nil
}

func (c *Client) endpoint(e *account.Endpoint, at uint32) Endpoint {
	_, _, made, _ := e.KEM(at)
	return Endpoint{ID: e.ID, Name: e.Name, Kind: kindOf(e.Kind), State: stateOf(e, made, c.now()), Rights: e.Rights,
		Since: e.Since, LastKey: made, Mine: e.ID == c.id.Endpoint()}
}

func kindOf(k account.Kind) string {
	switch k {
	case account.KindRecovery:
		return "recovery"
	case account.KindBot:
		return "bot"
	}
	return "device"
}

func stateOf(e *account.Endpoint, made, now time.Time) EndpointState {
	switch {
	case e.Revoked:
		return EndpointRevoked
	case e.Rights.Ended(now):
		return EndpointEnded
	case e.Asleep(made, now):
		return EndpointAsleep
	}
	return EndpointLive
}

// syncAccountOf reads a user's account chain on as far as the node goes. The
// world is locked.
func (c *Client) syncAccountOf(ctx context.Context, h bus.Handle) (*account.State, error) {
	if err := c.world.syncBus(ctx); err != nil {
		return nil, err
	}
	user, err := userNamed(c.world.bus, h)
	if err != nil {
		return nil, err
	}
	return c.world.wholeAccount(ctx, user.ID)
}

// wholeAccount is syncNow with the chain of a user whom the bus log knows.
func (w *world) wholeAccount(ctx context.Context, id bus.AccountID) (*account.State, error) {
	err := w.syncNow(ctx, id)
	return w.accounts[id], err
}

// appendAccount appends an entry to a user's account chain. Body is asked again
// after somebody else was first; nil means that nothing is left to do. Co signs
// behind this endpoint's C.
func (c *Client) appendAccount(
	ctx context.Context, h bus.Handle, op chain.Op, body func(*account.State) ([]byte, error), co ...identity.SigningKey,
) (done wire.Appended, changed bool, err error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	for range maxRaces {
		if err := c.syncOwnNow(ctx); err != nil {
			return done, false, err
		}
		acc, err := c.syncAccountOf(ctx, h)
		if err != nil {
			return done, false, err
		}
		b, err := body(acc)
		if err != nil || b == nil {
			return done, false, err
		}
		by := c.author()
		by.Seen = c.world.bus.Head().Ref()
		e := acc.New(op, b, by, c.now()).Sign(identity.ContextAccount, append([]identity.SigningKey{c.id.Content}, co...)...)
		err = c.call.Post(ctx, wire.AccountAppendTarget(h), wire.Append{Entry: e.Encode()}, &done)
		if err == nil {
			return done, true, c.keepAccount(ctx, acc, e)
		}
		if !errors.Is(err, bus.ErrBehind) {
			return done, false, err
		}
		if c.accountHolds(ctx, acc, e) {
			return done, true, nil
		}
	}
	return done, false, errRaces("this account")
}

func (c *Client) keepAccount(ctx context.Context, acc *account.State, e *chain.Entry) error {
	step, err := acc.Check(e, roomlog.Speakers{Facts: c.world})
	if err != nil {
		return err
	}
	step()
	return c.store.Append(ctx, profile.LogAccount, chain.ID(acc.ID), e.Index, [][]byte{e.Encode()})
}

// accountHolds finds out whether an append took effect whose answer got lost.
func (c *Client) accountHolds(ctx context.Context, acc *account.State, e *chain.Entry) bool {
	_, err := c.world.wholeAccount(ctx, acc.ID)
	return err == nil && acc.Holds(e.Head().Ref())
}

// RevokeEndpoint ends an endpoint or a device link, of this user or, by an
// admin, of another one: connections are cut before this returns, and every
// room that it shares with this client gets a new key.
func (c *Client) RevokeEndpoint(ctx context.Context, h bus.Handle, id bus.EndpointID) (rev Revocation, err error) {
	done, changed, err := c.appendAccount(ctx, h, account.OpRevoke, func(acc *account.State) ([]byte, error) {
		if e := acc.Endpoint(id); e != nil && e.Revoked {
			return nil, nil
		}
		r := account.Revoke{By: account.ByEndpoint, Endpoint: id}
		if acc.ID != c.id.Account {
			r.By, r.At = account.ByAdmin, c.world.accounts[c.id.Account].Head().Ref()
		}
		return r.Encode(), nil
	})
	if err != nil {
		return rev, err
	}
	rev.Changed, rev.Cut = changed, done.Cut
	if id == c.id.Endpoint() {
		return rev, nil // from here on this client may do nothing more
	}
	rev.Rekeyed, rev.Pending, err = c.dropEnded(ctx)
	return rev, err
}
