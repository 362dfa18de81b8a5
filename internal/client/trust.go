package client

import (
	"context"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/buslog"
	"unibus/internal/identity"
)

// trust is what is known here of an account that the bus log names.
func (w *world) trust(id bus.AccountID) bus.Trust {
	a := w.bus.Account(id)
	if a == nil {
		return bus.TrustUnverified
	}
	pin, pinned := w.pins[a.Handle]
	switch {
	case id == w.me:
		return bus.TrustVerified
	case pinned && pin.Account != id:
		return bus.TrustChanged
	case pinned && pin.Key == w.key(a) && pin.Mark != "":
		return pin.Mark // after a change of keys the numbers are others
	case pin.Mark == bus.TrustRejected: // a newer key of the same account is no better
		return bus.TrustRejected
	}
	return bus.TrustUnverified
}

// key is the A in force of an account, as far as its chain is known here.
func (w *world) key(a *buslog.Account) identity.VerifyKey {
	if acc := w.accounts[a.ID]; acc != nil {
		return acc.Key
	}
	return a.Key
}

// trustAll refuses to send to a room while the handle of one of its members
// stands for another account than before, or for somebody whom this user rejected.
func (w *world) trustAll(r *room) error {
	for _, m := range r.Members() {
		if err := w.distrust(m.Account); err != nil {
			return err
		}
	}
	return nil
}

// KeyChanged refuses to send where somebody has another key than before.
func KeyChanged(who string) *bus.Error {
	return bus.Errorf(bus.Integrity, "key_changed", "%s has another key than before", who)
}

// UserRejected refuses to send where somebody is not who he says, as this user found.
func UserRejected(who string) *bus.Error {
	return bus.Errorf(bus.Integrity, "user_rejected", "you compared numbers with %s, and they differed", who)
}

// distrust is why nothing is sent where somebody reads along, nil where nothing
// speaks against him.
func (w *world) distrust(id bus.AccountID) error {
	h := w.handle(id)
	switch w.trust(id) {
	case bus.TrustChanged:
		return KeyChanged(string(h)).WithHint("compare numbers first: unibus identity verify %s", h)
	case bus.TrustRejected:
		return UserRejected(string(h)).
			WithHint("have them taken out of the room, or compare once more: unibus identity verify %s", h)
	}
	return nil
}

// Comparison is what two people hold against each other.
type Comparison struct {
	User   bus.Handle
	Number string // 12 groups of 5 digits, the same on both sides
	Trust  bus.Trust
	Since  time.Time // when the key took the place of one that was verified here; else zero
	pin    identity.Pin
}

// Compare returns the number of this user and another one.
func (c *Client) Compare(ctx context.Context, h bus.Handle) (cmp Comparison, err error) {
	if h == c.id.Handle {
		return cmp, bus.Errorf(bus.Invalid, "compare_self", "%s is you", h).WithHint("name somebody else")
	}
	theirs, err := c.account(ctx, h)
	if err != nil {
		return cmp, err
	}
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	for _, id := range []bus.AccountID{c.id.Account, theirs.ID} {
		if err := c.world.syncNow(ctx, id); err != nil {
			return cmp, err
		}
	}
	mine := c.world.party(c.world.bus.Account(c.id.Account))
	other := c.world.party(theirs)
	since, _ := c.world.movedOn(h)
	return Comparison{User: h, Number: identity.SafetyNumber(mine, other), Trust: c.world.trust(theirs.ID), Since: since,
		pin: identity.Pin{Account: theirs.ID, Key: other.Key}}, nil
}

// Decide keeps what a person found when he compared: bus.TrustVerified or
// bus.TrustRejected.
func (c *Client) Decide(ctx context.Context, cmp Comparison, mark bus.Trust) error {
	cmp.pin.Mark = mark
	if err := c.store.PutPin(ctx, cmp.User, cmp.pin); err != nil {
		return err
	}
	return c.ReadDecisions(ctx)
}

func (w *world) party(a *buslog.Account) identity.Party {
	return identity.Party{Account: a.ID, Key: w.key(a)}
}

// SameKeys reports whether both numbers are of the same keys.
func (c Comparison) SameKeys(o Comparison) bool {
	return c.Number == o.Number && c.pin.Account == o.pin.Account && c.pin.Key == o.pin.Key
}

// ReadDecisions takes in what was decided about users, without asking the node.
func (c *Client) ReadDecisions(ctx context.Context) (err error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	c.world.pins, err = c.store.Pins(ctx)
	return err
}
