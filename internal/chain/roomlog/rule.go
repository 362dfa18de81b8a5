package roomlog

import (
	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/identity"
)

// rules is the dispatch of Check; it is never changed.
var rules = map[chain.Op]func(*State, *chain.Entry, Facts) (func(), error){
	OpRekey:  (*State).checkRekey,
	OpAdd:    (*State).checkAdd,
	OpRemove: (*State).checkRemove,
	OpAccept: (*State).checkAccept,
	OpRole:   (*State).checkRole,
	OpPolicy: (*State).checkPolicy,
	OpClose:  (*State).checkClose,
	OpLeave:  (*State).checkLeave,
}

// Check verifies the next entry and returns the step that takes it into the
// state. Errors are those of chain, not_member, and two of kind Integrity:
// withheld when the entry rests on more than f knows, forked when it rests on
// something else; s is not changed before the step runs. Check cannot open the
// epoch secret: that the envelopes hold it is checked by CheckLeaves and by
// the confirm, on the client.
func (s *State) Check(e *chain.Entry, f Facts) (func(), error) {
	if err := s.Link(e); err != nil {
		return nil, err
	}
	if err := s.checkSeen(e, f); err != nil {
		return nil, err
	}
	if s.Len == 0 {
		return s.checkCreate(e, f)
	}
	rule, ok := rules[e.Op]
	if !ok || s.Closed || s.Len == 1 && e.Op != OpRekey {
		return nil, chain.ErrRefused
	}
	change, err := rule(s, e, f)
	if err != nil {
		return nil, err
	}
	return func() { s.take(e); change() }, nil
}

func (s *State) take(e *chain.Entry) {
	s.Tail = s.After(e)
	s.seen = e.Seen.Index
}

// What the bus log or an account chain looks like from an entry.
var (
	errWithheld = bus.Errorf(bus.Integrity, "withheld", "an entry rests on more of the bus than is shown here")
	errForked   = bus.Errorf(bus.Integrity, "forked", "an entry rests on another history of the bus than is shown here")
)

// checkSeen demands that e rests on a bus-log entry that f knows, not older
// than entries before it did.
func (s *State) checkSeen(e *chain.Entry, f Facts) error {
	switch {
	case e.Seen.Index < s.seen:
		return chain.ErrBehind
	case e.Seen.Index >= f.Bus().Len:
		return errWithheld
	case !f.Bus().Holds(e.Seen):
		return errForked
	}
	return nil
}

// reaches demands that an account chain holds the entry at.
func reaches(acc *account.State, at bus.Ref) error {
	switch {
	case acc == nil || at.Index >= acc.Len:
		return errWithheld
	case !acc.Holds(at):
		return errForked
	}
	return nil
}

// limit is the index below which bus-log entries count for e.
func limit(e *chain.Entry) uint32 { return e.Seen.Index + 1 }

func (s *State) checkCreate(e *chain.Entry, f Facts) (func(), error) {
	c, ok := parseCreate(e.Body)
	if !ok || e.Op != OpCreate {
		return nil, chain.ErrEntry
	}
	if err := checkSpeaker(e, f, c.Owner); err != nil {
		return nil, err
	}
	owner := Member{Account: e.Account, Role: bus.RoleOwner, Time: e.Time, Pin: c.Owner}
	return func() {
		s.take(e)
		s.ID = bus.RoomID(s.Hash.Prefix())
		s.Chain = chain.ID(s.ID)
		s.Create, s.Retention = c, c.Retention
		s.members[owner.Account] = owner
		s.pinned[owner.Account] = c.Owner.Index
	}, nil
}

// actor finds the endpoint that wrote e: live as of the pin and at the entry's
// time, of an account that was active as of what the entry has seen.
func actor(e *chain.Entry, f Facts, pin bus.Ref) (*account.Endpoint, error) {
	if !activeAt(f, e.Account, limit(e)) {
		return nil, bus.ErrNotMember
	}
	acc := f.Account(e.Account)
	if err := reaches(acc, pin); err != nil {
		return nil, err
	}
	who, ok := acc.Actor(e.Actor, pin, e.Time)
	if !ok {
		return nil, bus.ErrNotMember
	}
	return who, nil
}

// speaker is actor for what an endpoint with a scope may not do.
func speaker(e *chain.Entry, f Facts, pin bus.Ref) (*account.Endpoint, error) {
	who, err := actor(e, f, pin)
	if err == nil && who.Rights.Scope != nil {
		return nil, ErrScope
	}
	return who, err
}

// ErrScope is the answer to an endpoint whose scope does not reach so far.
var ErrScope = bus.Errorf(bus.Forbidden, "out_of_scope", "this endpoint's scope does not allow this").
	WithHint("do it from a device of your own")

// checkSpeaker demands that a speaker signed e alone.
func checkSpeaker(e *chain.Entry, f Facts, pin bus.Ref) error {
	who, err := speaker(e, f, pin)
	if err == nil && !e.SignedBy(identity.ContextRoom, who.Content) {
		return chain.ErrSignature
	}
	return err
}

// checkAuthor verifies that a member's endpoint signed an entry that starts an
// epoch, and returns its role: whoever is owner because the last one was revoked
// acts as one, and who has a scope as less than its member.
func (s *State) checkAuthor(e *chain.Entry, f Facts, st Start) (bus.RoomRole, error) {
	m, ok := s.roster(Change{}, f, limit(e), e.Time).members[e.Account]
	pin, pinned := pinOf(e, st)
	switch {
	case !ok || !pinned:
		return 0, bus.ErrNotMember
	case m.Role == bus.RoleReader:
		return 0, errOwner
	}
	who, err := actor(e, f, pin)
	if err != nil {
		return 0, err
	}
	if !e.SignedBy(identity.ContextRoom, who.Content) {
		return 0, chain.ErrSignature
	}
	role := who.Rights.Role(m.Role, s.ID)
	if role == bus.RoleReader {
		return 0, ErrScope
	}
	return role, nil
}

func (s *State) checkOwner(e *chain.Entry, f Facts, st Start) error {
	role, err := s.checkAuthor(e, f, st)
	if err == nil && role != bus.RoleOwner {
		return errOwner
	}
	return err
}

var errOwner = bus.Errorf(bus.Forbidden, "not_owner", "only an owner of the room may do this").
	WithHint("ask an owner of the room, see: unibus room members")

// checkPlain verifies an entry that starts no epoch: its author's position is
// the one that the epoch in force pins.
func (s *State) checkPlain(e *chain.Entry, f Facts) (Member, error) {
	m, ok := s.members[e.Account]
	if !ok {
		return m, bus.ErrNotMember
	}
	return m, checkSpeaker(e, f, m.Pin)
}

func (s *State) checkPlainOwner(e *chain.Entry, f Facts) error {
	m, err := s.checkPlain(e, f)
	if err == nil && m.Role != bus.RoleOwner {
		return errOwner
	}
	return err
}

func (s *State) checkPolicy(e *chain.Entry, f Facts) (func(), error) {
	p, ok := parseSetPolicy(e.Body)
	if !ok || len(p.Name) > maxName {
		return nil, chain.ErrEntry
	}
	if err := s.checkPlainOwner(e, f); err != nil {
		return nil, err
	}
	return func() { s.Retention, s.Name, s.NameEpoch = p.Retention, p.Name, s.number() }, nil
}

func (s *State) checkClose(e *chain.Entry, f Facts) (func(), error) {
	if len(e.Body) != 0 {
		return nil, chain.ErrEntry
	}
	if err := s.checkPlainOwner(e, f); err != nil {
		return nil, err
	}
	return func() { s.Closed = true }, nil
}
