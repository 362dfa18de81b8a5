package roomlog

import (
	"slices"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/identity"
)

func (s *State) checkAdd(e *chain.Entry, f Facts) (func(), error) {
	a, ok := parseAdd(e.Body)
	if !ok {
		return nil, chain.ErrEntry
	}
	if err := s.checkOwner(e, f, a.Start); err != nil {
		return nil, err
	}
	c, ok := s.additions(e, f, a)
	if !ok {
		return nil, chain.ErrRefused
	}
	return s.checkStart(e, f, a.Start, c)
}

// additions are the members and guests that an entry adds, if each is new and
// may be in the room.
func (s *State) additions(e *chain.Entry, f Facts, a Add) (c Change, ok bool) {
	accounts, invites := map[bus.AccountID]bool{}, map[bus.InviteID]bool{}
	for _, m := range a.Members {
		_, in := s.members[m.Account]
		if in || accounts[m.Account] || !validRole(m.Role) || !activeAt(f, m.Account, limit(e)) {
			return c, false
		}
		accounts[m.Account] = true
		c.Add = append(c.Add, Member{Account: m.Account, Role: m.Role, Since: e.Index, Time: e.Time})
	}
	for _, g := range a.Guests {
		_, in := s.guests[g.Invite]
		if in || invites[g.Invite] || !validRole(g.Role) || !invitable(e, f, g.Invite) {
			return c, false
		}
		invites[g.Invite] = true
		c.Invite = append(c.Invite, Guest{Invite: g.Invite, Role: g.Role, Since: e.Index, Time: e.Time})
	}
	return c, true
}

// invitable reports whether an invite may become a guest. Once it was taken up
// its account is added instead.
func invitable(e *chain.Entry, f Facts, id bus.InviteID) bool {
	_, taken := takenUp(f.Bus().Invite(id), limit(e))
	return !taken && guestOpen(f, id, limit(e), e.Time)
}

func validRole(r bus.RoomRole) bool { return r >= bus.RoleReader && r <= bus.RoleOwner }

// checkRemove takes people out. Nobody takes himself out: he would have to be in
// the epoch that he starts.
func (s *State) checkRemove(e *chain.Entry, f Facts) (func(), error) {
	rm, ok := parseRemove(e.Body)
	if !ok {
		return nil, chain.ErrEntry
	}
	role, err := s.checkAuthor(e, f, rm.Start)
	if err != nil {
		return nil, err
	}
	if role != bus.RoleOwner && !ended(e, f, rm) {
		return nil, errOwner
	}
	if !removable(s.members, rm.Members) || !removable(s.guests, rm.Guests) {
		return nil, chain.ErrRefused
	}
	return s.checkStart(e, f, rm.Start, Change{Drop: rm.Members, Uninvite: rm.Guests})
}

// removable reports whether all ids are in the room, each named once.
func removable[K comparable, V any](in map[K]V, ids []K) bool {
	named := map[K]bool{}
	for _, id := range ids {
		if _, ok := in[id]; !ok || named[id] {
			return false
		}
		named[id] = true
	}
	return true
}

// ended reports whether everybody whom rm removes lost his right already: then
// any member may remove him.
func ended(e *chain.Entry, f Facts, rm Remove) bool {
	return !slices.ContainsFunc(rm.Members, func(id bus.AccountID) bool { return activeAt(f, id, limit(e)) }) &&
		!slices.ContainsFunc(rm.Guests, func(id bus.InviteID) bool { return guestOpen(f, id, limit(e), e.Time) })
}

func (s *State) checkAccept(e *chain.Entry, f Facts) (func(), error) {
	a, ok := parseAccept(e.Body)
	if !ok {
		return nil, chain.ErrEntry
	}
	g, in := s.guests[a.Invite]
	inv := f.Bus().Invite(a.Invite)
	taker, taken := takenUp(inv, limit(e))
	pin, pinned := pinOf(e, a.Start)
	if !in || !taken || taker != e.Account || !pinned || !guestOpen(f, a.Invite, limit(e), e.Time) {
		return nil, bus.ErrNotMember
	}
	who, err := speaker(e, f, pin)
	if err != nil {
		return nil, err
	}
	if !e.SignedBy(identity.ContextRoom, inv.Content, who.Content) {
		return nil, chain.ErrSignature
	}
	joined := Member{Account: e.Account, Role: g.Role, Since: e.Index, Time: e.Time}
	return s.checkStart(e, f, a.Start, Change{Add: []Member{joined}, Uninvite: []bus.InviteID{a.Invite}})
}

func (s *State) checkRole(e *chain.Entry, f Facts) (func(), error) {
	r, ok := parseSetRole(e.Body)
	if !ok || !validRole(r.Role) {
		return nil, chain.ErrEntry
	}
	if err := s.checkPlainOwner(e, f); err != nil {
		return nil, err
	}
	m, in := s.members[r.Account]
	if !in {
		return nil, bus.Errorf(bus.NotFound, "no_member", "no such member in this room").WithHint("see: unibus room members")
	}
	if m.Role == bus.RoleOwner && r.Role != bus.RoleOwner && s.Owners() == 1 {
		return nil, errLastOwner
	}
	m.Role = r.Role
	return func() { s.members[m.Account] = m }, nil
}

var errLastOwner = bus.Errorf(bus.Conflict, "last_owner", "this is the room's last owner").
	WithHint("name another owner first: unibus room role")

func (s *State) checkLeave(e *chain.Entry, f Facts) (func(), error) {
	l, ok := parseLeave(e.Body)
	if !ok {
		return nil, chain.ErrEntry
	}
	m, err := s.checkPlain(e, f)
	if err != nil {
		return nil, err
	}
	heir, named := s.members[l.Successor]
	switch {
	case l.Successor == bus.AccountID{}:
		if m.Role == bus.RoleOwner && s.Owners() == 1 {
			return nil, errLastOwner
		}
	case !named || m.Role != bus.RoleOwner || heir.Account == m.Account || !activeAt(f, heir.Account, limit(e)):
		return nil, chain.ErrRefused
	}
	return func() {
		delete(s.members, m.Account)
		if named {
			heir.Role = bus.RoleOwner
			s.members[heir.Account] = heir
		}
		s.Left[m.Account] = Departure{Index: e.Index, Closing: l.Closing}
	}, nil
}
