package buslog

import (
	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/identity"
)

func (s *State) checkInvite(e *chain.Entry, signers Signers) (func(), error) {
	inv, ok := ParseInvite(e.Body)
	if !ok {
		return nil, chain.ErrEntry
	}
	if err := s.checkAdmin(e, signers); err != nil {
		return nil, err
	}
	if err := s.free(inv.Handle); err != nil {
		return nil, err
	}
	if life := inv.NotAfter.Sub(e.Time); life < 0 || life > bus.MaxInviteLife || s.usedInvite(inv) {
		return nil, chain.ErrRefused
	}
	if err := e.CheckKEM(&inv.KEM); err != nil {
		return nil, err
	}
	return func() {
		s.invites[inv.ID] = &InviteState{Invite: inv, Index: e.Index, By: e.Account}
		s.oneTime[inv.Content], s.oneTime[inv.Transport] = true, true
	}, nil
}

// usedInvite reports whether the id or a key of an invite served another one:
// a one-time key is for one time. The id of zero is that of all who came by none.
func (s *State) usedInvite(i Invite) bool {
	return i.ID == (bus.InviteID{}) || s.invites[i.ID] != nil || s.oneTime[i.Content] || s.oneTime[i.Transport]
}

func (s *State) checkInviteRevoke(e *chain.Entry, signers Signers) (func(), error) {
	if len(e.Body) != len(bus.InviteID{}) {
		return nil, chain.ErrEntry
	}
	if err := s.checkAdmin(e, signers); err != nil {
		return nil, err
	}
	inv := s.invites[bus.InviteID(e.Body)]
	if inv == nil || inv.Accepted != nil || inv.Revoked {
		return nil, ErrInviteUsed
	}
	return func() {
		ended := *inv
		ended.Revoked, ended.EndedAt = true, e.Index
		s.invites[inv.ID] = &ended
	}, nil
}

// Answers to an invite that cannot be taken up any more.
var (
	ErrInviteUsed    = bus.Errorf(bus.Conflict, "invite_used", "this invite was used or revoked").WithHint("ask for a new one")
	ErrInviteExpired = bus.Errorf(bus.Conflict, "invite_expired", "this invite has expired").WithHint("ask for a new one")
)

func (s *State) checkAccept(e *chain.Entry, _ Signers) (func(), error) {
	a, ok := ParseAccept(e.Body)
	if !ok || e.Account != identity.AccountIDOf(a.Key) {
		return nil, chain.ErrEntry
	}
	inv := s.invites[a.Invite]
	switch {
	case inv == nil || inv.Accepted != nil || inv.Revoked:
		return nil, ErrInviteUsed
	case e.Time.After(inv.NotAfter):
		return nil, ErrInviteExpired
	case e.Actor != inv.Endpoint() || a.Key == inv.Content:
		return nil, chain.ErrEntry
	case s.accounts[e.Account] != nil:
		return nil, errKeyUsed
	}
	if err := s.free(inv.Handle); err != nil {
		return nil, err
	}
	if !e.SignedBy(identity.ContextBus, inv.Content, a.Key) {
		return nil, chain.ErrSignature
	}
	return func() {
		ended := *inv
		ended.Accepted, ended.EndedAt = &e.Account, e.Index
		s.invites[inv.ID] = &ended
		user := Account{Handle: inv.Handle, ID: e.Account, Key: a.Key, Since: e.Time, Index: e.Index, Invite: inv.ID}
		s.admit(user.withRole(bus.RoleUser, e))
	}, nil
}
