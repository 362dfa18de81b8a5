package client

import (
	"context"
	"errors"

	"unibus/internal/bus"
	"unibus/internal/chain/buslog"
	"unibus/internal/identity"
)

// org is the organisation key in force as far as the bus log is known here.
func (c *Client) org() identity.VerifyKey {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	return c.world.bus.Org
}

// RotateOrg gives the bus another organisation key. It is on disk before the bus
// knows it; what is interrupted goes on when it is called again.
func (c *Client) RotateOrg(ctx context.Context) (identity.VerifyKey, error) {
	old, next, err := c.nextOrg()
	if err != nil {
		return identity.VerifyKey{}, err
	}
	_, _, err = c.appendBus(ctx, buslog.OpOrgRotate, func(s *buslog.State) ([]byte, error) {
		switch s.Org {
		case next.Public():
			return nil, nil
		case old.Public():
			return buslog.OrgRotateBody(next.Public()), nil
		}
		return nil, bus.Errorf(bus.Unauthenticated, "old_org", "the organisation key here is not that of the bus any more").
			WithHint("it was replaced elsewhere; put the newest back: unibus identity words --org --restore -")
	}, old, next)
	if err != nil {
		return identity.VerifyKey{}, err
	}
	return next.Public(), c.kems.keys.Update(func(f *identity.File) (bool, error) {
		f.Org, f.NextOrg = &next, nil
		return true, nil
	})
}

// nextOrg keeps a new organisation key, or finds the one that was kept before.
func (c *Client) nextOrg() (old, next identity.SigningKey, err error) {
	if c.kems.keys == nil {
		return old, next, errNoOrg
	}
	err = c.kems.keys.Update(func(f *identity.File) (bool, error) {
		if f.Org == nil {
			return false, errNoOrg
		}
		fresh := f.NextOrg == nil
		if fresh {
			made := identity.NewSigningKey()
			f.NextOrg = &made
		}
		old, next = *f.Org, *f.NextOrg
		return fresh, nil
	})
	return old, next, err
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
		if f.NextOrg != nil {
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
	mine := acc != nil && acc.Len > 0 && acc.Key == seed.Account().Public()
	c.world.mu.Unlock()
	if !mine {
		return false, bus.Errorf(bus.Unauthenticated, "foreign_words", "these are not the words of your account").
			WithHint("are they the newest? 'unibus identity rotate' makes new ones")
	}
	return c.putBack(func(f *identity.File) (bool, error) {
		if f.Next != nil {
			return false, errRotating
		}
		had := f.Seed != nil
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
	if !errors.Is(err, errUnreachable) {
		return err
	}
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

var errNoOrg = bus.Errorf(bus.NotFound, "no_org", "these keys do not hold the organisation key").
	WithHint("the founder of the bus has it")
