// Package account holds the rules of a user's account chain: which endpoints
// speak for him, and the kem keys to seal to.
//
// The chain begins with an entry that its account key A signed; the bus log
// says which A stands for which handle. Rules are pure, and every question is
// answered as of a position of the chain, so that a room log that was written
// years ago is checked as it was then.
package account

import (
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/identity"
)

// Endpoint is one listed endpoint and its life along the chain.
type Endpoint struct {
	ID        bus.EndpointID
	Kind      Kind
	Name      string // as its owner wrote it; clean it before a person sees it
	Content   identity.VerifyKey
	Transport identity.TransportID
	Added     uint32 // index of its add entry
	Since     time.Time
	Revoked   bool
	RevokedAt uint32 // index of its revoke entry
	kems      []kem
}

type kem struct {
	index  uint32
	serial uint32
	key    *identity.KEMPublic
	made   time.Time
}

// Live reports whether the endpoint was listed and not revoked as of index.
func (e *Endpoint) Live(index uint32) bool {
	return e.Added <= index && (!e.Revoked || e.RevokedAt > index)
}

// KEM returns the kem key in force as of index: the key, its serial, and when
// it was made. Ok is false for an endpoint that was not listed yet.
func (e *Endpoint) KEM(index uint32) (key *identity.KEMPublic, serial uint32, made time.Time, ok bool) {
	for i := len(e.kems) - 1; i >= 0; i-- {
		if k := e.kems[i]; k.index <= index {
			return k.key, k.serial, k.made, true
		}
	}
	return nil, 0, time.Time{}, false
}

// Replaced returns when the kem key of a serial was replaced by the next one;
// false while it is in force.
func (e *Endpoint) Replaced(serial uint32) (at time.Time, ok bool) {
	for _, k := range e.kems {
		if k.serial == serial+1 {
			return k.made, true
		}
	}
	return at, false
}

// State is an account as of its newest entry. Reads may run concurrently with
// each other; a step returned by Check must run alone.
type State struct {
	chain.Tail
	ID        bus.AccountID
	Key       identity.VerifyKey // A
	endpoints []*Endpoint        // in the order they were added
	hashes    []bus.Hash
	seen      uint32 // newest bus-log index that a revoking admin named
}

// New is the state of an account without entries; key is its first A.
func New(b bus.ID, key identity.VerifyKey) *State {
	id := identity.AccountIDOf(key)
	return &State{Tail: chain.Tail{Bus: b, Chain: chain.ID(id)}, ID: id, Key: key}
}

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

// Live reports whether the endpoint is listed and not revoked now.
func (s *State) Live(id bus.EndpointID) bool {
	e := s.Endpoint(id)
	return e != nil && s.Len > 0 && e.Live(s.Len-1)
}

// Holds reports whether ref names an entry of this chain.
func (s *State) Holds(ref bus.Ref) bool {
	return int(ref.Index) < len(s.hashes) && s.hashes[ref.Index].Prefix() == ref.Hash
}

// Signer returns the content key of an endpoint that was live as of at.
func (s *State) Signer(id bus.EndpointID, at bus.Ref) (identity.VerifyKey, bool) {
	e := s.Endpoint(id)
	if e == nil || e.Kind == KindRecovery || !s.Holds(at) || !e.Live(at.Index) {
		return identity.VerifyKey{}, false
	}
	return e.Content, true
}

// Admins answers for the admins of the bus.
type Admins interface {
	// Admin returns the content key of an endpoint that was live as of the
	// entry own of its account's chain, when that account was an active admin
	// as of the bus-log entry at; false for anything else. What it answered
	// once it answers for ever, or a chain could not be checked again later.
	Admin(account bus.AccountID, endpoint bus.EndpointID, at, own bus.Ref) (identity.VerifyKey, bool)
}

// Check verifies the next entry and returns the step that takes it into the
// state. Errors are those of chain; s is not changed before the step runs.
func (s *State) Check(e *chain.Entry, admins Admins) (func(), error) {
	if err := s.Link(e); err != nil {
		return nil, err
	}
	change, err := s.check(e, admins)
	if err != nil {
		return nil, err
	}
	return func() {
		change()
		s.Tail = s.After(e)
		s.hashes = append(s.hashes, s.Hash)
	}, nil
}

func (s *State) check(e *chain.Entry, admins Admins) (func(), error) {
	switch {
	case e.Op == OpAdd:
		return s.checkAdd(e)
	case s.Len == 0:
		return nil, chain.ErrRefused
	case e.Op == OpKEM:
		return s.checkKEM(e)
	case e.Op == OpRevoke:
		return s.checkRevoke(e, admins)
	}
	return nil, chain.ErrRefused
}

