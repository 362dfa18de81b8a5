package client

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
	"unibus/internal/profile"
	"unibus/internal/wire"
)

// Users lists the users as the node tells them.
func (c *Client) Users(ctx context.Context) ([]wire.User, error) {
	var list wire.List[wire.User]
	return list.Items, c.call.Get(ctx, wire.TargetUsers, &list)
}

// account returns a user from the verified bus log.
func (c *Client) account(ctx context.Context, h bus.Handle) (*buslog.Account, error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if err := c.world.syncBus(ctx); err != nil {
		return nil, err
	}
	return userNamed(c.world.bus, h)
}

func userNamed(s *buslog.State, h bus.Handle) (*buslog.Account, error) {
	if a := s.User(h); a != nil {
		return a, nil
	}
	return nil, bus.Errorf(bus.NotFound, "no_user", "%s is not a user of this bus", h).WithHint("see: unibus user list")
}

// appendBus appends an entry to the bus log. Body is asked again after
// somebody else was first; a nil body means that nothing is left to do.
func (c *Client) appendBus(ctx context.Context, op chain.Op, body func(*buslog.State) ([]byte, error), co ...identity.SigningKey) (done wire.Appended, changed bool, err error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	for range maxRaces {
		if err := c.syncOwn(ctx); err != nil {
			return done, false, err
		}
		b, err := body(c.world.bus)
		if err != nil || b == nil {
			return done, false, err
		}
		by := c.author()
		by.Seen = c.world.accounts[c.id.Account].Head().Ref()
		e := c.world.bus.New(op, b, by, c.now()).Sign(identity.ContextBus, append([]identity.SigningKey{c.id.Content}, co...)...)
		err = c.call.Post(ctx, wire.LogAppendTarget, wire.Append{Entry: e.Encode()}, &done)
		if err == nil {
			return done, true, c.keepBus(ctx, e)
		}
		if !errors.Is(err, bus.ErrBehind) {
			return done, false, c.whoMay(err)
		}
		if c.busHolds(ctx, e) {
			return done, true, nil
		}
	}
	return done, false, errRaces("the bus log")
}

// whoMay says in words why the rules refuse this endpoint what admins do.
func (c *Client) whoMay(err error) error {
	if bus.CodeOf(err) != chain.ErrRefused.Code {
		return err
	}
	own, _ := c.ownEndpoint()
	switch {
	case !c.world.bus.IsAdmin(c.id.Account):
		return errNotAdmin.Because(err)
	case own != nil && own.Rights.Scope != nil:
		return bus.Errorf(bus.Forbidden, "not_admin", "a bot may not do this, whoever it belongs to").
			WithHint("use a device of an admin").Because(err)
	}
	return err
}

// syncOwn reads on the bus log and this account's own chain, on which its
// entries rest.
func (c *Client) syncOwn(ctx context.Context) error {
	if err := c.world.syncBus(ctx); err != nil {
		return err
	}
	return c.world.syncAccount(ctx, c.id.Account, 1)
}

func (c *Client) keepBus(ctx context.Context, e *chain.Entry) error {
	step, err := c.world.bus.Check(e, roomlog.Speakers{Facts: c.world})
	if err != nil {
		return err
	}
	step()
	return c.store.Append(ctx, profile.LogBus, chain.ID(c.call.Bus), e.Index, [][]byte{e.Encode()})
}

// busHolds finds out whether an append took effect whose answer got lost.
func (c *Client) busHolds(ctx context.Context, e *chain.Entry) bool {
	if err := c.world.syncBus(ctx); err != nil {
		return false
	}
	hash, ok := c.world.bus.HashAt(e.Index)
	return ok && hash == e.Hash()
}

// AddUser admits the key that its owner printed with `identity new`, and
// returns the link of the bus, which holds no secret. Adding the same key
// under the same name again changes nothing.
func (c *Client) AddUser(ctx context.Context, h bus.Handle, key identity.KeyLine) (link identity.Link, changed bool, err error) {
	_, changed, err = c.appendBus(ctx, buslog.OpUser, func(s *buslog.State) ([]byte, error) {
		if a := s.User(h); a.Active() && a.Key == key.Account {
			return nil, nil
		}
		if h.Reserved() {
			return nil, bus.ErrReserved
		}
		return buslog.User{Handle: h, Key: key.Account}.Encode(), nil
	})
	if err != nil {
		return link, changed, err
	}
	link = BusLink(c.info)
	link.Org = c.org().Hash()
	return link, changed, nil
}

