package membership

import (
	"context"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/identity"
	"unibus/internal/wire"
)

// HandleOf returns the name of an account, for an owner who does not know it
// yet; false for an account that the bus log does not name. The account may be
// named after any key that it ever had: its owner may know the newest alone.
func (s *Service) HandleOf(id bus.AccountID) (bus.Handle, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if owner, later := s.view.keys[id]; later {
		id = owner
	}
	a := s.view.log.Account(id)
	if a == nil {
		return "", false
	}
	return a.Handle, true
}

// AccountEntries returns a page of a user's account chain to any user and live
// invite.
func (s *Service) AccountEntries(ctx context.Context, by Signer, h bus.Handle, from uint32) (wire.Entries, error) {
	var tail chain.Tail
	err := s.ask(by, func(v *view, _ Signer) error {
		a := v.log.User(h)
		if a == nil {
			return errNoUser
		}
		if acc := v.accounts[a.ID]; acc != nil {
			tail = acc.Tail
		}
		return nil
	})
	if err != nil {
		return wire.Entries{}, err
	}
	return s.page(ctx, LogAccount, tail, from)
}

// AppendAccount appends to a user's account chain. An add that the user's A
// signed needs no known signer, only that the request is signed by the T it
// adds: Signer{Transport: t} will do. On bus.ErrBehind the answer holds the
// head and the account, because such a signer cannot read them yet.
func (s *Service) AppendAccount(ctx context.Context, by Signer, h bus.Handle, raw []byte) (wire.Appended, error) {
	e, err := s.parse(raw)
	if err != nil {
		return wire.Appended{}, err
	}
	defer s.tell()
	s.order.Lock()
	defer s.order.Unlock()
	acc, err := s.mayAppendAccount(by, h, e)
	if acc == nil {
		return wire.Appended{}, err
	}
	if err == nil && !isHead(acc.Tail, e) {
		err = s.appendAccount(ctx, acc, e)
	}
	if acc.Len == 0 {
		return wire.Appended{}, err
	}
	of := acc.ID
	return wire.Appended{Head: acc.Head(), Account: &of}, err
}

func (s *Service) appendAccount(ctx context.Context, acc *account.State, e entry) error {
	v := s.view
	step, err := v.checkAccount(acc, e)
	if err != nil {
		return err
	}
	b := Batch{Entries: []StoredEntry{e.stored(LogAccount, chain.ID(acc.ID))}, Urgent: e.Op == account.OpRevoke}
	return s.commit(ctx, b, func() Change {
		return v.accountChange(acc.ID, func() { step(); v.noteAccount(acc, e) })
	})
}

// mayAppendAccount finds the chain of h if by may write e into it; the rules
// check whose keys signed e. With an error it returns the chain to whoever may
// know its head.
func (s *Service) mayAppendAccount(by Signer, h bus.Handle, e entry) (*account.State, error) {
	signer, err := s.user(by)
	if err != nil && e.Op == account.OpAdd {
		return s.byAddedKey(by.Transport, h, e, err)
	}
	if err != nil {
		return nil, err
	}
	a := s.view.log.User(h)
	if !a.Active() {
		return nil, errNoUser
	}
	if err := s.mayWrite(signer, a.ID, e); err != nil {
		return nil, err
	}
	if err := s.allow(e.Account, len(e.raw), e.Op == account.OpRevoke); err != nil {
		return nil, err
	}
	return s.view.chainOf(a.ID)
}

// mayWrite binds an entry of the chain of an account to the user who offers it.
// The rules let somebody act who was an admin when he wrote; here he must be one
// now, and the other must not have become one since. An entry that A signed may
// name no actor, or the endpoint it adds.
func (s *Service) mayWrite(by Signer, id bus.AccountID, e entry) error {
	own := id == by.Account
	actor := e.Actor == by.Endpoint || own && (e.Op == account.OpAdd || e.Actor == bus.EndpointID{})
	switch {
	case by.unsigned:
		return nil
	case e.Account != by.Account || !actor:
		return errNotYours
	case !own && (!by.Admin || e.Op != account.OpRevoke || s.view.log.IsAdmin(id)):
		return chain.ErrRefused
	}
	return nil
}

// byAddedKey lets a request pass that the node knows nobody for: signed by the
// T that its entry adds, while the entry is signed by the A that the bus log
// names, or by the one that took its place. Everything else gets the refusal it
// would have got anyway, so that a stranger learns nothing here.
func (s *Service) byAddedKey(t identity.TransportID, h bus.Handle, e entry, refusal error) (*account.State, error) {
	add, ok := account.ParseAdd(e.Body)
	a := s.view.log.User(h)
	if !ok || a == nil || add.By != account.ByAccount || add.Kind == account.KindRecovery || add.Transport != t {
		return nil, refusal
	}
	acc, err := s.view.chainOf(a.ID)
	if err != nil || add.Key != acc.Key || !e.SignedBy(identity.ContextAccount, acc.Key, add.Content) {
		return nil, refusal
	}
	if !a.Active() {
		return nil, bus.ErrRevoked
	}
	if e.Account != a.ID { // he has a later key than the one that the account is named after
		return acc, bus.ErrBehind
	}
	if err := s.allow(e.Account, len(e.raw), false); err != nil {
		return nil, err
	}
	return acc, nil
}
