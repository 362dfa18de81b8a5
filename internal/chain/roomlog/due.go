package roomlog

import (
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
)

// Due says why a writer must start an epoch before his next frame, or 0.
// Revoked and ended people are removed by the same entry.
func (s *State) Due(f Facts, now time.Time) (reason Reason, c Change) {
	if s.Epoch == nil {
		return ReasonAsked, c
	}
	after := s.roster(Change{}, f, f.Bus().Len, now)
	for _, m := range s.Members() {
		if _, in := after.members[m.Account]; !in {
			c.Drop = append(c.Drop, m.Account)
		}
	}
	for _, g := range s.Guests() {
		if _, in := after.guests[g.Invite]; !in {
			c.Uninvite = append(c.Uninvite, g.Invite)
		}
	}
	switch {
	case len(c.Drop)+len(c.Uninvite) > 0, s.rightMoved(), s.endpointMoved(f, now), s.Epoch.ended(now):
		return ReasonMoved, c
	case len(s.Left) > 0:
		return ReasonLeft, c
	case now.Sub(s.Epoch.Started) >= bus.EpochAge, !now.Before(s.Epoch.NotAfter):
		return ReasonAge, c
	}
	return 0, c
}

// rightMoved reports whether somebody may write now and could not when the
// epoch began, or the other way round: receivers hold a frame to the audience
// of its epoch.
func (s *State) rightMoved() bool {
	return slices.ContainsFunc(s.Epoch.Audience, func(a Recipient) bool {
		m, in := s.members[a.Account]
		return in && a.Verbs.Has(account.VerbPublish) && a.Role.Writes() != m.Role.Writes()
	})
}

// endpointMoved reports whether an endpoint that has the key was revoked since,
// or a member has one that the key should have been sealed to: a new device,
// or one that was asleep. One that fell asleep waits for the next epoch.
func (s *State) endpointMoved(f Facts, now time.Time) bool {
	for _, m := range s.members {
		acc := f.Account(m.Account)
		if acc == nil || acc.Len == 0 || acc.Len-1 <= m.Pin.Index {
			continue
		}
		for _, e := range acc.Endpoints() {
			_, sealed := s.Epoch.Recipient(e.ID)
			_, due := s.recipient(e, m, acc.Len-1, now)
			if due && !sealed || sealed && e.Revoked {
				return true
			}
		}
	}
	return false
}
