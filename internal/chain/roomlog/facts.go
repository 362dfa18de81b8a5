package roomlog

import (
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/identity"
)

// Facts is what the rules rest on. Both may be newer than the entry checked.
type Facts interface {
	Bus() *buslog.State
	Account(bus.AccountID) *account.State // nil when unknown
}

// Speakers answers from facts what the rules of the bus log and of account
// chains ask about each other: it is a buslog.Signers and an account.Admins.
type Speakers struct{ Facts }

// Signer implements buslog.Signers.
func (s Speakers) Signer(id bus.AccountID, endpoint bus.EndpointID, at bus.Ref, when time.Time) (identity.VerifyKey, bool) {
	acc := s.Account(id)
	if acc == nil {
		return identity.VerifyKey{}, false
	}
	return acc.Signer(endpoint, at, when)
}

// Admin implements account.Admins.
func (s Speakers) Admin(id bus.AccountID, endpoint bus.EndpointID, at, own bus.Ref, when time.Time) (identity.VerifyKey, bool) {
	if !s.WasAdmin(id, at) {
		return identity.VerifyKey{}, false
	}
	return s.Signer(id, endpoint, own, when)
}

// WasAdmin implements account.Admins.
func (s Speakers) WasAdmin(id bus.AccountID, at bus.Ref) bool { return s.Bus().WasAdmin(id, at) }
