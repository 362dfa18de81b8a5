package buslog

import (
	"slices"

	"golang.org/x/crypto/cryptobyte"

	"unibus/internal/chain"
	"unibus/internal/identity"
)

// OrgRotateBody is the body of an org-rotate entry: the new O 32. Signed by the
// admin's C, the O in force and the new one.
func OrgRotateBody(o identity.VerifyKey) []byte { return o[:] }

func parseOrgRotate(body []byte) (o identity.VerifyKey, ok bool) {
	s := cryptobyte.String(body)
	ok = s.CopyBytes(o[:]) && s.Empty()
	return o, ok
}

// checkOrgRotate changes O, which no other key of the bus may be: what O signs
// an admin's key alone must not.
func (s *State) checkOrgRotate(e *chain.Entry, signers Signers) (func(), error) {
	next, ok := parseOrgRotate(e.Body)
	if !ok || next == (identity.VerifyKey{}) {
		return nil, chain.ErrEntry
	}
	if s.HasOrg(next) || s.oneTime[next] || s.accounts[identity.AccountIDOf(next)] != nil {
		return nil, chain.ErrRefused
	}
	key, ok := signers.Signer(e.Account, e.Actor, e.Seen, e.Time)
	if ok && key == next {
		return nil, chain.ErrRefused
	}
	if err := s.checkAdmin(e, signers, s.Org, next); err != nil {
		return nil, err
	}
	return func() {
		s.Org = next
		s.orgs = append(slices.Clip(s.orgs), next)
	}, nil
}
