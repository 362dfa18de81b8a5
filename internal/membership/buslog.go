package membership

import (
	"context"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/wire"
)

var (
	errNoUser = bus.Errorf(bus.NotFound, "no_user", "no such user on this bus").
			WithHint("see: unibus user list")
	errNotYours = bus.Errorf(bus.Forbidden, "not_yours", "the entry names another author than the request's signer")
)

// Found begins the bus, once, on an empty store: the genesis, the first
// entries of the admin's account chain and further bus-log entries, such as
// the node's own, in one commit. A second call is a Conflict (founded).
func (s *Service) Found(ctx context.Context, genesis []byte, account, more [][]byte) error {
	defer s.tell()
	s.order.Lock()
	defer s.order.Unlock()
	if s.view.log.Len > 0 {
		return bus.ErrFounded
	}
	next := newView(s.opts.Now)
	b, err := next.found(genesis, account, more)
	if err != nil {
		return err
	}
	if next.log.Time.After(s.opts.Now().Add(bus.ChainSkew)) {
		return chain.ErrTime
	}
	return s.commit(ctx, b, func() Change {
		s.view = next
		return Change{Bus: true}
	})
}

// found takes the founding entries into an empty view, in the order in which
// they rest on each other.
func (v *view) found(genesis []byte, account, more [][]byte) (b Batch, err error) {
	first, err := chain.Parse(genesis)
	if err != nil {
		return b, err
	}
	id := bus.ID(first.Hash().Prefix())
	b.Entries = append(b.Entries, StoredEntry{Log: LogBus, Chain: chain.ID(id), Raw: genesis})
	for i, raw := range account {
		b.Entries = append(b.Entries, StoredEntry{LogAccount, chain.ID(first.Account), uint32(i), raw})
	}
	for i, raw := range more {
		b.Entries = append(b.Entries, StoredEntry{LogBus, chain.ID(id), uint32(i + 1), raw})
	}
	for _, en := range b.Entries {
		if err := v.replay(en); err != nil {
			return b, err
		}
	}
	if acc := v.accounts[first.Account]; acc == nil || !speaks(acc, first.Actor, first.Time) {
		return b, chain.ErrRefused // a bus whose admin cannot speak
	}
	return b, nil
}

// speaks reports whether an endpoint speaks for its account now.
func speaks(acc *account.State, id bus.EndpointID, now time.Time) bool {
	_, ok := acc.Signer(id, acc.Head().Ref(), now)
	return ok
}

// Bus returns a page of the bus log to any user and live invite.
func (s *Service) Bus(ctx context.Context, by Signer, from uint32) (wire.Entries, error) {
	var tail chain.Tail
	err := s.ask(by, func(v *view, _ Signer) error {
		tail = v.log.Tail
		return nil
	})
	if err != nil {
		return wire.Entries{}, err
	}
	return s.page(ctx, LogBus, tail, from)
}

// AppendBus appends what its signer wrote. On bus.ErrBehind the answer holds
// the head, and an entry that is the head already is answered as appended.
// Invites are taken up by AcceptInvite.
func (s *Service) AppendBus(ctx context.Context, by Signer, raw []byte) (wire.Appended, error) {
	e, err := s.parse(raw)
	if err != nil {
		return wire.Appended{}, err
	}
	defer s.tell()
	s.order.Lock()
	defer s.order.Unlock()
	if err := s.author(by, e, isUrgentBus(e)); err != nil {
		return wire.Appended{}, err
	}
	v := s.view
	if !isHead(v.log.Tail, e) {
		err = s.appendBus(ctx, e)
	}
	return wire.Appended{Head: v.log.Head()}, err
}

func (s *Service) appendBus(ctx context.Context, e entry) error {
	v := s.view
	if e.Op == buslog.OpGenesis || e.Op == buslog.OpAccept {
		return chain.ErrRefused
	}
	if e.Op == buslog.OpInvite && v.openInvites(e.Account, s.opts.Now()) >= s.opts.Caps.Invites {
		return errInviteCap
	}
	if h, adds := newHandle(e); adds && h.Reserved() {
		return bus.ErrReserved
	}
	step, err := v.checkBus(e)
	if err != nil {
		return err
	}
	b := Batch{Entries: []StoredEntry{e.stored(LogBus, v.log.Chain)}, Urgent: isUrgentBus(e)}
	return s.commit(ctx, b, func() Change { return v.busChange(e, step) })
}

// newHandle is the name of somebody whom an entry adds, or invites.
func newHandle(e entry) (h bus.Handle, adds bool) {
	switch e.Op {
	case buslog.OpUser:
		u, ok := buslog.ParseUser(e.Body)
		return u.Handle, ok
	case buslog.OpInvite:
		i, ok := buslog.ParseInvite(e.Body)
		return i.Handle, ok
	}
	return h, false
}

// busChange takes an entry of the bus log in.
func (v *view) busChange(e entry, step func()) (c Change) {
	take := func() { step(); v.noteBus(e) }
	switch e.Op {
	case buslog.OpRevoke:
		r, _ := buslog.ParseRevoke(e.Body)
		c = v.accountChange(v.log.User(r.Handle).ID, take)
	case buslog.OpInviteRevoke:
		take()
		c.Cut = []bus.EndpointID{v.log.Invite(bus.InviteID(e.Body)).Endpoint()}
	default:
		take()
	}
	c.Bus = true
	return c
}

// isUrgentBus reports whether an entry takes rights away: no cap and no full
// disk may hold it back.
func isUrgentBus(e entry) bool {
	switch e.Op {
	case buslog.OpRevoke, buslog.OpInviteRevoke:
		return true
	case buslog.OpRole:
		r, ok := buslog.ParseRole(e.Body)
		return ok && r.Role == bus.RoleUser
	}
	return false
}

// author demands that a user signed the request, that the entry says it is his
// own, and that he is within his rate and the cap of what he wrote.
func (s *Service) author(by Signer, e entry, urgent bool) error {
	by, err := s.user(by)
	if err != nil {
		return err
	}
	if !by.unsigned && (e.Account != by.Account || e.Actor != by.Endpoint) {
		return errNotYours
	}
	return s.allow(e.Account, len(e.raw), urgent)
}

// Users lists all users by handle, revoked ones too.
func (s *Service) Users(by Signer) (out []wire.User, err error) {
	err = s.ask(by, func(v *view, _ Signer) error {
		for _, a := range v.log.Users() {
			out = append(out, v.user(a))
		}
		return nil
	})
	return out, err
}

// User returns one user; NotFound (no_user) when there is none.
func (s *Service) User(by Signer, h bus.Handle) (out wire.User, err error) {
	err = s.ask(by, func(v *view, _ Signer) error {
		a := v.log.User(h)
		if a == nil {
			return errNoUser
		}
		out = v.user(a)
		return nil
	})
	return out, err
}

func (v *view) user(a *buslog.Account) wire.User {
	u := wire.User{Name: a.Handle, Role: a.Role.String(), State: "active", Account: a.ID, Key: a.Key, Created: a.Since,
		Endpoints: len(v.devices(a.ID))}
	if a.Revoked {
		u.State = "revoked"
	}
	if acc := v.accounts[a.ID]; acc != nil {
		head := acc.Head()
		u.Head, u.Key = &head, acc.Key
	}
	return u
}
