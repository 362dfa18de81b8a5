package membership

import (
	"context"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/identity"
	"unibus/internal/wire"
)

// maxFirst bounds the entries that begin an account chain: one endpoint
// that signs, and recovery endpoints.
const maxFirst = 4

// AcceptInvite takes an invite up: the bus-log entry and the first entries of
// the new account's chain in one commit. The request must be signed by the
// invite's one-time T. The same bytes again are answered as before; from
// another account the invite is used (Conflict).
func (s *Service) AcceptInvite(ctx context.Context, by Signer, invite bus.InviteID, accept wire.Accept) (wire.Appended, error) {
	e, err := chain.Parse(accept.Entry)
	if err != nil {
		return wire.Appended{}, err
	}
	defer s.tell()
	s.order.Lock()
	defer s.order.Unlock()
	inv := s.view.log.Invite(invite)
	if inv == nil || inv.Transport != by.Transport {
		return wire.Appended{}, bus.ErrUnknownSigner
	}
	if !s.view.accepted(inv, e, accept.Account) {
		err = s.acceptInvite(ctx, inv, accept)
	}
	return wire.Appended{Head: s.view.log.Head()}, err
}

// accepted reports whether these very entries took the invite up before.
func (v *view) accepted(inv *buslog.InviteState, e *chain.Entry, first [][]byte) bool {
	if inv.Accepted == nil || *inv.Accepted != e.Account {
		return false
	}
	if hash, _ := v.log.HashAt(inv.EndedAt); hash != e.Hash() {
		return false
	}
	acc := v.accounts[e.Account]
	return !slices.ContainsFunc(first, func(raw []byte) bool {
		e, err := chain.Parse(raw)
		return err != nil || !acc.Holds(e.Head().Ref())
	})
}

func (s *Service) acceptInvite(ctx context.Context, inv *buslog.InviteState, accept wire.Accept) error {
	v, now := s.view, s.opts.Now()
	switch {
	case inv.Accepted != nil || inv.Revoked:
		return buslog.ErrInviteUsed
	case now.After(inv.NotAfter):
		return buslog.ErrInviteExpired
	}
	e, err := s.parse(accept.Entry)
	if err != nil {
		return err
	}
	body, ok := buslog.ParseAccept(e.Body)
	if e.Op != buslog.OpAccept || !ok || body.Invite != inv.ID {
		return chain.ErrRefused
	}
	step, err := v.checkBus(e)
	if err != nil {
		return err
	}
	acc, first, err := s.firstEntries(body.Key, accept.Account)
	if err != nil {
		return err
	}
	b := Batch{Entries: []StoredEntry{e.stored(LogBus, v.log.Chain)}}
	for _, f := range first {
		b.Entries = append(b.Entries, f.stored(LogAccount, chain.ID(acc.ID)))
	}
	return s.commit(ctx, b, func() Change {
		step()
		v.noteBus(e)
		for _, f := range first {
			v.noteAccount(acc, f)
		}
		return Change{Bus: true}
	})
}

// firstEntries checks the beginning of the account chain of key, a new A.
func (s *Service) firstEntries(key identity.VerifyKey, raws [][]byte) (*account.State, []entry, error) {
	if len(raws) == 0 || len(raws) > maxFirst {
		return nil, nil, chain.ErrRefused
	}
	acc := account.New(s.view.log.Bus, key)
	var first []entry
	for _, raw := range raws {
		f, err := s.parse(raw)
		if err != nil {
			return nil, nil, err
		}
		step, err := s.view.checkAccount(acc, f)
		if err != nil {
			return nil, nil, err
		}
		step()
		first = append(first, f)
	}
	if endpoints := acc.Endpoints(); len(endpoints) != len(first) || countSigning(endpoints) != 1 {
		return nil, nil, chain.ErrRefused
	}
	return acc, first, nil
}

func countSigning(endpoints []*account.Endpoint) (n int) {
	for _, e := range endpoints {
		if e.Signs() {
			n++
		}
	}
	return n
}

// openInvites counts the invites an admin made that can still be taken up.
func (v *view) openInvites(by bus.AccountID, now time.Time) (n int) {
	for _, inv := range v.log.Invites() {
		if inv.By == by && inv.Open(now) {
			n++
		}
	}
	return n
}
