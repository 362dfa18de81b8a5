package client

import (
	"context"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// mayKeep reports whether messages of an epoch may still be stored: no other key is
// handed on, or taken.
func (r *room) mayKeep(epoch bus.Epoch, now time.Time) bool {
	return r.Create.Persist && !r.over(epoch, now)
}

// mayInherit reports whether an epoch was over when me came, and its key may
// have been handed on to it.
func (w *world) mayInherit(r *room, epoch bus.Epoch, me reader) bool {
	old := r.epochs[epoch]
	if old == nil || !r.mayKeep(epoch, w.call.Now()) {
		return false
	}
	if _, in := old.Recipient(me.endpoint); in {
		return false
	}
	for ep := r.epochs[epoch+1]; ep != nil; ep = r.epochs[ep.Number+1] {
		if own, in := ep.Recipient(me.endpoint); in {
			return r.MayInherit(old, own, w)
		}
	}
	return false
}

// inherited returns the key of such an epoch, errNoKey where nobody handed it on.
func (w *world) inherited(ctx context.Context, r *room, epoch bus.Epoch, me reader) (seal.Secret, error) {
	if err := w.takeGrants(ctx, r, me); err != nil {
		return seal.Secret{}, err
	}
	secret, err := w.kept(ctx, r.ID, epoch)
	if bus.KindOf(err) == bus.NotFound {
		err = errNoKey
	}
	return secret, err
}

// takeGrants keeps what was handed on to me in a room and holds. It asks the
// node at most every lookAgain: what nobody handed on is asked for with every
// message of its epoch.
func (w *world) takeGrants(ctx context.Context, r *room, me reader) error {
	now := w.call.Now()
	if at, asked := r.asked[me.endpoint]; r.Epoch == nil || asked && now.Sub(at) < lookAgain {
		return nil
	}
	for from := bus.Epoch(0); ; {
		var page wire.Grants
		err := w.call.Get(ctx, wire.GrantsTarget(r.ID, me.endpoint, from), &page)
		if kind := bus.KindOf(err); kind == bus.Forbidden || kind == bus.NotFound {
			break // nothing for us, as with envelopes
		} else if err != nil {
			return err
		}
		last := from
		for _, g := range page.Items {
			if err := w.takeGrant(ctx, r, g, me); err != nil {
				return err
			}
			last = max(last, g.Epoch)
		}
		if !page.More || last == from || last >= r.Epoch.Number {
			break // more, and never any of it, is a lie
		}
		from = last
	}
	r.asked[me.endpoint] = now
	return nil
}

// takeGrant keeps the key in a grant, if the log says that me may have it from
// whoever sealed it, and that it is the key of its epoch. Any other is as if it
// was not there.
func (w *world) takeGrant(ctx context.Context, r *room, g wire.Granted, me reader) error {
	old, since, before := r.epochs[g.Epoch], r.epochs[g.Since], r.epochs[g.Since-1]
	if old == nil || since == nil || before == nil || g.Epoch >= g.Since || !r.mayKeep(g.Epoch, w.call.Now()) {
		return nil
	}
	own, in := since.Recipient(me.endpoint)
	if _, was := before.Recipient(me.endpoint); !in || was || !r.MayInherit(old, own, w) || !w.mayHandOn(since, own, g.Actor) {
		return nil
	}
	if _, err := w.kept(ctx, r.ID, g.Epoch); bus.KindOf(err) != bus.NotFound {
		return err
	}
	key, have := me.kem(g.Serial)
	if !have {
		return nil
	}
	secret, err := seal.OpenGrant(key, g.Sealed, w.grant(r, since, g.Epoch, g.Actor, me.endpoint, g.Serial))
	if err != nil || checkConfirm(r, old, secret) != nil {
		return nil
	}
	return w.store.PutSecret(ctx, r.ID, g.Epoch, secret.Bytes())
}

// mayHandOn reports whether an endpoint may hand keys on to one that an epoch let
// in: it began the epoch, or is of the same user.
func (w *world) mayHandOn(since *roomlog.Epoch, to roomlog.Recipient, actor bus.EndpointID) bool {
	if actor == since.Actor {
		return true
	}
	acc := w.accounts[to.Account]
	if acc == nil {
		return false
	}
	e := acc.Endpoint(actor)
	return e != nil && e.Signs() && e.Rights.Scope == nil
}
