package roomlog

import (
	"slices"

	"unibus/internal/bus"
)

// Newcomers lists the endpoints of ep that the epoch before it did not have,
// sorted.
func (ep *Epoch) Newcomers(before *Epoch) []Recipient {
	return slices.DeleteFunc(slices.Clone(ep.Audience), func(r Recipient) bool {
		_, was := before.Recipient(r.Endpoint)
		return was
	})
}

// MayInherit reports whether an endpoint of a later epoch may be handed the key
// of old, which was not sealed to it: in a room of bus.HistoryAll everybody may,
// elsewhere who is of a person whom it was sealed to. An endpoint with a scope
// reads from when it was listed, and where the room refuses recovery endpoints
// the words of an account open nothing by way of a new device either. Whoever
// hands a key on asks this, and whoever takes one.
func (s *State) MayInherit(old *Epoch, to Recipient, f Facts) bool {
	_, has := old.Recipient(to.Endpoint)
	switch {
	case has || s.Create.Suite == bus.SuiteClear || scoped(to, f) || !s.Create.Recovery && old.fromWords(to, f):
		return false
	case s.Create.History == bus.HistoryAll:
		return true
	case to.Account == bus.AccountID{}: // a guest
		return false
	}
	return old.has(to.Account, f)
}

func scoped(to Recipient, f Facts) bool {
	acc := f.Account(to.Account)
	if acc == nil {
		return false
	}
	e := acc.Endpoint(to.Endpoint)
	return e != nil && e.Rights.Scope != nil
}

// fromWords reports whether somebody with the words of an account, and nothing
// else, could have listed an endpoint, by himself or through others that he
// listed, and got none of them into ep.
func (ep *Epoch) fromWords(to Recipient, f Facts) bool {
	acc := f.Account(to.Account)
	if acc == nil {
		return false
	}
	first := acc.Endpoint(to.Endpoint)
	for first != nil && first.AddedBy != (bus.EndpointID{}) {
		first = acc.Endpoint(first.AddedBy)
	}
	if first == nil || first.Added == 0 {
		return false
	}
	_, was := ep.Recipient(first.ID)
	return !was
}

// has reports whether ep was sealed to an account, or to the invite that it took
// up later.
func (ep *Epoch) has(id bus.AccountID, f Facts) bool {
	if slices.ContainsFunc(ep.Audience, func(r Recipient) bool { return r.Account == id }) {
		return true
	}
	a := f.Bus().Account(id)
	if a == nil || a.Invite == (bus.InviteID{}) { // no invite: not one whose id is zero
		return false
	}
	inv := f.Bus().Invite(a.Invite)
	if inv == nil {
		return false
	}
	r, in := ep.Recipient(inv.Endpoint())
	return in && r.Account == bus.AccountID{}
}
