package account

import (
	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/identity"
)

func (s *State) checkRevoke(e *chain.Entry, admins Admins) (func(), error) {
	r, ok := parseRevoke(e.Body)
	if !ok {
		return nil, chain.ErrEntry
	}
	end, ok := s.ending(e, r.Endpoint)
	if !ok {
		return nil, bus.Errorf(bus.NotFound, "no_endpoint", "no such endpoint")
	}
	key, ok := s.revoker(e, r, admins)
	if !ok {
		return nil, chain.ErrRefused
	}
	if !e.SignedBy(identity.ContextAccount, key) {
		return nil, chain.ErrSignature
	}
	return func() {
		end()
		if r.By == ByAdmin {
			s.seen = e.Seen.Index
		}
	}, nil
}

// ending is the step that ends what a revoke entry names: an endpoint, or a
// link that nobody took up. No link has the keys of an endpoint.
func (s *State) ending(e *chain.Entry, id bus.EndpointID) (end func(), ok bool) {
	if who := s.Endpoint(id); who != nil && !who.Revoked {
		return func() {
			changed := *who
			changed.Revoked, changed.RevokedAt = true, e.Index
			s.replace(&changed)
		}, true
	}
	for _, l := range s.links {
		if l.Endpoint() == id && l.Accepted == nil && !l.Revoked {
			return func() {
				ended := *l
				ended.Revoked, ended.EndedAt = true, e.Index
				s.links[l.ID] = &ended
			}, true
		}
	}
	return nil, false
}

// revoker finds the key that must have signed a revoke entry. An admin names
// no older position of the bus log than an admin before him did, and ends nothing
// of another admin: that would be to remove him without a second. With A alone
// one may have lost every device: then the entry names no actor. An endpoint
// with a scope ends nothing but itself, or a stolen job would lock its user out.
func (s *State) revoker(e *chain.Entry, r Revoke, admins Admins) (identity.VerifyKey, bool) {
	switch {
	case r.By == ByAccount:
		return s.Key, e.Account == s.ID && (e.Actor == bus.EndpointID{} || s.acts(e.Actor, e.Time))
	case r.By == ByEndpoint && e.Account == s.ID && s.acts(e.Actor, e.Time):
		who := s.Endpoint(e.Actor)
		return who.Content, who.Rights.Scope == nil || r.Endpoint == who.ID
	case r.By == ByAdmin && e.Seen.Index >= s.seen && (e.Account == s.ID || !admins.WasAdmin(s.ID, e.Seen)):
		return admins.Admin(e.Account, e.Actor, e.Seen, r.At, e.Time)
	}
	return identity.VerifyKey{}, false
}
