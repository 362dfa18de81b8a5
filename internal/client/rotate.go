package client

import (
	"cmp"
	"context"
	"errors"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/identity"
	"unibus/internal/wire"
)

// ErrNeedsWords: the account key is not on this device any more.
var ErrNeedsWords = bus.Errorf(bus.Invalid, "needs_words", "the words of this account are not on this device").
	WithHint("give them from your paper: unibus identity rotate -")

// Rotate gives the account another seed, and with it another A and another
// recovery endpoint. Typed is the seed in force where the identity has it no
// more, else nil. The new seed is on disk before the bus knows its A, and takes
// the old one's place afterwards: what is interrupted goes on when it is called
// again. It returns the rooms with a new key, and those where the next member
// that acts makes one.
func (c *Client) Rotate(ctx context.Context, typed *identity.Seed) (rekeyed, pending []bus.RoomID, err error) {
	key, err := c.keyNow(ctx)
	if err != nil {
		return nil, nil, err
	}
	old, next, err := c.nextSeed(key, typed)
	if err != nil {
		return nil, nil, err
	}
	if err := c.rotateChain(ctx, old, next); err != nil {
		return nil, nil, err
	}
	err = c.kems.keys.Update(func(f *identity.File) (bool, error) {
		f.Seed, f.Next = &next, nil
		return true, nil
	})
	if err != nil {
		return nil, nil, err
	}
	return c.dropEnded(ctx)
}

// keyNow is this account's key in force.
func (c *Client) keyNow(ctx context.Context) (key identity.VerifyKey, err error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if err := c.syncOwnNow(ctx); err != nil {
		return key, err
	}
	return c.world.accounts[c.id.Account].Key, nil
}

// nextSeed keeps a new seed, or finds the one that was kept before. Old is the one
// that gives the key in force; nil where the next one does already. Who has neither
// keeps nothing: a seed that nobody can put in force would be in the way for ever.
func (c *Client) nextSeed(key identity.VerifyKey, typed *identity.Seed) (old *identity.Seed, next identity.Seed, err error) {
	if c.kems.keys == nil {
		return nil, next, bus.Errorf(bus.Unsafe, "keys_fixed", "these keys cannot be changed here").
			WithHint("rotate on a device of your own")
	}
	var refused error
	err = c.kems.keys.Update(func(f *identity.File) (changed bool, err error) {
		changed = dropSeed(f, key)
		if old = inForce(key, f.Seed, typed); old == nil && !gives(f.Next, key) {
			refused = noSeed(f.Seed, typed)
			return changed, nil
		}
		if f.Next != nil {
			next = *f.Next
			return changed, nil
		}
		next = identity.NewSeed()
		f.Next = &next
		return true, nil
	})
	return old, next, cmp.Or(err, refused)
}

// inForce is the seed that gives an account key, nil where none does.
func inForce(key identity.VerifyKey, seeds ...*identity.Seed) *identity.Seed {
	for _, s := range seeds {
		if gives(s, key) {
			return s
		}
	}
	return nil
}

func noSeed(kept, typed *identity.Seed) error {
	if kept == nil && typed == nil {
		return ErrNeedsWords
	}
	return errOldWords
}

// rotateChain appends what is still missing of a rotation.
func (c *Client) rotateChain(ctx context.Context, old *identity.Seed, next identity.Seed) error {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	for range maxRaces {
		if err := c.syncOwnNow(ctx); err != nil {
			return err
		}
		acc := c.world.accounts[c.id.Account]
		op, body, keys, err := c.rotation(acc, old, next)
		if err != nil || body == nil {
			return err
		}
		e := acc.New(op, body, c.author(), c.now()).Sign(identity.ContextAccount, keys...)
		err = c.call.Post(ctx, wire.AccountAppendTarget(c.id.Handle), wire.Append{Entry: e.Encode()}, nil)
		if err != nil && !errors.Is(err, bus.ErrBehind) {
			return err
		}
	}
	return errRaces("this account")
}

// rotation is the next entry of a rotation, by what the chain holds already: the
// new A, its recovery endpoint if the account had one, the end of the old one's.
// A nil body means that all is done.
func (c *Client) rotation(acc *account.State, old *identity.Seed, next identity.Seed) (op chain.Op, body []byte, keys []identity.SigningKey, err error) {
	a := next.Account()
	if acc.Key != a.Public() {
		if old == nil {
			return 0, nil, nil, ErrNeedsWords
		}
		if acc.Key != old.Account().Public() {
			return 0, nil, nil, errOldWords
		}
		return account.OpRotate, account.RotateBody(a.Public()), []identity.SigningKey{old.Account(), a}, nil
	}
	recovery := identity.RecoveryEndpoint(next.Recovery().Public())
	for _, e := range acc.Endpoints() {
		switch {
		case e.Kind != account.KindRecovery || e.Revoked || e.ID == recovery:
		case acc.Endpoint(recovery) == nil:
			return account.OpAdd, recoveryBody(next), []identity.SigningKey{a}, nil
		default:
			end := account.Revoke{By: account.ByEndpoint, Endpoint: e.ID}
			return account.OpRevoke, end.Encode(), []identity.SigningKey{c.id.Content}, nil
		}
	}
	return 0, nil, nil, nil
}

// errOldWords: the account has another A than these words give.
var errOldWords = bus.Errorf(bus.Unauthenticated, "old_words", "these are not the words of your account: it has other ones by now").
	WithHint("they were made by 'unibus identity rotate' on another device; put those here: unibus identity words --restore -")
