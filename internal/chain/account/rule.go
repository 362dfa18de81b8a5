package account

import (
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/identity"
)

// Admins answers for the admins of the bus.
type Admins interface {
	// Admin returns the content key of an endpoint that could speak for its
	// account as of the entry own of its chain and at the time when, if that
	// account was an active admin as of the bus-log entry at; false for
	// anything else. What it answered once it answers for ever, or a chain
	// could not be checked again later.
	Admin(account bus.AccountID, endpoint bus.EndpointID, at, own bus.Ref, when time.Time) (identity.VerifyKey, bool)
	// WasAdmin reports whether an account was an active admin as of the bus-log
	// entry at; it too answers alike for ever.
	WasAdmin(account bus.AccountID, at bus.Ref) bool
}

// rules is the dispatch of Check; it is never changed.
var rules = map[chain.Op]func(*State, *chain.Entry, Admins) (func(), error){
	OpAdd:    (*State).checkAdd,
	OpKEM:    (*State).checkKEM,
	OpRevoke: (*State).checkRevoke,
	OpLink:   (*State).checkLink,
	OpAccept: (*State).checkAccept,
	OpRotate: (*State).checkRotate,
}

// Check verifies the next entry and returns the step that takes it into the
// state. Errors are those of chain; s is not changed before the step runs.
func (s *State) Check(e *chain.Entry, admins Admins) (func(), error) {
	if err := s.Link(e); err != nil {
		return nil, err
	}
	rule, ok := rules[e.Op]
	if !ok || s.Len == 0 && e.Op != OpAdd {
		return nil, chain.ErrRefused
	}
	change, err := rule(s, e, admins)
	if err != nil {
		return nil, err
	}
	return func() {
		change()
		s.Tail = s.After(e)
		s.hashes = append(s.hashes, s.Hash)
	}, nil
}

// maxEndpoints bounds the endpoints of one account, revoked ones included: a
// room's key must stay within bus.MaxEndpoints.
const maxEndpoints = 256

func (s *State) checkAdd(e *chain.Entry, _ Admins) (func(), error) {
	add, ok := ParseAdd(e.Body)
	own := e.Actor == add.Endpoint() && add.By == ByAccount
	if !ok || add.Key != s.Key || e.Account != s.ID || !own && !s.acts(e.Actor, e.Time) {
		return nil, chain.ErrEntry
	}
	key, by := s.Key, bus.EndpointID{}
	if add.By == ByEndpoint {
		if key, by, ok = s.adder(e, add.By); !ok {
			return nil, chain.ErrRefused
		}
	}
	if !s.addable(add, e.Time) {
		return nil, chain.ErrRefused
	}
	signers := []identity.VerifyKey{key}
	if add.Kind != KindRecovery {
		signers = append(signers, add.Content)
	}
	if !e.SignedBy(identity.ContextAccount, signers...) {
		return nil, chain.ErrSignature
	}
	if err := e.CheckKEM(&add.KEM); err != nil {
		return nil, err
	}
	return func() {
		s.list(e, &Endpoint{ID: add.Endpoint(), Kind: add.Kind, Name: add.Name, Content: add.Content,
			Transport: add.Transport, Rights: add.Rights, AddedBy: by}, &add.KEM)
	}, nil
}

// addable reports whether an endpoint may be listed now. A chain begins with
// one that signs, and only a person's gets a recovery endpoint.
func (s *State) addable(a Add, at time.Time) bool {
	if len(s.endpoints) >= maxEndpoints || s.Endpoint(a.Endpoint()) != nil || a.Rights.Ended(at) {
		return false
	}
	if a.Kind == KindRecovery {
		return s.Len > 0 && s.endpoints[0].Kind == KindDevice
	}
	return !s.used(a.Content, a.Transport)
}

// list takes a new endpoint in.
func (s *State) list(e *chain.Entry, n *Endpoint, key *identity.KEMPublic) {
	n.Added, n.Since = e.Index, e.Time
	n.kems = []kem{{index: e.Index, serial: 1, key: key, made: e.Time}}
	s.endpoints = append(s.endpoints, n)
}

// adder finds the key that must have signed an add or a link: A, or that of a
// device that may add.
func (s *State) adder(e *chain.Entry, by Signer) (key identity.VerifyKey, device bus.EndpointID, ok bool) {
	switch {
	case by == ByAccount:
		return s.Key, device, e.Actor == bus.EndpointID{} || s.acts(e.Actor, e.Time)
	case by == ByEndpoint && s.acts(e.Actor, e.Time):
		d := s.Endpoint(e.Actor)
		return d.Content, d.ID, d.Rights.MayAdd
	}
	return key, device, false
}

// used reports whether a key was named in this chain before, whatever for: what
// was revoked does not come back under another id, a one-time key is for one
// time, and no key is two.
func (s *State) used(c identity.VerifyKey, t identity.TransportID) bool {
	hit := func(k identity.VerifyKey) bool { return k == c || k == identity.VerifyKey(t) }
	if slices.ContainsFunc(s.keys, func(a KeyFrom) bool { return hit(a.Key) }) ||
		slices.ContainsFunc(s.endpoints, func(e *Endpoint) bool {
			return e.Signs() && (hit(e.Content) || hit(identity.VerifyKey(e.Transport)))
		}) {
		return true
	}
	for _, l := range s.links {
		if hit(l.Content) || hit(identity.VerifyKey(l.Transport)) {
			return true
		}
	}
	return false
}

// acts reports whether an endpoint signs, is not revoked, and has time left.
func (s *State) acts(id bus.EndpointID, at time.Time) bool {
	e := s.Endpoint(id)
	return e != nil && e.Signs() && !e.Revoked && !e.Rights.Ended(at)
}

func (s *State) checkKEM(e *chain.Entry, _ Admins) (func(), error) {
	k, ok := parseKEM(e.Body)
	if !ok || e.Account != s.ID {
		return nil, chain.ErrEntry
	}
	own := s.Endpoint(e.Actor)
	if !s.acts(e.Actor, e.Time) || !own.fresh(k) {
		return nil, chain.ErrRefused
	}
	if !own.paused(e.Time) {
		return nil, errKEMOften
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

var errKEMOften = chain.ErrRefused.WithHint("an endpoint takes a new kem key once an hour at most")

// checkRotate changes A. The name of the account stays; with the old A nothing
// can be signed from here on, and links made with it are void.
func (s *State) checkRotate(e *chain.Entry, _ Admins) (func(), error) {
	next, ok := ParseRotate(e.Body)
	if !ok || e.Account != s.ID || next == (identity.VerifyKey{}) {
		return nil, chain.ErrEntry
	}
	if e.Actor != (bus.EndpointID{}) && !s.acts(e.Actor, e.Time) || s.used(next, identity.TransportID(next)) {
		return nil, chain.ErrRefused
	}
	if !e.SignedBy(identity.ContextAccount, s.Key, next) {
		return nil, chain.ErrSignature
	}
	return func() {
		s.Key = next
		s.keys = append(slices.Clip(s.keys), KeyFrom{Key: next, Index: e.Index, Since: e.Time})
	}, nil
}
