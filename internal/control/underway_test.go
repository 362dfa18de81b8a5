package control

import (
	"testing"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/membership"
)

// TestOneTimeUnderway: however many links and invites somebody makes, the
// requests that they sign are bounded together, and do not lock him out.
func TestOneTimeUnderway(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	enter := func(by membership.Signer) error { return (&exchange{Server: r.Server, by: by}).enter() }
	maker := membership.Signer{Account: bus.AccountID{1}}
	held := 0
	for n := range 8 {
		id := bus.InviteID{byte(n)}
		for _, by := range []membership.Signer{{Link: &id, Maker: maker.Account}, {Invite: &id, Maker: maker.Account}} {
			for held <= maxUnderway && enter(by) == nil {
				held++
			}
		}
	}
	if held != maxUnderway {
		t.Errorf("%d requests of one maker's links are under way, want %d", held, maxUnderway)
	}
	r.must(enter(maker))
	other := bus.InviteID{99}
	r.must(enter(membership.Signer{Link: &other, Maker: bus.AccountID{2}}))
}

// TestOneTimeMaker: the node knows who made an invite and a link.
func TestOneTimeMaker(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	inv := r.w.Invite("carol", bus.InviteLife)
	_, err := r.o.Membership.AppendBus(t.Context(), by(r.w.Founder.Device()), r.w.BusLog[len(r.w.BusLog)-1].Encode())
	r.must(err)
	got, err := r.o.Membership.Authorize(inv.Transport)
	r.must(err)
	l := r.w.Alice.Device().Link(bus.MaxLinkLife)
	log := r.w.AccountLogs[r.w.Alice.ID()]
	_, err = r.o.Membership.AppendAccount(t.Context(), by(r.w.Alice.Device()), "alice", log[len(log)-1].Encode())
	r.must(err)
	linked, err := r.o.Membership.Authorize(l.Transport)
	r.must(err)
	if got.Maker != r.w.Founder.ID() || linked.Maker != r.w.Alice.ID() {
		t.Errorf("made by %v and %v", got.Maker, linked.Maker)
	}
}

// TestScopedUnderway: whoever stole a bot's file keeps its user from nothing, and
// other bots of the user count with it.
func TestScopedUnderway(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	enter := func(by membership.Signer) error { return (&exchange{Server: r.Server, by: by}).enter() }
	user := membership.Signer{Account: bus.AccountID{1}, Endpoint: bus.EndpointID{1}}
	bot := func(n byte) membership.Signer {
		by := membership.Signer{Account: user.Account, Endpoint: bus.EndpointID{2, n}}
		by.Rights.Scope = account.NewScope(account.VerbRead, bus.RoomID{1})
		return by
	}
	held := 0
	for n := range byte(8) {
		for held <= maxUnderway && enter(bot(n)) == nil {
			held++
		}
	}
	if held != maxUnderway {
		t.Errorf("%d requests of one user's bots are under way, want %d", held, maxUnderway)
	}
	r.must(enter(user))
	r.must(enter(membership.Signer{Account: bus.AccountID{2}, Rights: bot(0).Rights}))
}

// TestScopedAuthorize: by then the node knows that a signer has a scope.
func TestScopedAuthorize(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	bot := r.w.Alice.AddBot("bot", account.Rights{Scope: account.NewScope(account.VerbRead, bus.RoomID{1})})
	log := r.w.AccountLogs[r.w.Alice.ID()]
	_, err := r.o.Membership.AppendAccount(t.Context(), by(r.w.Alice.Device()), "alice", log[len(log)-1].Encode())
	r.must(err)
	got, err := r.o.Membership.Authorize(bot.Transport.Public())
	r.must(err)
	if got.Account != r.w.Alice.ID() || got.Rights.Scope == nil {
		t.Errorf("the bot signs as %+v", got)
	}
}
