package roomlog

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/buslog"
)

// roster is the membership that an entry brings about.
type roster struct {
	members map[bus.AccountID]Member
	guests  map[bus.InviteID]Guest
}

// roster applies c to the members and guests of s, then drops whoever lost his
// right by the bus-log entries below limit: no epoch starts with a revoked
// account or an ended invite in it. If no owner is left, the member who has
// been in the room longest is owner.
//
// It rests on nothing that later entries of the bus log or of account chains
// change, so that a log is judged alike for ever.
func (s *State) roster(c Change, f Facts, limit uint32, at time.Time) roster {
	r := roster{members: maps.Clone(s.members), guests: maps.Clone(s.guests)}
	for _, id := range c.Drop {
		delete(r.members, id)
	}
	for _, id := range c.Uninvite {
		delete(r.guests, id)
	}
	for _, m := range c.Add {
		r.members[m.Account] = m
	}
	for _, g := range c.Invite {
		r.guests[g.Invite] = g
	}
	r.purge(f, limit, at)
	r.crown()
	return r
}

// purge drops those without a right, and the guests who are members by now:
// whoever is removed later must not stay in the room through an old link.
func (r roster) purge(f Facts, limit uint32, at time.Time) {
	maps.DeleteFunc(r.members, func(id bus.AccountID, _ Member) bool { return !activeAt(f, id, limit) })
	maps.DeleteFunc(r.guests, func(id bus.InviteID, _ Guest) bool {
		taker, taken := takenUp(f.Bus().Invite(id), limit)
		_, member := r.members[taker]
		return taken && member || !guestOpen(f, id, limit, at)
	})
}

// guestOpen reports whether an invite may still be a guest: not revoked, not
// expired, and not taken up by an account that was revoked since.
func guestOpen(f Facts, id bus.InviteID, limit uint32, at time.Time) bool {
	inv := f.Bus().Invite(id)
	switch {
	case inv == nil || inv.Index >= limit || at.After(inv.NotAfter):
		return false
	case inv.Revoked && inv.EndedAt < limit:
		return false
	}
	taker, taken := takenUp(inv, limit)
	return !taken || activeAt(f, taker, limit)
}

// takenUp returns the account that took an invite up by the bus-log entries
// below limit.
func takenUp(inv *buslog.InviteState, limit uint32) (taker bus.AccountID, ok bool) {
	if inv == nil || inv.Accepted == nil || inv.EndedAt >= limit {
		return taker, false
	}
	return *inv.Accepted, true
}

// activeAt reports whether an account was admitted and not revoked by the
// bus-log entries below limit.
func activeAt(f Facts, id bus.AccountID, limit uint32) bool {
	a := f.Bus().Account(id)
	return a != nil && a.Index < limit && (!a.Revoked || a.RevokedAt >= limit)
}

// crown makes the longest-standing member owner when there is none: writers
// before readers, then by index, then by id.
func (r roster) crown() {
	for _, m := range r.members {
		if m.Role == bus.RoleOwner {
			return
		}
	}
	var best *Member
	for _, id := range r.memberIDs() {
		m := r.members[id]
		if best == nil || m.Role > best.Role || m.Role == best.Role && m.Since < best.Since {
			best = &m
		}
	}
	if best != nil {
		best.Role = bus.RoleOwner
		r.members[best.Account] = *best
	}
}

func (r roster) memberIDs() []bus.AccountID {
	return slices.SortedFunc(maps.Keys(r.members), func(a, b bus.AccountID) int { return bytes.Compare(a[:], b[:]) })
}

func (r roster) guestIDs() []bus.InviteID {
	return slices.SortedFunc(maps.Keys(r.guests), func(a, b bus.InviteID) int { return bytes.Compare(a[:], b[:]) })
}
