package roomlog

import (
	"slices"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
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
// the words of an account open nothing by way of a new device either. Who is
// listed by no chain that f knows may not. Whoever hands a key on asks this, and
// whoever takes one.
func (s *State) MayInherit(old *Epoch, to Recipient, f Facts) bool {
	all := s.Create.History == bus.HistoryAll
	if _, has := old.Recipient(to.Endpoint); has || s.Create.Suite == bus.SuiteClear {
		return false
	}
	if to.Account == (bus.AccountID{}) { // a guest
		return all
	}
	acc := f.Account(to.Account)
	if acc == nil {
		return false
	}
	who := acc.Endpoint(to.Endpoint)
	if who == nil || who.Rights.Scope != nil || !s.Create.Recovery && old.fromWords(acc, who) {
		return false
	}
	return all || old.has(to.Account, f)
}

// fromWords reports whether somebody with the words of an account, and nothing
// else, could have listed an endpoint, by himself or through others that he
// listed, and got none of them into ep.
func (ep *Epoch) fromWords(acc *account.State, first *account.Endpoint) bool {
	for first != nil && first.AddedBy != (bus.EndpointID{}) {
		first = acc.Endpoint(first.AddedBy)
	}
	if first == nil { // nobody knows
		return true
	}
	_, was := ep.Recipient(first.ID)
	return first.Added > 0 && !was
}

// has reports whether ep was sealed to an account, or to the invite that it took
// up later.
func (ep *Epoch) has(id bus.AccountID, f Facts) bool {
	if slices.ContainsFunc(ep.Audience, func(r Recipient) bool { return r.Account == id }) {
		return true
	}
	a := f.Bus().Account(id)
	if a == nil {
		return false
	}
	inv := f.Bus().Invite(a.Invite)
	if inv == nil {
		return false
	}
	r, in := ep.Recipient(inv.Endpoint())
	return in && r.Account == bus.AccountID{}
}
