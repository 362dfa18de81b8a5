package roomlog_test

import (
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
)

// offer is an entry that the rules must answer with code; "" is yes.
type offer struct {
	name string
	e    *chain.Entry
	code string
}

// check offers entries without taking them, so that all see the same state.
func check(t *testing.T, w *chaintest.World, r *chaintest.Room, offers ...offer) {
	t.Helper()
	for _, o := range offers {
		_, err := r.State.Check(o.e, w)
		got := ""
		if err != nil {
			got = bus.CodeOf(err)
		}
		if got != o.code {
			t.Errorf("%s: got %q (%v), want %q", o.name, got, err, o.code)
		}
	}
}

// changed is an entry with something else in it, signed again.
func changed(e *chain.Entry, change func(*chain.Entry), keys ...identity.SigningKey) *chain.Entry {
	change(e)
	return e.Sign(identity.ContextRoom, keys...)
}

func members(role bus.RoomRole, people ...*chaintest.Person) (m []roomlog.NewMember) {
	for _, p := range people {
		m = append(m, roomlog.NewMember{Account: p.ID(), Role: role})
	}
	return m
}

func ids(people ...*chaintest.Person) (list []bus.AccountID) {
	for _, p := range people {
		list = append(list, p.ID())
	}
	return list
}

func guests(role bus.RoomRole, invites ...*chaintest.Invited) (g []roomlog.NewGuest) {
	for _, inv := range invites {
		g = append(g, roomlog.NewGuest{Invite: inv.ID, Role: role})
	}
	return g
}

// roleOf is a member's role, 0 for somebody who is none.
func roleOf(r *chaintest.Room, p *chaintest.Person) bus.RoomRole {
	m, _ := r.State.Member(p.ID())
	return m.Role
}

// pinAt makes an epoch-starting entry name another position for p, at which
// his chain lists fewer (or, negative, more) live endpoints.
func pinAt(p *chaintest.Person, at bus.Ref, fewer int) chaintest.Tweak {
	return func(st *roomlog.Start) {
		for i, m := range st.Members {
			if m.Account == p.ID() {
				st.Members[i].At = at
			}
		}
		st.Endpoints -= uint16(fewer)
	}
}

// crowd is a room with somebody of every kind around it.
type crowd struct {
	*chaintest.World
	r                       *chaintest.Room
	owner, member, reader   *chaintest.Person
	outsider, removed, left *chaintest.Person
	fired                   *chaintest.Person // a member whom the bus log revoked since
	lostOwner, newOwner     *chaintest.Device // of the owner, revoked and not pinned
	guest                   *chaintest.Invited
	guestTaker              *chaintest.Person // took the guest's invite up
}

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	w := chaintest.New(t)
	c := &crowd{World: w, owner: w.Alice, member: w.Bob, outsider: w.User("outsider"),
		reader: w.User("reader"), removed: w.User("removed"), left: w.User("left"), fired: w.User("fired")}
	d := c.owner.Device()
	c.lostOwner = c.owner.AddDevice("lost")
	c.r = w.Room(d)
	c.r.Add(d, bus.RoleMember, c.member, c.removed, c.left, c.fired)
	c.r.Add(d, bus.RoleReader, c.reader)
	c.guest = w.Invite("guest", time.Hour)
	c.r.Guest(d, bus.RoleMember, c.guest)
	c.guestTaker = w.Join(c.guest)
	c.r.Remove(d, c.removed)
	c.lostOwner.Revoke()
	c.r.Must(c.r.Rekey(d, roomlog.ReasonAsked))
	c.newOwner = c.owner.AddDevice("new")
	w.Revoke(c.fired)
	c.r.Must(c.r.LeaveEntry(c.left.Device(), nil))
	return c
}
