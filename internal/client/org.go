package client

import (
	"context"

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
	org, err := c.orgNow(ctx)
	if err != nil {
		return identity.VerifyKey{}, err
	}
	old, next, err := c.nextOrg(org)
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
		return nil, errOldOrg
	}, old, next)
	if err != nil {
		return identity.VerifyKey{}, err
	}
	return next.Public(), c.kems.keys.Update(func(f *identity.File) (bool, error) {
		f.Org, f.NextOrg = &next, nil
		return true, nil
	})
}

// orgNow is the organisation key in force.
func (c *Client) orgNow(ctx context.Context) (identity.VerifyKey, error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	err := c.world.syncBus(ctx)
	return c.world.bus.Org, err
}

var errOldOrg = bus.Errorf(bus.Unauthenticated, "old_org", "the organisation key here is not that of the bus any more").
	WithHint("it was replaced elsewhere; put the newest back: unibus identity words --org --restore -")

// nextOrg keeps a new organisation key, or finds the one that was kept before. A
// key that is not in force, org, replaces nothing.
func (c *Client) nextOrg(org identity.VerifyKey) (old, next identity.SigningKey, err error) {
	if c.kems.keys == nil {
		return old, next, errNoOrg
	}
	outdated := false
	err = c.kems.keys.Update(func(f *identity.File) (changed bool, err error) {
		if f.Org == nil {
			return false, errNoOrg
		}
		changed, outdated = dropOrg(f, org), outdatedOrg(f, org)
		if outdated {
			return changed, nil
		}
		fresh := f.NextOrg == nil
		if fresh {
			made := identity.NewSigningKey()
			f.NextOrg = &made
		}
		old, next = *f.Org, *f.NextOrg
		return fresh, nil
	})
	if err == nil && outdated {
		err = errOldOrg
	}
	return old, next, err
}

var errNoOrg = bus.Errorf(bus.NotFound, "no_org", "these keys do not hold the organisation key").
	WithHint("the founder of the bus has it")
