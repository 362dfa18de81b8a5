package membership

import (
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/identity"
)

// Signer is who signed a request. Only Transport is believed by the methods
// of Service, which ask again, so that a body that arrives slowly outruns no
// revocation; the other fields tell the caller whom Authorize found.
type Signer struct {
	Transport identity.TransportID
	Endpoint  bus.EndpointID
	Account   bus.AccountID
	Handle    bus.Handle
	Admin     bool           // and the endpoint has no scope
	Rights    account.Rights // of the endpoint
	Invite    *bus.InviteID  // set for the one-time key of a live invite: no account, no handle
	Link      *bus.InviteID  // set for that of a live device link: no account, no handle
	Maker     bus.AccountID  // who made that invite or link
	unsigned  bool
}

// Unsigned stands for a request that nobody signed. It passes only where
// Options.AllowUnsigned is set, on development nodes in mode soft or off: there
// the chain rules alone decide.
func Unsigned() Signer { return Signer{unsigned: true} }

// OneTime reports whether the key is that of an invite or a device link, which
// may read what is needed to take it up, and nothing else.
func (s Signer) OneTime() bool { return s.Invite != nil || s.Link != nil }

// Authorize finds the active endpoint, the live invite or the live device link
// of a transport key. It answers bus.ErrRevoked, by its code, to a key that was
// active once and to one whose time is over, Unavailable while the Service is in
// doubt about its store, and bus.ErrUnknownSigner else. An unknown key may still
// call AcceptInvite, AcceptLink and AppendAccount with Signer{Transport: t}.
func (s *Service) Authorize(t identity.TransportID) (Signer, error) {
	s.clearDoubts()
	return s.signer(Signer{Transport: t})
}

// Endpoint finds the active endpoint with this transport key. One-time keys have
// none: they do not connect to the data plane.
func (s *Service) Endpoint(t identity.TransportID) (Signer, error) {
	by, err := s.Authorize(t)
	if err == nil && by.OneTime() {
		return Signer{}, bus.ErrUnknownSigner
	}
	return by, err
}

// ask puts a question to the view, for the signer as he is now.
func (s *Service) ask(by Signer, question func(*view, Signer) error) error {
	if err := s.sure(); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if by.unsigned {
		if !s.opts.AllowUnsigned {
			return bus.ErrUnknownSigner
		}
		return question(s.view, by)
	}
	by, err := s.view.signer(by.Transport, s.opts.Now())
	if err != nil {
		return err
	}
	return question(s.view, by)
}

// signer finds out afresh who by is.
func (s *Service) signer(by Signer) (found Signer, err error) {
	err = s.ask(by, func(_ *view, by Signer) error {
		found = by
		return nil
	})
	return found, err
}

// user is signer for those who are users of the bus: no invites, no links.
func (s *Service) user(by Signer) (found Signer, err error) {
	err = s.ask(by, func(_ *view, by Signer) error {
		if by.OneTime() {
			return errGuest
		}
		found = by
		return nil
	})
	return found, err
}

var errGuest = bus.Errorf(bus.Forbidden, "join_first", "a link may not do this").
	WithHint("take the link up first: unibus join")

func (v *view) signer(t identity.TransportID, now time.Time) (Signer, error) {
	h, ok := v.holders[t]
	if !ok {
		return Signer{}, bus.ErrUnknownSigner
	}
	if h.invite != nil {
		return v.inviteSigner(t, *h.invite, now)
	}
	a, acc := v.log.Account(h.account), v.accounts[h.account]
	if h.link != nil {
		return v.linkSigner(t, acc, *h.link, now)
	}
	who := acc.Endpoint(h.endpoint)
	switch {
	case !a.Active():
		return Signer{}, bus.ErrRevoked
	case who == nil || who.Revoked:
		return Signer{}, errCut
	case who.Rights.Ended(now):
		return Signer{}, errEnded
	}
	return Signer{Transport: t, Endpoint: h.endpoint, Account: a.ID, Handle: a.Handle,
		Admin: a.Role == bus.RoleAdmin && who.Rights.Scope == nil, Rights: who.Rights}, nil
}

// Both are bus.ErrRevoked to a client: nothing makes the key good again. The user is
// still on the bus, and another device of his lists a new endpoint.
var (
	errEnded = bus.Errorf(bus.Unauthenticated, bus.ErrRevoked.Code, "the time of this endpoint is over").
			WithHint("list a new one: unibus endpoint add")
	errCut = bus.Errorf(bus.Unauthenticated, bus.ErrRevoked.Code, "this endpoint was revoked").
		WithHint("list a new one on another device of this user: unibus endpoint add")
)

// linkSigner answers for the one-time key of a device link: good until the link
// is taken up, expires, is revoked, or its maker may make none any more.
func (v *view) linkSigner(t identity.TransportID, acc *account.State, id bus.InviteID, now time.Time) (Signer, error) {
	if !v.log.Account(acc.ID).Active() || !acc.LinkOpen(id, now) {
		return Signer{}, bus.ErrRevoked
	}
	return Signer{Transport: t, Endpoint: acc.LinkOf(id).Endpoint(), Link: &id, Maker: acc.ID}, nil
}

// inviteSigner answers for a one-time key: good until the invite is accepted in
// the bus log and in every room that has it as guest, expires or is revoked.
func (v *view) inviteSigner(t identity.TransportID, id bus.InviteID, now time.Time) (Signer, error) {
	inv := v.log.Invite(id)
	joining := inv.Accepted != nil && len(v.guests[id]) > 0 && v.log.Account(*inv.Accepted).Active()
	if inv.Revoked || now.After(inv.NotAfter) || inv.Accepted != nil && !joining {
		return Signer{}, bus.ErrRevoked
	}
	return Signer{Transport: t, Endpoint: inv.Endpoint(), Invite: &id, Maker: inv.By}, nil
}

// invite is the invite that by took up or holds the one-time key of.
func (v *view) invite(by Signer) (bus.InviteID, bool) {
	if by.Invite != nil {
		return *by.Invite, true
	}
	if a := v.log.Account(by.Account); a != nil && a.Invite != (bus.InviteID{}) {
		return a.Invite, true
	}
	return bus.InviteID{}, false
}
