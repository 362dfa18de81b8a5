package client

import (
	"context"
	"net/http"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/roomlog"
	"unibus/internal/client/call"
	"unibus/internal/identity"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// heirs are those whom ep let in and this endpoint hands keys on to: everybody
// if it began ep, else the other endpoints of its user, if it was there before
// them. Who is gone by now, or whose key a person does not trust, gets nothing.
func (c *Client) heirs(r *room, ep *roomlog.Epoch) (to []roomlog.Recipient) {
	before, me := r.epochs[ep.Number-1], c.id.Endpoint()
	if before == nil || r.Create.Suite == bus.SuiteClear {
		return nil
	}
	began := ep.Actor == me
	if _, there := before.Recipient(me); !began && !(there && c.unscoped()) {
		return nil
	}
	for _, n := range ep.Newcomers(before) {
		_, stays := r.Epoch.Recipient(n.Endpoint)
		if n.Endpoint != me && stays && c.world.present(n, c.now()) && (began || n.Account == c.id.Account) && !c.world.trust(n.Account).Hidden() {
			to = append(to, n)
		}
	}
	return to
}

// present reports whether an endpoint has its place on the bus, as far as is known
// here; an epoch without it may be due, and not begun.
func (w *world) present(who roomlog.Recipient, now time.Time) bool {
	if who.Account == (bus.AccountID{}) {
		inv := w.guestOf(who.Endpoint)
		return inv != nil && inv.Open(now)
	}
	a, acc := w.bus.Account(who.Account), w.accounts[who.Account]
	if a == nil || !a.Active() || acc == nil {
		return false
	}
	e := acc.Endpoint(who.Endpoint)
	return e != nil && !e.Revoked && !e.Rights.Ended(now)
}

// guestOf is the invite that an endpoint is the one-time endpoint of.
func (w *world) guestOf(id bus.EndpointID) *buslog.InviteState {
	for _, inv := range w.bus.Invites() {
		if inv.Endpoint() == id {
			return inv
		}
	}
	return nil
}

// unscoped reports whether this endpoint speaks for its user everywhere.
func (c *Client) unscoped() bool {
	own, _ := c.ownEndpoint()
	return own != nil && own.Rights.Scope == nil
}

// giving are grants on their way to those whom an epoch let in.
type giving struct {
	c      *Client
	r      *room
	since  *roomlog.Epoch
	grants []wire.Grant // sealed, not sent
}

// give seals the key of an epoch to those who may inherit it. One that is not
// here, or is not the key, is nobody's to hand on.
func (g *giving) give(ctx context.Context, old *roomlog.Epoch, to []roomlog.Recipient) error {
	if len(to) == 0 {
		return nil
	}
	secret, err := g.c.world.secret(ctx, g.r, old.Number, g.c.reader())
	if bus.KindOf(err) == bus.Integrity {
		return nil
	}
	for _, heir := range to {
		if err == nil {
			err = g.add(secret, old.Number, heir)
		}
	}
	return err
}

func (g *giving) add(secret seal.Secret, epoch bus.Epoch, heir roomlog.Recipient) error {
	w := g.c.world
	to, serial := w.keyOf(heir)
	sealed, err := secret.Grant(*to, w.grant(g.r, g.since, epoch, g.c.id.Endpoint(), heir.Endpoint, serial))
	if err == nil {
		g.grants = append(g.grants, wire.Grant{Epoch: epoch, Endpoint: heir.Endpoint, Serial: serial, Sealed: sealed})
	}
	return err
}

func (g *giving) send(ctx context.Context) error {
	if len(g.grants) == 0 {
		return nil
	}
	var body []byte
	for _, one := range g.grants {
		body = wire.AppendGrant(body, one)
	}
	r := call.Request{Method: http.MethodPut, Target: wire.GrantTarget(g.r.ID, g.since.Number), Kind: wire.MediaGrants, Body: body}
	return g.c.call.Call(ctx, r, nil)
}

// keyOf is the newest kem key of an heir, which may be another than when he came:
// that one may be erased by now.
func (w *world) keyOf(heir roomlog.Recipient) (*identity.KEMPublic, uint32) {
	if acc := w.accounts[heir.Account]; acc != nil {
		if key, serial, _, ok := acc.Endpoint(heir.Endpoint).KEM(acc.Len - 1); ok {
			return key, serial
		}
	}
	return heir.KEM, heir.Serial
}

// grant is the place for which the key of an epoch is sealed to an heir.
func (w *world) grant(r *room, since *roomlog.Epoch, epoch bus.Epoch, actor, heir bus.EndpointID, serial uint32) seal.Grant {
	return seal.Grant{Bus: w.call.Bus, Room: r.ID, Entry: since.Entry, Epoch: epoch, Actor: actor, Recipient: heir, Serial: serial}
}
