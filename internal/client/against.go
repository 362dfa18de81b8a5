package client

import (
	"context"
	"errors"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
	"unibus/internal/wire"
)

// Against is what two admins do to a third where the organisation key is lost:
// revoke him, or take the role away.
type Against struct {
	Handle bus.Handle
	Role   bus.UserRole // 0: revoke
}

// String says what is done, in words.
func (a Against) String() string {
	if a.Role == 0 {
		return "to revoke " + string(a.Handle)
	}
	return "to make " + string(a.Handle) + " a " + a.Role.String()
}

func (a Against) op() chain.Op {
	if a.Role == 0 {
		return buslog.OpRevoke
	}
	return buslog.OpRole
}

func (a Against) body(with *buslog.Cosigner) []byte {
	if a.Role == 0 {
		return buslog.Revoke{Handle: a.Handle, With: with}.Encode()
	}
	return buslog.Role{Handle: a.Handle, Role: a.Role, With: with}.Encode()
}

// meant is what an entry does.
func meant(e *chain.Entry) Against {
	if e.Op == buslog.OpRevoke {
		r, _ := buslog.ParseRevoke(e.Body)
		return Against{Handle: r.Handle}
	}
	r, _ := buslog.ParseRole(e.Body)
	return Against{r.Handle, r.Role}
}

// adminDays is how long somebody must have been an admin to count here.
const adminDays = int(bus.AdminAge / (24 * time.Hour))

var (
	errNotAdmin = bus.Errorf(bus.Forbidden, "not_admin", "only an admin may do this").WithHint("ask an admin: unibus user list")
	errYoung    = bus.Errorf(bus.Forbidden, "not_allowed", "who became an admin less than %d days ago does not count against another", adminDays).
			WithHint("the organisation key does, or admins of more days")
	// errStale: both sign one entry, which is the next of the log or none.
	errStale = bus.Errorf(bus.Conflict, "stale_proposal", "the proposal is too old: something was written to the bus log since, or %d minutes are over",
		int(bus.ChainSkew/time.Minute)).WithHint("ask for a new one, and take it up at once")
)

// Propose signs, as the second of two admins, an entry against a third: one for each
// device of every other admin who counts, buslog.MaxHalves of them at most. One of
// those writes it, with Cosign, before anything else is written to the bus log and
// within bus.ChainSkew. Who may not propose is Forbidden (not_admin, not_allowed);
// where it is not needed, or nobody could co-sign, it is a Conflict (no_proposal,
// no_cosigner).
func (c *Client) Propose(ctx context.Context, a Against) (buslog.Halves, error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if err := c.syncOwnNow(ctx); err != nil {
		return nil, err
	}
	if err := c.mayPropose(a); err != nil {
		return nil, err
	}
	own := c.world.accounts[c.id.Account]
	with := &buslog.Cosigner{Account: c.id.Account, Endpoint: c.id.Endpoint(), At: own.Head().Ref()}
	var out buslog.Halves
	for _, u := range c.world.bus.Users() {
		if u.Handle == a.Handle || u.ID == c.id.Account || !u.Seasoned(c.now()) {
			continue
		}
		authors, err := c.authorsOf(ctx, u.ID)
		if err != nil {
			return nil, err
		}
		for _, by := range authors {
			out = append(out, c.world.bus.New(a.op(), a.body(with), by, c.now()).Sign(identity.ContextBus, c.id.Content))
		}
	}
	if len(out) == 0 {
		return nil, bus.Errorf(bus.Conflict, "no_cosigner", "no other admin counts against %s", a.Handle).
			WithHint("it takes two who have been admins for %d days, or the organisation key", adminDays)
	}
	return out[:min(len(out), buslog.MaxHalves)], nil
}

// mayPropose says in words what the rules would refuse.
func (c *Client) mayPropose(a Against) error {
	target := c.world.bus.User(a.Handle)
	switch {
	case !c.world.bus.IsAdmin(c.id.Account):
		return errNotAdmin
	case !target.Active():
		return bus.Errorf(bus.NotFound, "no_user", "%s is not a user of this bus", a.Handle).WithHint("see: unibus user list")
	case target.Role != bus.RoleAdmin:
		return bus.Errorf(bus.Conflict, "no_proposal", "%s is no admin: one admin is enough", a.Handle).WithHint("do it without --propose")
	case target.ID == c.id.Account:
		return bus.Errorf(bus.Conflict, "no_proposal", "two others must do this to you").WithHint("ask them")
	case a.Role == bus.RoleAdmin:
		return bus.Errorf(bus.Conflict, "no_proposal", "%s is an admin already", a.Handle).WithHint("nothing to do")
	case !c.world.bus.Account(c.id.Account).Seasoned(c.now()):
		return errYoung
	}
	return nil
}

