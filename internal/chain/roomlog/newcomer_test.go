package roomlog_test

import (
	"testing"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
)

// TestMayInherit asks for everybody who came to a room, of each kind.
func TestMayInherit(t *testing.T) {
	t.Parallel()
	for _, history := range []bus.History{bus.HistoryJoin, bus.HistoryAll} {
		t.Run(history.String(), func(t *testing.T) {
			t.Parallel()
			w := chaintest.New(t)
			alice := w.Alice.Device()
			r := w.Room(alice, func(c *roomlog.Create) { c.History, c.Recovery = history, true })
			first := r.State.Epoch
			inv := w.Invite("carol", bus.InviteLife)
			r.Guest(alice, bus.RoleMember, inv)
			guest := r.State.Epoch
			carol := w.Join(inv)
			recovery := carol.AddRecovery()
			r.Must(r.AcceptEntry(carol.Device(), inv))
			accepted := r.State.Epoch
			phone := w.Alice.AddDevice("phone")
			bot := w.Alice.AddBot("bot", account.Rights{Scope: account.NewScope(account.VerbRead, r.State.ID)})
			r.Add(alice, bus.RoleMember, w.Bob)
			all := history == bus.HistoryAll
			for _, c := range []struct {
				what string
				who  bus.EndpointID
				in   *roomlog.Epoch
				old  *roomlog.Epoch
				want bool
			}{
				{"a guest, of before", inv.Endpoint(), guest, first, all},
				{"who took his invite up, of before it", carol.Device().ID(), accepted, first, all},
				{"who took his invite up, since it", carol.Device().ID(), accepted, guest, true},
				{"her recovery endpoint, of before", recovery, accepted, first, all},
				{"her recovery endpoint, since the invite", recovery, accepted, guest, true},
				{"a new device of a member", phone.ID(), r.State.Epoch, first, true},
				{"a bot with a scope", bot.ID(), r.State.Epoch, first, false},
				{"a new member", w.Bob.Device().ID(), r.State.Epoch, accepted, all},
				{"who has the key", alice.ID(), r.State.Epoch, first, false},
			} {
				to, in := c.in.Recipient(c.who)
				if got := r.State.MayInherit(c.old, to, w); !in || got != c.want {
					t.Errorf("%s: in the epoch %v, may inherit %v, want %v", c.what, in, got, c.want)
				}
			}
			var came []bus.EndpointID
			for _, n := range r.State.Epoch.Newcomers(accepted) {
				came = append(came, n.Endpoint)
			}
			if len(came) != 3 {
				t.Errorf("%d endpoints came with bob's adding, want his, the phone and the bot", len(came))
			}
		})
	}
}

// TestWordsOpenNothing: in a room without recovery endpoints a device that A
// listed inherits nothing, and hands nobody through whom it lists; one that
// another device listed does, and so does whoever a device from words brought
// after it was in.
func TestWordsOpenNothing(t *testing.T) {
	t.Parallel()
	for _, refuses := range []bool{false, true} {
		w := chaintest.New(t)
		alice := w.Alice.Device()
		r := w.Room(alice, func(c *roomlog.Create) { c.Recovery = !refuses })
		first := r.State.Epoch
		linked := w.Alice.TakeUp(alice.Link(bus.MaxLinkLife), "linked")
		found := w.Alice.AddDevice("found") // signed by A, as with the words alone
		r.Must(r.Rekey(alice, roomlog.ReasonMoved))
		second := r.State.Epoch
		behind := w.Alice.TakeUp(found.Link(bus.MaxLinkLife), "behind")
		r.Must(r.Rekey(alice, roomlog.ReasonMoved))
		for _, c := range []struct {
			what string
			who  bus.EndpointID
			old  *roomlog.Epoch
			want bool
		}{
			{"listed by a device", linked.ID(), first, true},
			{"listed by A", found.ID(), first, !refuses},
			{"listed by who A listed", behind.ID(), first, !refuses},
			{"listed by who A listed, since he was in", behind.ID(), second, true},
		} {
			to, in := r.State.Epoch.Recipient(c.who)
			if got := r.State.MayInherit(c.old, to, w); !in || got != c.want {
				t.Errorf("refuses recovery %v, %s: in the epoch %v, may inherit %v, want %v", refuses, c.what, in, got, c.want)
			}
		}
	}
}

// unread are facts without the chain of one account.
type unread struct {
	roomlog.Facts
	of bus.AccountID
}

func (u unread) Account(id bus.AccountID) *account.State {
	if id == u.of {
		return nil
	}
	return u.Facts.Account(id)
}

// TestDoubtInheritsNothing: of whom it is not known what he is, bot or device, or
// who listed him, nobody hands anything on to.
func TestDoubtInheritsNothing(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	alice := w.Alice.Device()
	r := w.Room(alice, func(c *roomlog.Create) { c.History = bus.HistoryAll })
	first := r.State.Epoch
	r.Add(alice, bus.RoleMember, w.Bob)
	to, in := r.State.Epoch.Recipient(w.Bob.Device().ID())
	if !in || !r.State.MayInherit(first, to, w) {
		t.Fatal("bob may not inherit: this test proves nothing")
	}
	if r.State.MayInherit(first, to, unread{w, w.Bob.ID()}) {
		t.Error("whose chain is not known may inherit")
	}
	to.Endpoint[0] ^= 1
	if r.State.MayInherit(first, to, w) {
		t.Error("who is not in his chain may inherit")
	}
}
