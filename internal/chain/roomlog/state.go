// Package roomlog holds the rules of a room log: who is in a room, with what
// role, and which epoch its key is in.
//
// The node runs them before it stores an entry and every member runs them
// again, so that the node can add nobody, keep nobody out of a key, and put
// nobody in unseen. Rules are pure: they rest on the bus log and on account
// chains as of the positions that an entry names.
package roomlog

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/identity"
)

// Member is an account in the room.
type Member struct {
	Account bus.AccountID
	Role    bus.RoomRole
	Since   uint32 // index of the entry that added it
	Time    time.Time
	Pin     bus.Ref // of its account chain, as of the newest epoch
}

// Guest is an open invite in the room.
type Guest struct {
	Invite bus.InviteID
	Role   bus.RoomRole // of the member it may become
	Since  uint32
	Time   time.Time
}

// Recipient is one endpoint of an audience.
type Recipient struct {
	Endpoint bus.EndpointID
	Account  bus.AccountID // zero for a guest
	// Role is that of the endpoint as the epoch starts: its member's, or less
	// where it has a scope. Zero for a guest and a recovery endpoint: they never
	// send.
	Role     bus.RoomRole
	Verbs    account.Verb // what its scope allows here; zero where Role is
	NotAfter time.Time    // when its time is over; zero: never
	Content  identity.VerifyKey
	KEM      *identity.KEMPublic
	Serial   uint32
}

// Ended reports whether the endpoint's time is over: frames that it sends later
// are refused, and the next epoch is without it.
func (r Recipient) Ended(at time.Time) bool { return !r.NotAfter.IsZero() && at.After(r.NotAfter) }

// Epoch is the key generation in force.
type Epoch struct {
	Number   bus.Epoch
	Index    uint32         // of the entry that started it
	Entry    bus.Hash       // its hash
	Prev     bus.Hash       // hash of the entry before it, which envelopes are bound to
	Author   bus.AccountID  // who sealed it
	Actor    bus.EndpointID // with which endpoint
	Started  time.Time
	NotAfter time.Time
	Closing  Closing // newest frame of the epoch before
	Root     bus.Hash
	Confirm  bus.Hash
	Audience []Recipient // sorted by endpoint
}

// Recipient returns the endpoint of the audience with this id.
func (ep *Epoch) Recipient(id bus.EndpointID) (Recipient, bool) {
	i, ok := slices.BinarySearchFunc(ep.Audience, id, func(r Recipient, id bus.EndpointID) int {
		return bytes.Compare(r.Endpoint[:], id[:])
	})
	if !ok {
		return Recipient{}, false
	}
	return ep.Audience[i], true
}

// ended reports whether somebody holds the key whose time is over.
func (ep *Epoch) ended(at time.Time) bool {
	return slices.ContainsFunc(ep.Audience, func(r Recipient) bool { return r.Ended(at) })
}

// Departure is when a member left by himself.
type Departure struct {
	Index   uint32
	Closing Closing // newest frame he had seen: what he sends later is refused
}

// State is a room as of its newest entry. Reads may run concurrently with each
// other; a step returned by Check must run alone. Epoch, once read, never
// changes.
type State struct {
	chain.Tail
	ID        bus.RoomID
	Create    Create
	Retention time.Duration
	Name      []byte // sealed under NameEpoch; clear in a cleartext room
	NameEpoch bus.Epoch
	Epoch     *Epoch // nil before the first
	Closed    bool
	Left      map[bus.AccountID]Departure // since the newest epoch
	members   map[bus.AccountID]Member
	guests    map[bus.InviteID]Guest
	pinned    map[bus.AccountID]uint32 // newest account-chain index ever named, also of those who are gone
	seen      uint32                   // newest bus-log index an author named
}

// New is the state of a room without entries on a bus.
func New(b bus.ID) *State {
	return &State{Tail: chain.Tail{Bus: b}, members: map[bus.AccountID]Member{}, guests: map[bus.InviteID]Guest{},
		pinned: map[bus.AccountID]uint32{}, Left: map[bus.AccountID]Departure{}}
}

// Member returns the member of an account.
func (s *State) Member(id bus.AccountID) (Member, bool) { m, ok := s.members[id]; return m, ok }

// Guest returns the guest of an invite.
func (s *State) Guest(id bus.InviteID) (Guest, bool) { g, ok := s.guests[id]; return g, ok }

// Members lists the members by account id.
func (s *State) Members() []Member {
	return slices.SortedFunc(maps.Values(s.members), func(a, b Member) int {
		return bytes.Compare(a.Account[:], b.Account[:])
	})
}

// Guests lists the guests by invite id.
func (s *State) Guests() []Guest {
	return slices.SortedFunc(maps.Values(s.guests), func(a, b Guest) int {
		return bytes.Compare(a.Invite[:], b.Invite[:])
	})
}

// Owners counts the owners.
func (s *State) Owners() (n int) {
	for _, m := range s.members {
		if m.Role == bus.RoleOwner {
			n++
		}
	}
	return n
}

// ConfirmInput is what the confirm of an epoch-starting entry is computed
// over: the signed bytes without confirm itself, which ends them.
func ConfirmInput(e *chain.Entry) []byte {
	msg := e.Message()
	return msg[:len(msg)-len(bus.Hash{})]
}
