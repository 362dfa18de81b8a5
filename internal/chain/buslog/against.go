package buslog

import (
	"golang.org/x/crypto/cryptobyte"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/identity"
)

// Cosigner is a second admin who signs an entry against a third, where the
// organisation key is lost: account 16 | endpoint 16 | his account chain
// index 4, hash 16.
type Cosigner struct {
	Account  bus.AccountID
	Endpoint bus.EndpointID
	At       bus.Ref // newest entry of his own account chain
}

// append writes a cosigner; nil is nothing.
func (c *Cosigner) append(b *cryptobyte.Builder) {
	if c == nil {
		return
	}
	b.AddBytes(c.Account[:])
	b.AddBytes(c.Endpoint[:])
	chain.AddRef(b, c.At)
}

// readCosigner reads the cosigner that ends a body, if there is one.
func readCosigner(s *cryptobyte.String, out **Cosigner) bool {
	if s.Empty() {
		return true
	}
	var c Cosigner
	*out = &c
	return s.CopyBytes(c.Account[:]) && s.CopyBytes(c.Endpoint[:]) && chain.ReadRef(s, &c.At) && s.Empty()
}

// CosignerOf is the second admin whom an entry names: a client reads his
// account chain that far before it checks the entry.
func CosignerOf(e *chain.Entry) (c Cosigner, ok bool) {
	var with *Cosigner
	switch e.Op {
	case OpRole:
		r, _ := ParseRole(e.Body)
		with = r.With
	case OpRevoke:
		r, _ := ParseRevoke(e.Body)
		with = r.With
	}
	if with == nil {
		return c, false
	}
	return *with, true
}

// checkAgainst verifies an entry that takes rights from somebody. Against an
// admin it also needs the organisation key, or a second admin, and one must be
// left.
func (s *State) checkAgainst(e *chain.Entry, signers Signers, h bus.Handle, with *Cosigner) (*Account, error) {
	who := s.users[h]
	if !who.Active() {
		return nil, bus.Errorf(bus.NotFound, "no_user", "%s is not a user of this bus", h).WithHint("see: unibus user list")
	}
	if who.Role != bus.RoleAdmin {
		if with != nil {
			return nil, chain.ErrRefused // one entry has one spelling
		}
		return who, s.checkAdmin(e, signers)
	}
	if s.admins() < 2 {
		return nil, bus.Errorf(bus.Conflict, "last_admin", "%s is the last admin of this bus", h).
			WithHint("make another user admin first")
	}
	if with == nil {
		return who, s.checkAdmin(e, signers, s.Org)
	}
	key, err := s.cosigner(e, signers, who, *with)
	if err != nil {
		return nil, err
	}
	return who, s.checkAdmin(e, signers, key)
}

// cosigner finds the key of the second admin. Author, cosigner and whom they
// act against are three, so that no two devices of one admin can remove another;
// and both have been admins for a while, so that none can make himself a second.
func (s *State) cosigner(e *chain.Entry, signers Signers, who *Account, c Cosigner) (key identity.VerifyKey, err error) {
	switch {
	case c.Account == e.Account || c.Account == who.ID || e.Account == who.ID || !s.IsAdmin(c.Account):
		return key, chain.ErrRefused
	case !s.accounts[e.Account].Seasoned(e.Time) || !s.accounts[c.Account].Seasoned(e.Time):
		return key, errYoung
	case c.At.Index < s.seen[c.Account]:
		return key, chain.ErrBehind
	}
	key, ok := signers.Signer(c.Account, c.Endpoint, c.At, e.Time)
	if !ok {
		return key, chain.ErrRefused
	}
	return key, nil
}

var errYoung = chain.ErrRefused.WithHint("who became an admin less than 7 days ago does not count against another; the organisation key does")

// noteCosigner remembers the position that a cosigner named, as take does of
// an author's.
func (s *State) noteCosigner(c *Cosigner) {
	if c != nil {
		s.seen[c.Account] = c.At.Index
	}
}