// authorsOf lists the devices of somebody that may write to the bus log.
func (c *Client) authorsOf(ctx context.Context, id bus.AccountID) (out []chain.Author, err error) {
	if err := c.world.syncNow(ctx, id); err != nil {
		return nil, err
	}
	acc := c.world.accounts[id]
	if acc.Len == 0 {
		return nil, nil
	}
	at := acc.Head().Ref()
	for _, e := range acc.Endpoints() {
		if _, ok := acc.Signer(e.ID, at, c.now()); ok {
			out = append(out, chain.Author{Account: id, Endpoint: e.ID, Seen: at})
		}
	}
	return out, nil
}

// Cosign writes what another admin proposed, if it is what is meant here, and says
// who proposed it. It may be repeated: what is done already changes nothing. A
// proposal of something else (other_proposal) or from too long ago (stale_proposal)
// is a Conflict, one for other devices Forbidden (not_for_you), one whose signature
// does not hold Integrity (bad_proposal).
func (c *Client) Cosign(ctx context.Context, a Against, halves buslog.Halves) (rev Revocation, by bus.Handle, err error) {
	rev, by, err = c.cosign(ctx, a, halves)
	if err == nil && a.Role == 0 {
		rev.Rekeyed, rev.Pending, err = c.dropEnded(ctx)
	}
	return rev, by, err
}

func (c *Client) cosign(ctx context.Context, a Against, halves buslog.Halves) (rev Revocation, by bus.Handle, err error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	if err := c.syncOwnNow(ctx); err != nil {
		return rev, by, err
	}
	half, err := c.pickHalf(a, halves)
	if err != nil {
		return rev, by, err
	}
	with, _ := buslog.CosignerOf(half)
	by = c.world.handle(with.Account)
	if target := c.world.bus.User(a.Handle); target != nil && (target.Revoked || a.Role != 0 && target.Role == a.Role) {
		return rev, by, nil
	}
	e, err := c.signHalf(ctx, half, with)
	if err != nil {
		return rev, by, err
	}
	done, err := c.appendWhole(ctx, e)
	rev.Changed, rev.Cut = err == nil, done.Cut
	return rev, by, err
}

// pickHalf finds the half that this device is to write.
func (c *Client) pickHalf(a Against, halves buslog.Halves) (*chain.Entry, error) {
	for _, e := range halves {
		if e.Account != c.id.Account || e.Actor != c.id.Endpoint() {
			continue
		}
		if meant(e) != a {
			return nil, bus.Errorf(bus.Conflict, "other_proposal", "the proposal is about something else: %s", meant(e)).
				WithHint("say the same as who proposed it")
		}
		return e, nil
	}
	return nil, bus.Errorf(bus.Forbidden, "not_for_you", "the proposal names devices of other admins, and not this one").
		WithHint("it takes a device of an admin of %d days that is neither who proposed it nor whom it is about", adminDays)
}

// signHalf signs a half in the author's place, before the signature of its cosigner.
func (c *Client) signHalf(ctx context.Context, half *chain.Entry, with buslog.Cosigner) (*chain.Entry, error) {
	if c.now().Sub(half.Time) > bus.ChainSkew {
		return nil, errStale
	}
	if err := c.world.reach(ctx, with.Account, with.At); err != nil {
		return nil, err
	}
	e := *half
	e.Sigs = nil
	e.Sign(identity.ContextBus, c.id.Content)
	e.Sigs = append(e.Sigs, half.Sigs[0])
	_, err := c.world.bus.Check(&e, roomlog.Speakers{Facts: c.world})
	switch {
	case errors.Is(err, bus.ErrBehind):
		return nil, errStale.Because(err)
	case errors.Is(err, chain.ErrSignature):
		return nil, bus.Errorf(bus.Integrity, "bad_proposal", "the proposal is not what its author signed").WithHint("ask for a new one").Because(err)
	}
	return &e, err
}

// appendWhole appends an entry that this client cannot write anew.
func (c *Client) appendWhole(ctx context.Context, e *chain.Entry) (done wire.Appended, err error) {
	err = c.call.Post(ctx, wire.LogAppendTarget, wire.Append{Entry: e.Encode()}, &done)
	switch {
	case err == nil:
		return done, c.keepBus(ctx, e)
	case errors.Is(err, bus.ErrBehind) && c.busHolds(ctx, e):
		return done, nil
	case errors.Is(err, bus.ErrBehind), bus.CodeOf(err) == chain.ErrTime.Code:
		return done, errStale.Because(err)
	}
	return done, err
}
