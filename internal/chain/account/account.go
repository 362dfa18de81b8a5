// Package account holds the rules of a user's account chain: which endpoints
// speak for him, what each of them may do and until when, and the kem keys to
// seal to.
//
// The chain begins with an entry that its first account key A signed; the bus
// log says which A stands for which handle. The account is named after that
// first A for ever: rotate entries change the key, never the name. Rules are
// pure, and every question is answered as of a position of the chain and a time,
// so that a room log that was written years ago is checked as it was then.
package account

import (
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/identity"
)

// KeyFrom is an account key and the entry from which it counts.
type KeyFrom struct {
	Key   identity.VerifyKey
	Index uint32 // of the rotate entry; 0 for the first
	Since time.Time
}

// State is an account as of its newest entry. Reads may run concurrently with
// each other; a step returned by Check must run alone.
type State struct {
	chain.Tail
	ID        bus.AccountID
	Key       identity.VerifyKey // A in force
	keys      []KeyFrom          // every A, oldest first
	endpoints []*Endpoint        // in the order they were added
	links     map[bus.InviteID]*LinkState
	hashes    []bus.Hash
	seen      uint32 // newest bus-log index that a revoking admin named
}

// New is the state of an account without entries; key is its first A.
func New(b bus.ID, key identity.VerifyKey) *State {
	id := identity.AccountIDOf(key)
	return &State{Tail: chain.Tail{Bus: b, Chain: chain.ID(id)}, ID: id, Key: key,
		keys: []KeyFrom{{Key: key}}, links: map[bus.InviteID]*LinkState{}}
}

// Keys lists every account key, oldest first; the last is in force. A client
// that knew an older one tells its user that the key has changed.
func (s *State) Keys() []KeyFrom { return slices.Clone(s.keys) }

// Endpoints lists all endpoints in the order they were added, revoked ones too.
func (s *State) Endpoints() []*Endpoint { return slices.Clone(s.endpoints) }

// Endpoint returns an endpoint by id, nil when there is none.
func (s *State) Endpoint(id bus.EndpointID) *Endpoint {
	for _, e := range s.endpoints {
		if e.ID == id {
			return e
		}
	}
	return nil
}

// Live reports whether the endpoint is listed, not revoked, and its time not
// over at now.
func (s *State) Live(id bus.EndpointID, now time.Time) bool {
	e := s.Endpoint(id)
	return e != nil && s.Len > 0 && e.Live(s.Len-1, now)
}

// Holds reports whether ref names an entry of this chain.
func (s *State) Holds(ref bus.Ref) bool {
	return int(ref.Index) < len(s.hashes) && s.hashes[ref.Index].Prefix() == ref.Hash
}

// Actor returns an endpoint that could sign as of the entry at of this chain
// and at the time when; false for anything else.
func (s *State) Actor(id bus.EndpointID, at bus.Ref, when time.Time) (*Endpoint, bool) {
	e := s.Endpoint(id)
	if e == nil || !e.Signs() || !s.Holds(at) || !e.Live(at.Index, when) {
		return nil, false
	}
	return e, true
}

// Signer returns the content key of an Actor that speaks for its user
// everywhere: a scope names rooms, so who has one has no say on the bus.
func (s *State) Signer(id bus.EndpointID, at bus.Ref, when time.Time) (identity.VerifyKey, bool) {
	e, ok := s.Actor(id, at, when)
	if !ok || e.Rights.Scope != nil {
		return identity.VerifyKey{}, false
	}
	return e.Content, true
}

// replace swaps an endpoint for its changed copy, so that a pointer that was
// handed out never changes.
func (s *State) replace(changed *Endpoint) {
	for i, e := range s.endpoints {
		if e.ID == changed.ID {
			s.endpoints[i] = changed
		}
	}
}
