package client

import (
	"context"
	"errors"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client/call"
	"unibus/internal/identity"
)

// askWait is how long the node is asked whether words are still good: they are
// printed where it does not answer too.
const askWait = 5 * time.Second

// CheckSeed says whether a seed is still the account's: its words are worth
// nothing once another device has rotated (old_words, Unauthenticated). Where the
// node could not be asked, unasked says why, and what this device knows decides.
func (c *Client) CheckSeed(ctx context.Context, seed identity.Seed) (unasked, err error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if unasked, err = c.askOwn(ctx); err != nil {
		return unasked, err
	}
	if acc := c.world.accounts[c.id.Account]; acc != nil && acc.Len > 0 && !gives(&seed, acc.Key) {
		return unasked, errOldWords
	}
	return unasked, nil
}

// CheckOrg is CheckSeed for the organisation key (old_org).
func (c *Client) CheckOrg(ctx context.Context, key identity.SigningKey) (unasked, err error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if unasked, err = c.askOwn(ctx); err != nil {
		return unasked, err
	}
	if c.world.bus.Len > 0 && c.world.bus.Org != key.Public() {
		return unasked, errOldOrg
	}
	return unasked, nil
}

// askOwn reads the bus log and the own account on, or else what is kept of them.
func (c *Client) askOwn(ctx context.Context) (unasked, err error) {
	asking, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	unasked = c.syncOwnNow(asking)
	if unasked == nil || bus.KindOf(unasked) == bus.Integrity { // it answered, and what it says does not hold
		return nil, unasked
	}
	return unasked, c.loadOwn(ctx)
}

// gives reports whether the words of a seed stand for an account key.
func gives(seed *identity.Seed, key identity.VerifyKey) bool {
	return seed != nil && seed.Account().Public() == key
}

// dropSeed forgets a seed that was to come next, if the account went on without
// it: neither it nor the one that it was to replace gives the key in force.
func dropSeed(f *identity.File, key identity.VerifyKey) (changed bool) {
	if f.Next == nil || f.Seed == nil || gives(f.Seed, key) || gives(f.Next, key) {
		return false
	}
	f.Next = nil
	return true
}

// outdatedOrg reports whether the bus has another organisation key than those
// that an identity holds.
func outdatedOrg(f *identity.File, org identity.VerifyKey) bool {
	return f.Org.Public() != org && (f.NextOrg == nil || f.NextOrg.Public() != org)
}

// dropOrg is dropSeed for the organisation key.
func dropOrg(f *identity.File, org identity.VerifyKey) (changed bool) {
	if f.NextOrg == nil || f.Org == nil || !outdatedOrg(f, org) {
		return false
	}
	f.NextOrg = nil
	return true
}

// RestoreOrg puts an organisation key that was forgotten back into the identity, if it
// is the one in force as far as the bus log is known here.
func (c *Client) RestoreOrg(ctx context.Context, key identity.SigningKey) (changed bool, err error) {
	if err := c.lookUp(ctx); err != nil {
		return false, err
	}
	c.world.mu.Lock()
	org, was := c.info.Org, false
	if c.world.bus.Len > 0 {
		org, was = c.world.bus.Org, c.world.bus.HasOrg(key.Public())
	}
	c.world.mu.Unlock()
	switch {
	case key.Public() == org:
	case was:
		return false, bus.Errorf(bus.Unauthenticated, "old_words", "these are words of an organisation key that was replaced").
			WithHint("use those that the last 'unibus identity org-rotate' made")
	default:
		return false, bus.Errorf(bus.Unauthenticated, "foreign_words", "these are not the words of the organisation key of this bus").
			WithHint("are they those of another bus, or of your account? the founder wrote them down: unibus identity words --org")
	}
	return c.putBack(func(f *identity.File) (bool, error) {
		if dropOrg(f, org); f.NextOrg != nil {
			return false, errRotating
		}
		had := f.Org != nil && f.Org.Public() == org
		f.Org = &key
		return !had, nil
	})
}

// RestoreSeed puts the seed of this account that was forgotten back into the identity.
func (c *Client) RestoreSeed(ctx context.Context, seed identity.Seed) (changed bool, err error) {
	if err := c.lookUp(ctx); err != nil {
		return false, err
	}
	c.world.mu.Lock()
	acc := c.world.accounts[c.id.Account]
	mine := acc != nil && acc.Len > 0 && gives(&seed, acc.Key)
	c.world.mu.Unlock()
	if !mine {
		return false, bus.Errorf(bus.Unauthenticated, "foreign_words", "these are not the words of your account").
			WithHint("are they the newest? 'unibus identity rotate' makes new ones")
	}
	return c.putBack(func(f *identity.File) (bool, error) {
		if dropSeed(f, seed.Account().Public()); f.Next != nil {
			return false, errRotating
		}
		had := gives(f.Seed, seed.Account().Public())
		f.Seed = &seed
		return !had, nil
	})
}

var errRotating = bus.Errorf(bus.Conflict, "rotating", "a key is being changed: which words are good is not decided").
	WithHint("let 'unibus identity rotate' or 'unibus identity org-rotate' finish first")

// lookUp reads the bus log and the own account on; where no node answers, what is
// known here has to do.
func (c *Client) lookUp(ctx context.Context) error {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	err := c.syncOwnNow(ctx)
	if !errors.Is(err, call.ErrUnreachable) {
		return err
	}
	return c.loadOwn(ctx)
}

// loadOwn reads what is kept here of the bus log and the own account.
func (c *Client) loadOwn(ctx context.Context) error {
	if err := c.world.loadBus(ctx); err != nil {
		return err
	}
	return c.world.loadAccount(ctx, c.id.Account)
}

func (c *Client) putBack(change func(*identity.File) (bool, error)) (changed bool, err error) {
	if c.kems.keys == nil {
		return false, bus.Errorf(bus.Unsafe, "keys_fixed", "these keys cannot be changed here").WithHint("do it on a device of your own")
	}
	err = c.kems.keys.Update(func(f *identity.File) (bool, error) {
		changed, err = change(f)
		return changed, err
	})
	return changed, err
}
