package buslog

import (
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/identity"
)

// Signers answers for endpoints, from the account chains.
type Signers interface {
	// Signer returns the content key of an endpoint that could speak for its
	// account as of the entry at of that account's chain and at the time when;
	// false for anything else.
	Signer(account bus.AccountID, endpoint bus.EndpointID, at bus.Ref, when time.Time) (identity.VerifyKey, bool)
}

// rules is the dispatch of Check; it is never changed.
var rules = map[chain.Op]func(*State, *chain.Entry, Signers) (func(), error){
	OpInvite:       (*State).checkInvite,
	OpInviteRevoke: (*State).checkInviteRevoke,
	OpAccept:       (*State).checkAccept,
	OpUser:         (*State).checkUser,
	OpRole:         (*State).checkRole,
	OpRevoke:       (*State).checkRevoke,
	OpNodeAdd:      (*State).checkNodeAdd,
	OpNodeRemove:   (*State).checkNodeRemove,
	OpOrgRotate:    (*State).checkOrgRotate,
}

// Check verifies the next entry and returns the step that takes it into the
// state. Errors are those of chain; s is not changed before the step runs.
func (s *State) Check(e *chain.Entry, signers Signers) (func(), error) {
	if err := s.Link(e); err != nil {
		return nil, err
	}
	if s.Len == 0 {
		return s.checkGenesis(e)
	}
	rule, ok := rules[e.Op]
	if !ok {
		return nil, chain.ErrRefused
	}
	change, err := rule(s, e, signers)
	if err != nil {
		return nil, err
	}
	return func() { change(); s.take(e) }, nil
}

func (s *State) take(e *chain.Entry) {
	s.Tail = s.After(e)
	s.hashes = append(s.hashes, s.Hash)
	if e.Op != OpGenesis && e.Op != OpAccept { // whose Seen nobody checks
		s.seen[e.Account] = e.Seen.Index
	}
}

func (s *State) checkGenesis(e *chain.Entry) (func(), error) {
	g, ok := parseGenesis(e.Body)
	if !ok || e.Op != OpGenesis || e.Bus != (bus.ID{}) || e.Account != identity.AccountIDOf(g.Key) ||
		e.Actor != identity.EndpointOf(g.Content, g.Transport) || g.Org == g.Key || g.Org == g.Content {
		return nil, chain.ErrEntry
	}
	if !e.SignedBy(identity.ContextBus, g.Org, g.Key, g.Content) {
		return nil, chain.ErrSignature
	}
	return func() {
		s.Org, s.CA = g.Org, g.CA
		s.orgs = []identity.VerifyKey{g.Org}
		admin := Account{Handle: g.Handle, ID: e.Account, Key: g.Key, Since: e.Time}
		s.admit(admin.withRole(bus.RoleAdmin, e))
		s.take(e)
		s.Bus = bus.ID(s.Hash.Prefix())
		s.Chain = chain.ID(s.Bus)
	}, nil
}

// checkAdmin demands that an active admin's live endpoint signed e, at a
// position of his account chain not older than he named before, so that a
// revoked device cannot go back to when it was live.
func (s *State) checkAdmin(e *chain.Entry, signers Signers, more ...identity.VerifyKey) error {
	switch {
	case !s.IsAdmin(e.Account):
		return chain.ErrRefused
	case e.Seen.Index < s.seen[e.Account]:
		return chain.ErrBehind
	}
	key, ok := signers.Signer(e.Account, e.Actor, e.Seen, e.Time)
	if !ok {
		return chain.ErrRefused
	}
	if !e.SignedBy(identity.ContextBus, append([]identity.VerifyKey{key}, more...)...) {
		return chain.ErrSignature
	}
	return nil
}

func (s *State) checkUser(e *chain.Entry, signers Signers) (func(), error) {
	u, ok := ParseUser(e.Body)
	if !ok {
		return nil, chain.ErrEntry
	}
	if err := s.checkAdmin(e, signers); err != nil {
		return nil, err
	}
	if err := s.free(u.Handle); err != nil {
		return nil, err
	}
	id := identity.AccountIDOf(u.Key)
	if s.accounts[id] != nil {
		return nil, errKeyUsed
	}
	return func() {
		user := Account{Handle: u.Handle, ID: id, Key: u.Key, Since: e.Time, Index: e.Index}
		s.admit(user.withRole(bus.RoleUser, e))
	}, nil
}

// free refuses a handle that stands for an account, revoked or not: one handle
// is one account for ever.
func (s *State) free(h bus.Handle) error {
	if a := s.users[h]; a != nil {
		return bus.Errorf(bus.Conflict, "user_exists", "%s is already a user of this bus, or was one", h).
			WithHint("a name stands for one person for ever: choose another")
	}
	return nil
}

var errKeyUsed = bus.Errorf(bus.Conflict, "key_used", "this account key stands for another user").WithHint("ask for a line of new keys: unibus identity new")

func (s *State) admit(a *Account) { s.users[a.Handle], s.accounts[a.ID] = a, a }

func (s *State) checkRole(e *chain.Entry, signers Signers) (func(), error) {
	r, ok := ParseRole(e.Body)
	if !ok || r.Role != bus.RoleUser && r.Role != bus.RoleAdmin {
		return nil, chain.ErrEntry
	}
	who, err := s.checkAgainst(e, signers, r.Handle, r.With)
	if err != nil {
		return nil, err
	}
	return func() {
		s.admit(who.withRole(r.Role, e))
		s.noteCosigner(r.With)
	}, nil
}

func (s *State) checkRevoke(e *chain.Entry, signers Signers) (func(), error) {
	r, ok := ParseRevoke(e.Body)
	if !ok {
		return nil, chain.ErrEntry
	}
	who, err := s.checkAgainst(e, signers, r.Handle, r.With)
	if err != nil {
		return nil, err
	}
	return func() {
		changed := *who
		changed.Revoked, changed.RevokedAt = true, e.Index
		s.admit(&changed)
		s.noteCosigner(r.With)
	}, nil
}

// checkNodeAdd admits a node, or gives one a new key. A key stands in one node
// only, or its removal would leave it admitted under the other name.
func (s *State) checkNodeAdd(e *chain.Entry, signers Signers) (func(), error) {
	n, ok := parseNode(e.Body)
	if !ok || len(n.Name) == 0 || len(n.Name) > bus.MaxHandle {
		return nil, chain.ErrEntry
	}
	if err := s.checkAdmin(e, signers); err != nil {
		return nil, err
	}
	for _, other := range s.nodes {
		if other.SPKI == n.SPKI && other.Name != n.Name {
			return nil, bus.Errorf(bus.Conflict, "node_exists", "%s has this certificate key already", other.Name)
		}
	}
	return func() { s.nodes[n.Name] = n }, nil
}

func (s *State) checkNodeRemove(e *chain.Entry, signers Signers) (func(), error) {
	name, ok := parseName(e.Body)
	if !ok {
		return nil, chain.ErrEntry
	}
	if err := s.checkAdmin(e, signers); err != nil {
		return nil, err
	}
	if _, ok := s.nodes[name]; !ok {
		return nil, bus.Errorf(bus.NotFound, "no_node", "no such node")
	}
	return func() { delete(s.nodes, name) }, nil
}