// BusLink says where a bus is and how to know it. It holds no secret.
func BusLink(info identity.ContextInfo) identity.Link {
	return identity.Link{Addr: strings.TrimPrefix(info.URL, "https://"), Kind: identity.LinkBus,
		CA: caHash(info.CAPEM), Org: info.Org.Hash()}
}

// Invite opens the bus for one person: the link is all that he needs, and the
// only place where its seed is.
func (c *Client) Invite(ctx context.Context, h bus.Handle, ttl time.Duration) (identity.Link, error) {
	link := identity.Link{Addr: c.call.Addr, Kind: identity.LinkInvite, CA: caHash(c.info.CAPEM), Org: c.info.Org.Hash()}
	if h.Reserved() {
		return link, bus.ErrReserved
	}
	_, _ = rand.Read(link.ID[:])
	_, _ = rand.Read(link.Seed[:])
	keys := identity.OneTimeKeys(link.Seed)
	inv := buslog.Invite{ID: link.ID, Handle: h, Content: keys.Content.Public(), Transport: keys.Transport.Public(),
		KEM: keys.KEM.Public(), NotAfter: c.now().Add(ttl).Truncate(time.Millisecond)}
	_, _, err := c.appendBus(ctx, buslog.OpInvite, func(*buslog.State) ([]byte, error) { return inv.Encode(), nil })
	link.Org = c.org().Hash()
	return link, err
}

// RevokeInvite ends an open invite. Rooms drop its guest with their next epoch.
func (c *Client) RevokeInvite(ctx context.Context, id bus.InviteID) (changed bool, err error) {
	_, changed, err = c.appendBus(ctx, buslog.OpInviteRevoke, func(s *buslog.State) ([]byte, error) {
		inv := s.Invite(id)
		if inv == nil {
			return nil, bus.Errorf(bus.NotFound, "no_invite", "no such invite").WithHint("see: unibus invite list")
		}
		if inv.Revoked {
			return nil, nil
		}
		return id[:], nil
	})
	return changed, err
}

// SetRole changes what a user may do on the bus.
func (c *Client) SetRole(ctx context.Context, h bus.Handle, role bus.UserRole) (changed bool, err error) {
	_, changed, err = c.appendBus(ctx, buslog.OpRole, func(s *buslog.State) ([]byte, error) {
		if a := s.User(h); a.Active() && a.Role == role {
			return nil, nil
		}
		return buslog.Role{Handle: h, Role: role}.Encode(), c.mayAlone(s, h)
	}, c.orgKey(ctx, h)...)
	return changed, err
}

// mayAlone says what is missing against an admin.
func (c *Client) mayAlone(s *buslog.State, h bus.Handle) error {
	if a := s.User(h); a.Active() && a.Role == bus.RoleAdmin && c.id.Org == nil {
		return bus.Errorf(bus.Forbidden, "needs_two", "%s is an admin: it takes the organisation key, or two admins", h).
			WithHint("add --propose, and have another admin co-sign")
	}
	return nil
}

// orgKey is needed against an admin, and only there.
func (c *Client) orgKey(ctx context.Context, h bus.Handle) []identity.SigningKey {
	a, err := c.account(ctx, h)
	if err != nil || a.Role != bus.RoleAdmin || c.id.Org == nil {
		return nil
	}
	return []identity.SigningKey{*c.id.Org}
}

// Revocation is what a revocation did.
type Revocation struct {
	Changed bool
	Cut     int          // connections that were closed
	Rekeyed []bus.RoomID // rooms that have a new key
	Pending []bus.RoomID // rooms where the next member that acts makes one
}

// RevokeUser ends a user: his connections are cut before this returns, and
// every room of his that this client is a member of gets a new key.
func (c *Client) RevokeUser(ctx context.Context, h bus.Handle) (rev Revocation, err error) {
	done, changed, err := c.appendBus(ctx, buslog.OpRevoke, func(s *buslog.State) ([]byte, error) {
		a, err := userNamed(s, h)
		if err != nil {
			return nil, err
		}
		if a.Revoked {
			return nil, nil
		}
		return buslog.Revoke{Handle: h}.Encode(), c.mayAlone(s, h)
	}, c.orgKey(ctx, h)...)
	if err != nil {
		return rev, err
	}
	rev.Changed, rev.Cut = changed, done.Cut
	rev.Rekeyed, rev.Pending, err = c.dropEnded(ctx)
	return rev, err
}
