package membership

import (
	"context"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/wire"
)

// LinkOwner says whose a device link is, to its one-time key alone: to everybody
// else there is none (NotFound, no_link).
func (s *Service) LinkOwner(by Signer, link bus.InviteID) (out wire.Link, err error) {
	err = s.ask(by, func(v *view, by Signer) error {
		if by.Link == nil || *by.Link != link {
			return errNoLink
		}
		out.Account = v.holders[by.Transport].account
		return nil
	})
	return out, err
}

var errNoLink = bus.Errorf(bus.NotFound, "no_link", "there is no such device link")

// AcceptLink takes a device link up: one entry of the account chain, by which
// the new endpoint lists itself. The request must be signed by the link's
// one-time T. The same bytes again are answered as before; from another endpoint
// the link is used (Conflict). On bus.ErrBehind the answer holds the head.
func (s *Service) AcceptLink(ctx context.Context, by Signer, link bus.InviteID, raw []byte) (wire.Appended, error) {
	first, err := chain.Parse(raw)
	if err != nil {
		return wire.Appended{}, err
	}
	defer s.tell()
	s.order.Lock()
	defer s.order.Unlock()
	h := s.view.holders[by.Transport]
	if h.link == nil || *h.link != link {
		return wire.Appended{}, bus.ErrUnknownSigner
	}
	acc := s.view.accounts[h.account]
	if !acc.Holds(first.Head().Ref()) {
		err = s.acceptLink(ctx, acc, link, raw)
	}
	return wire.Appended{Head: acc.Head()}, err
}

func (s *Service) acceptLink(ctx context.Context, acc *account.State, link bus.InviteID, raw []byte) error {
	e, err := s.parse(raw)
	if err != nil {
		return err
	}
	l, body, now := acc.LinkOf(link), account.Accept{}, s.opts.Now()
	switch {
	case !s.view.log.Account(acc.ID).Active():
		return bus.ErrRevoked
	case now.After(l.NotAfter):
		return account.ErrLinkExpired
	case !acc.LinkOpen(link, now):
		return account.ErrLinkUsed
	}
	body, ok := account.ParseAccept(e.Body)
	if e.Op != account.OpAccept || !ok || body.Link != link {
		return chain.ErrRefused
	}
	if err := s.allow(acc.ID, len(raw), false); err != nil {
		return err
	}
	return s.appendAccount(ctx, acc, e)
}
