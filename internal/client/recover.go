package client

import (
	"context"
	"errors"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/client/call"
	"unibus/internal/identity"
	"unibus/internal/profile"
	"unibus/internal/wire"
)

// IdentityOf makes the identity of a new endpoint for the account of a seed:
// keep it before Recover, or an interruption loses it.
func (j *Joining) IdentityOf(seed identity.Seed, name string) *identity.File {
	id := identityFrom(seed, name, j.now().Truncate(time.Millisecond))
	id.Bus = j.bus
	return id
}

// Recovered is what came back.
type Recovered struct {
	Rooms  []bus.RoomID // with their keys
	Closed []bus.RoomID // that give nothing to recovery endpoints: the next member that acts lets this one in
}

// Recover puts the endpoint of id, which holds the seed, on its account, and
// opens what was sealed to the account's recovery endpoint. Keep is called when
// the bus has told the account's name, before the endpoint is put there. It may
// be repeated, and sets id.Handle.
func (j *Joining) Recover(ctx context.Context, id *identity.File, store *profile.Store, keep func() error) (done Recovered, err error) {
	c, err := New(Options{Identity: id, Info: j.info, Store: store, Now: j.now})
	if err != nil {
		return done, err
	}
	defer c.call.HTTP.CloseIdleConnections()
	if err := j.list(ctx, c, keep); err != nil {
		return done, err
	}
	if err := c.confirmListed(ctx); err != nil {
		return done, err
	}
	return c.openRecovered(ctx)
}

// list appends the endpoint to the chain of its account, signed by A and by the
// endpoint itself. Nobody but the node can tell its newest entry: whoever reads
// the chain afterwards finds out whether that was true.
func (j *Joining) list(ctx context.Context, c *Client, keep func() error) error {
	var s wire.Entries
	if c.call.Get(ctx, wire.LogTarget(0), &s) == nil {
		return nil // known already: this was begun before
	}
	a := c.id.Seed.Account()
	tail := chain.Tail{Bus: j.bus, Chain: chain.ID(c.id.Account)}
	for range maxRaces {
		e := tail.New(account.OpAdd, deviceBody(c.id), c.author(), j.now().Truncate(time.Millisecond)).
			Sign(identity.ContextAccount, a, c.id.Content)
		err := c.call.Post(ctx, wire.AccountIDTarget(identity.AccountIDOf(a.Public())), wire.Append{Entry: e.Encode()}, nil)
		var behind *call.BehindError
		switch {
		case errors.As(err, &behind):
		case bus.CodeOf(err) == bus.ErrUnknownSigner.Code:
			return ErrForeignWords.Because(err)
		default:
			return err
		}
		c.id.Account = behind.Account
		tail = chain.Tail{Bus: j.bus, Chain: chain.ID(behind.Account), Len: behind.Head.Index + 1, Hash: behind.Head.Hash}
		if err := keep(); err != nil {
			return err
		}
	}
	return errRaces("this account")
}

// ErrForeignWords: no account has the key of these words, or not any more.
var ErrForeignWords = bus.Errorf(bus.Unauthenticated, "foreign_words", "no user of this bus has these words").
	WithHint("are they of this bus, and the newest? 'unibus identity rotate' makes new ones")

// confirmListed reads the chains from the first entry on: the words' key must
// be that of the account, and this endpoint stand there.
func (c *Client) confirmListed(ctx context.Context) error {
	w := c.world
	w.mu.Lock()
	defer w.mu.Unlock()
	w.me = c.id.Account
	if err := w.syncBus(ctx); err != nil {
		return err
	}
	if err := c.syncOwnNow(ctx); err != nil {
		return err
	}
	user, acc := w.bus.Account(c.id.Account), w.accounts[c.id.Account]
	if user == nil || acc.Key != c.id.Seed.Account().Public() || !acc.Live(c.id.Endpoint(), c.now()) {
		return errWithheld
	}
	c.id.Handle = user.Handle
	return nil
}

// openRecovered keeps the secrets of every epoch that was sealed to the recovery
// endpoint, and lets this endpoint into the epochs to come.
func (c *Client) openRecovered(ctx context.Context) (done Recovered, err error) {
	refs, err := c.roomRefs(ctx)
	if err != nil {
		return done, err
	}
	for _, ref := range refs {
		in, err := c.openAsRecovery(ctx, ref.ID)
		switch {
		case err != nil:
			return done, err
		case in:
			done.Rooms = append(done.Rooms, ref.ID)
		default:
			done.Closed = append(done.Closed, ref.ID)
		}
	}
	return done, nil
}

// openAsRecovery reports whether the room's key in force is here now.
func (c *Client) openAsRecovery(ctx context.Context, id bus.RoomID) (in bool, err error) {
	if err := c.keepAsRecovery(ctx, id); err != nil {
		return false, err
	}
	called, err := c.learnName(ctx, id)
	if err != nil || called.Name == "" {
		return false, err
	}
	if _, err := c.tidy(ctx, id); err != nil && !refusedRekey(err) { // a reader waits for a writer
		return false, err
	}
	return true, nil
}

func (c *Client) keepAsRecovery(ctx context.Context, id bus.RoomID) error {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	r, err := c.world.syncRoom(ctx, id)
	if err != nil {
		return err
	}
	return keepSecrets(ctx, c, r, recoveryReader(*c.id.Seed))
}

// recoveryReader opens what was sealed to the recovery endpoint of a seed.
func recoveryReader(seed identity.Seed) reader {
	key := seed.Recovery()
	return reader{endpoint: identity.RecoveryEndpoint(key.Public()),
		kem: func(uint32) (identity.KEMKey, bool) { return key, true }}
}
