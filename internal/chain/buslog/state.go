// Package buslog holds the rules of the bus log: which users, invites and
// nodes there are, and who may change that.
//
// Its rules are pure. The node runs them before it stores an entry, and every
// client runs them again from the genesis on; a client that trusts the hash
// of the organisation key in its link trusts nothing else.
package buslog

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/identity"
)

// Account is a user as the bus log knows him. It is never changed in place.
type Account struct {
	Handle    bus.Handle
	Role      bus.UserRole
	ID        bus.AccountID
	Key       identity.VerifyKey // the account key A that begins his chain
	Since     time.Time
	Index     uint32 // of the entry that admitted him
	Invite    bus.InviteID
	Revoked   bool
	RevokedAt uint32 // index of the entry that revoked him
	roles     []roleFrom
}

// roleFrom is the role that an entry gave.
type roleFrom struct {
	index uint32
	role  bus.UserRole
	since time.Time // of the entry
}

// role returns what the account was as of index; 0 before it was admitted and
// from its revocation on.
func (a *Account) role(index uint32) (r bus.UserRole) {
	if a == nil || a.Revoked && a.RevokedAt <= index {
		return 0
	}
	for _, from := range a.roles {
		if from.index <= index {
			r = from.role
		}
	}
	return r
}

// withRole returns a with another role from an entry on.
func (a Account) withRole(r bus.UserRole, e *chain.Entry) *Account {
	a.Role, a.roles = r, append(slices.Clip(a.roles), roleFrom{e.Index, r, e.Time})
	return &a
}

// Seasoned reports whether the account counts against an admin at a time: it is
// one whom the genesis made one, or who has been one without a break for
// bus.AdminAge.
func (a *Account) Seasoned(at time.Time) bool {
	if !a.Active() || a.Role != bus.RoleAdmin {
		return false
	}
	first := len(a.roles) - 1
	for first > 0 && a.roles[first-1].role == bus.RoleAdmin {
		first--
	}
	from := a.roles[first]
	return from.index == 0 || at.Sub(from.since) >= bus.AdminAge
}

// Active reports whether the account may use the bus.
func (a *Account) Active() bool { return a != nil && !a.Revoked }

// InviteState is an invite and what became of it. It is never changed in place.
type InviteState struct {
	Invite
	Index    uint32
	By       bus.AccountID
	Accepted *bus.AccountID // who took it up
	Revoked  bool
	EndedAt  uint32 // index of the entry that accepted or revoked it
}

// Open reports whether the invite can still be taken up at now.
func (i *InviteState) Open(now time.Time) bool {
	return i != nil && i.Accepted == nil && !i.Revoked && !now.After(i.NotAfter)
}

// State is the bus as of its newest entry. Reads may run concurrently with
// each other; a step returned by Check must run alone.
type State struct {
	chain.Tail
	Org      identity.VerifyKey // O in force
	CA       bus.Hash
	users    map[bus.Handle]*Account
	accounts map[bus.AccountID]*Account
	invites  map[bus.InviteID]*InviteState
	nodes    map[string]Node
	oneTime  map[[32]byte]bool        // public keys of all invites
	seen     map[bus.AccountID]uint32 // newest account-chain index each author named
	orgs     []identity.VerifyKey     // every O, oldest first
	hashes   []bus.Hash
}

// New is the state of a bus without entries.
func New() *State {
	return &State{
		users: map[bus.Handle]*Account{}, accounts: map[bus.AccountID]*Account{},
		invites: map[bus.InviteID]*InviteState{}, nodes: map[string]Node{},
		oneTime: map[[32]byte]bool{}, seen: map[bus.AccountID]uint32{},
	}
}

// User returns the account of a handle, nil when there is none.
func (s *State) User(h bus.Handle) *Account { return s.users[h] }

// Account returns the account of an id, nil when there is none.
func (s *State) Account(id bus.AccountID) *Account { return s.accounts[id] }

// Invite returns an invite, nil when there is none.
func (s *State) Invite(id bus.InviteID) *InviteState { return s.invites[id] }

// Users lists all accounts by handle, revoked ones too.
func (s *State) Users() []*Account {
	return slices.SortedFunc(maps.Values(s.users), func(a, b *Account) int { return cmp.Compare(a.Handle, b.Handle) })
}

// Invites lists all invites in the order they were made.
func (s *State) Invites() []*InviteState {
	return slices.SortedFunc(maps.Values(s.invites), func(a, b *InviteState) int { return cmp.Compare(a.Index, b.Index) })
}

// Node returns a node by name.
func (s *State) Node(name string) (Node, bool) { n, ok := s.nodes[name]; return n, ok }

// Nodes lists the nodes by name.
func (s *State) Nodes() []Node {
	return slices.SortedFunc(maps.Values(s.nodes), func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
}

// Orgs lists every organisation key of the bus, oldest first; the last is in
// force. Each was named by the one before, so a client that pins any of them
// has the bus that it means.
func (s *State) Orgs() []identity.VerifyKey { return slices.Clone(s.orgs) }

// HasOrg reports whether o is, or was, the organisation key.
func (s *State) HasOrg(o identity.VerifyKey) bool { return slices.Contains(s.orgs, o) }

// HasAdmin reports whether an active admin exists.
func (s *State) HasAdmin() bool { return s.admins() > 0 }

// IsAdmin reports whether the account is an active admin.
func (s *State) IsAdmin(id bus.AccountID) bool {
	a := s.accounts[id]
	return a.Active() && a.Role == bus.RoleAdmin
}

// WasAdmin reports whether the account was an active admin as of the entry at;
// false when at is no entry of this log.
func (s *State) WasAdmin(id bus.AccountID, at bus.Ref) bool {
	return s.Holds(at) && s.accounts[id].role(at.Index) == bus.RoleAdmin
}

// Holds reports whether ref names an entry of this chain.
func (s *State) Holds(ref bus.Ref) bool {
	return int(ref.Index) < len(s.hashes) && s.hashes[ref.Index].Prefix() == ref.Hash
}

// HashAt returns the hash of the entry at an index.
func (s *State) HashAt(index uint32) (bus.Hash, bool) {
	if int(index) >= len(s.hashes) {
		return bus.Hash{}, false
	}
	return s.hashes[index], true
}

func (s *State) admins() (n int) {
	for _, a := range s.users {
		if a.Active() && a.Role == bus.RoleAdmin {
			n++
		}
	}
	return n
}
