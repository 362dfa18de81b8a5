package roomlog

import (
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
)

// maxName bounds the sealed name of a room.
const maxName = 128

// directSize is how many a room of two holds.
const directSize = 2

// checkStart verifies the part of an entry that starts an epoch and returns
// the step that takes it and the new roster in.
func (s *State) checkStart(e *chain.Entry, f Facts, st Start, c Change) (func(), error) {
	r := s.roster(c, f, limit(e), e.Time)
	if st.Epoch != s.number()+1 || !lasts(st.NotAfter.Sub(e.Time)) || len(st.Name) > maxName ||
		!slices.Equal(st.Guests, r.guestIDs()) {
		return nil, chain.ErrRefused
	}
	if err := s.checkSize(r); err != nil {
		return nil, err
	}
	if err := s.pin(r, st.Members); err != nil {
		return nil, err
	}
	to, err := s.audience(r, st.Members, f, e.Time)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(to, func(a Recipient) bool { return a.Endpoint == e.Actor }) {
		return nil, errAsleep
	}
	if len(to) != int(st.Endpoints) {
		return nil, ErrAudience
	}
	return func() { s.begin(e, st, r, to) }, nil
}

// errAsleep keeps an author out of an epoch that is not sealed to him.
var errAsleep = bus.Errorf(bus.Conflict, "asleep", "this device's kem key is too old to be in the room").
	WithHint("renew it first")

// lasts holds an epoch to its life. It must not end before every member may
// start the next one, or nobody could send until then.
func lasts(life time.Duration) bool { return life >= bus.EpochAge && life <= bus.EpochLife }

func (s *State) checkSize(r roster) error {
	most := bus.MaxMembers
	if s.Create.Direct {
		most = directSize
	}
	if len(r.members)+len(r.guests) > most {
		return bus.Errorf(bus.TooLarge, "room_full", "this room has at most %d members", most)
	}
	return nil
}

// pin sets the members' pins: exactly the roster, in order, none older than
// any earlier entry of this log named, also for somebody who was away since:
// else a revoked device comes back with him.
func (s *State) pin(r roster, pins []Pin) error {
	ids := r.memberIDs()
	if len(pins) != len(ids) {
		return chain.ErrRefused
	}
	for i, p := range pins {
		if p.Account != ids[i] || p.At.Index < s.pinned[p.Account] {
			return chain.ErrRefused
		}
		m := r.members[p.Account]
		m.Pin = p.At
		r.members[p.Account] = m
	}
	return nil
}

// begin takes the epoch in, once e is the newest entry.
func (s *State) begin(e *chain.Entry, st Start, r roster, to []Recipient) {
	s.Epoch = &Epoch{
		Number: st.Epoch, Index: e.Index, Entry: s.Hash, Prev: e.Prev, Author: e.Account, Actor: e.Actor,
		Started:  e.Time,
		NotAfter: st.NotAfter, Closing: st.Closing, Root: st.Root, Confirm: st.Confirm, Audience: to,
	}
	s.Name, s.NameEpoch = st.Name, st.Epoch
	s.members, s.guests = r.members, r.guests
	s.Left = map[bus.AccountID]Departure{}
	for _, p := range st.Members {
		s.pinned[p.Account] = p.At.Index
	}
}

// pinOf finds the position that an epoch-starting entry names for its author.
func pinOf(e *chain.Entry, st Start) (bus.Ref, bool) {
	for _, p := range st.Members {
		if p.Account == e.Account {
			return p.At, true
		}
	}
	return bus.Ref{}, false
}

func (s *State) checkRekey(e *chain.Entry, f Facts) (func(), error) {
	r, ok := parseRekey(e.Body)
	if !ok {
		return nil, chain.ErrEntry
	}
	role, err := s.checkAuthor(e, f, r.Start)
	if err != nil {
		return nil, err
	}
	switch {
	case r.Reason == ReasonBroken && !s.mayComplain(e, r.Complaint):
		return nil, ErrNotDue
	case role != bus.RoleOwner && !s.mayRekey(e, r):
		return nil, ErrNotDue
	}
	return s.checkStart(e, f, r.Start, Change{})
}

// ErrNotDue is the answer to a member's plain rekey whose reason does not hold.
var ErrNotDue = bus.Errorf(bus.Forbidden, "not_due", "a new room key is not due yet").
	WithHint("ask an owner of the room")

// mayRekey holds a member's plain rekey to its reason. How many frames an
// epoch has is the node's to check: the log cannot tell.
func (s *State) mayRekey(e *chain.Entry, r Rekey) bool {
	switch r.Reason {
	case ReasonAge:
		return e.Time.Sub(s.Epoch.Started) >= bus.EpochAge
	case ReasonFrames:
		return true
	case ReasonMoved:
		return s.moved(r.Start) || s.rightMoved() || s.Epoch.ended(e.Time)
	case ReasonLeft:
		return len(s.Left) > 0
	case ReasonBroken:
		return true // mayComplain was asked
	}
	return false
}

// mayComplain holds a complaint to the epoch in force, in which the author must
// have an envelope, and which he must not have sealed himself: so nobody starts
// one epoch after another by complaining. That the named envelope is his the
// node checks; it has the leaves.
func (s *State) mayComplain(e *chain.Entry, c Complaint) bool {
	if s.Epoch == nil || s.Create.Suite == bus.SuiteClear || c.Epoch != s.Epoch.Number {
		return false
	}
	_, sealed := s.Epoch.Recipient(e.Actor)
	return sealed && s.Epoch.Author != e.Account
}

// moved reports whether st differs from the epoch in force in a pin or in who
// is in it.
func (s *State) moved(st Start) bool {
	if len(st.Members) != len(s.members) || len(st.Guests) != len(s.guests) {
		return true
	}
	return slices.ContainsFunc(st.Members, func(p Pin) bool { return s.members[p.Account].Pin != p.At })
}