// maxEndpoints bounds the endpoints of one account, revoked ones included: a
// room's key must stay within bus.MaxEndpoints.
const maxEndpoints = 256

func (s *State) checkAdd(e *chain.Entry) (func(), error) {
	add, ok := ParseAdd(e.Body)
	if !ok || add.Key != s.Key || e.Account != s.ID || e.Actor != add.Endpoint() && !s.acts(e.Actor) {
		return nil, chain.ErrEntry
	}
	if s.Len == 0 && add.Kind != KindDevice || len(s.endpoints) >= maxEndpoints || s.used(add) {
		return nil, chain.ErrRefused
	}
	signers := []identity.VerifyKey{s.Key}
	if add.Kind == KindDevice {
		signers = append(signers, add.Content)
	}
	if !e.SignedBy(identity.ContextAccount, signers...) {
		return nil, chain.ErrSignature
	}
	if err := e.CheckKEM(&add.KEM); err != nil {
		return nil, err
	}
	return func() {
		s.endpoints = append(s.endpoints, &Endpoint{
			ID: add.Endpoint(), Kind: add.Kind, Name: add.Name, Content: add.Content, Transport: add.Transport,
			Added: e.Index, Since: e.Time, kems: []kem{{index: e.Index, serial: 1, key: &add.KEM, made: e.Time}},
		})
	}, nil
}

// used reports whether an endpoint or a key of it was listed before: what was
// revoked does not come back under another id.
func (s *State) used(add Add) bool {
	return slices.ContainsFunc(s.endpoints, func(e *Endpoint) bool {
		return e.ID == add.Endpoint() ||
			add.Kind == KindDevice && (e.Content == add.Content || e.Transport == add.Transport)
	})
}

// acts reports whether an endpoint is a live device: one that signs.
func (s *State) acts(id bus.EndpointID) bool {
	e := s.Endpoint(id)
	return e != nil && e.Kind == KindDevice && !e.Revoked
}

func (s *State) checkKEM(e *chain.Entry) (func(), error) {
	k, ok := parseKEM(e.Body)
	if !ok || e.Account != s.ID {
		return nil, chain.ErrEntry
	}
	own := s.Endpoint(e.Actor)
	if !s.acts(e.Actor) || !own.fresh(k) {
		return nil, chain.ErrRefused
	}
	if !e.SignedBy(identity.ContextAccount, own.Content) {
		return nil, chain.ErrSignature
	}
	if err := e.CheckKEM(&k.Key); err != nil {
		return nil, err
	}
	return func() {
		changed := *own
		changed.kems = append(own.kems, kem{e.Index, k.Serial, &k.Key, e.Time}) // behind what own shows
		s.replace(&changed)
	}, nil
}

// fresh reports whether k is the endpoint's next key: an old one under a new
// serial would look young and open old envelopes.
func (e *Endpoint) fresh(k KEM) bool {
	return k.Serial == e.kems[len(e.kems)-1].serial+1 &&
		!slices.ContainsFunc(e.kems, func(old kem) bool { return *old.key == k.Key })
}

func (s *State) checkRevoke(e *chain.Entry, admins Admins) (func(), error) {
	r, ok := parseRevoke(e.Body)
	if !ok {
		return nil, chain.ErrEntry
	}
	who := s.Endpoint(r.Endpoint)
	if who == nil || who.Revoked {
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
		changed := *who
		changed.Revoked, changed.RevokedAt = true, e.Index
		s.replace(&changed)
		if r.By == ByAdmin {
			s.seen = e.Seen.Index
		}
	}, nil
}

// revoker finds the key that must have signed a revoke entry. An admin names
// no older position of the bus log than an admin before him did. With A alone
// one may have lost every device: then the entry names no actor.
func (s *State) revoker(e *chain.Entry, r Revoke, admins Admins) (identity.VerifyKey, bool) {
	switch {
	case r.By == ByAccount:
		return s.Key, e.Account == s.ID && (e.Actor == bus.EndpointID{} || s.acts(e.Actor))
	case r.By == ByEndpoint && e.Account == s.ID && s.acts(e.Actor):
		return s.Endpoint(e.Actor).Content, true
	case r.By == ByAdmin && e.Seen.Index >= s.seen:
		return admins.Admin(e.Account, e.Actor, e.Seen, r.At)
	}
	return identity.VerifyKey{}, false
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
