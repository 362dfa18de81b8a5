package membership

import (
	"bytes"
	"maps"
	"slices"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/chain/roomlog"
)

// Access is one endpoint's right to one room on the data plane.
type Access struct {
	Endpoint bus.EndpointID
	Room     bus.RoomID
}

// Change is what a commit did to the rights of others. Options.Changed gets
// each once, in order, after the commit and before the call that made it
// returns. It may ask the Service but must not write through it.
type Change struct {
	Cut     []bus.EndpointID // may not use the bus any more
	Removed []Access         // may not use a room any more
	Joined  []Access         // may use a room from now on
	Moved   []bus.RoomID     // whose log, or an account chain it rests on, has a new entry
	Notify  []bus.EndpointID // devices of the members of those rooms, before and after it
	Bus     bool             // the bus log has a new entry: everybody should look
	Closed  []RoomRecord     // rooms whose messages may go
}

// change runs step and says what it did to the rights in rooms, of everybody
// or only of one account, and whom else it concerns.
func (v *view) change(rooms []*room, only *bus.AccountID, step func()) Change {
	before, there := v.grants(rooms, only), v.devicesIn(rooms)
	step()
	after := v.grants(rooms, only)
	c := Change{Removed: minus(before, after), Joined: minus(after, before)}
	c.Notify = append(v.devicesIn(rooms), there...)
	slices.SortFunc(c.Notify, func(a, b bus.EndpointID) int { return bytes.Compare(a[:], b[:]) })
	c.Notify = slices.Compact(c.Notify)
	for _, r := range rooms {
		c.Moved = append(c.Moved, r.state.ID)
	}
	return c
}

// accountChange is change for an entry that concerns one account everywhere.
func (v *view) accountChange(id bus.AccountID, step func()) Change {
	devices := v.devices(id)
	c := v.change(v.roomsOf(id), &id, step)
	left := v.devices(id)
	if len(c.Moved) == 0 {
		c.Notify = left
	}
	for _, e := range devices {
		if !slices.Contains(left, e) {
			c.Cut = append(c.Cut, e)
		}
	}
	return c
}

// roomsOf lists the open rooms of a member by id.
func (v *view) roomsOf(id bus.AccountID) []*room { return byID(v.members[id]) }

func byID(rooms map[bus.RoomID]*room) []*room {
	return slices.SortedFunc(maps.Values(rooms), func(a, b *room) int {
		return bytes.Compare(a.state.ID[:], b.state.ID[:])
	})
}

// grants lists the rights in rooms of all members, or of one.
func (v *view) grants(rooms []*room, only *bus.AccountID) (out []Access) {
	for _, r := range rooms {
		for _, m := range r.state.Members() {
			if only == nil || m.Account == *only {
				out = v.appendGrants(out, r, m)
			}
		}
	}
	return out
}

func (v *view) appendGrants(out []Access, r *room, m roomlog.Member) []Access {
	for _, e := range v.devices(m.Account) {
		if v.access(r, e) != 0 {
			out = append(out, Access{Endpoint: e, Room: r.state.ID})
		}
	}
	return out
}

// access says what an endpoint may do in a room, 0 when nothing: what its scope
// allows while the room is open, the endpoint is live and its account active, in
// the room now, and in the audience of the epoch in force. It may publish when
// its role is to write now and was when the epoch began, as receivers hold its
// frames to both.
func (v *view) access(r *room, me bus.EndpointID) account.Verb {
	id, listed := v.endpoints[me]
	if !listed || r.state.Closed || !v.log.Account(id).Active() || !v.accounts[id].Live(me, v.now()) {
		return 0
	}
	m, member := r.state.Member(id)
	rec, sealed := r.state.Epoch.Recipient(me)
	switch {
	case !member || !sealed || rec.Account != id || rec.Role == 0:
		return 0
	case !m.Role.Writes() || !rec.Role.Writes():
		return rec.Verbs & account.VerbRead
	}
	return rec.Verbs
}

// devices lists the live endpoints of an active account that sign.
func (v *view) devices(id bus.AccountID) (out []bus.EndpointID) {
	acc := v.accounts[id]
	if acc == nil || !v.log.Account(id).Active() {
		return nil
	}
	for _, e := range acc.Endpoints() {
		if e.Signs() && e.Live(acc.Len-1, v.now()) {
			out = append(out, e.ID)
		}
	}
	return out
}

// devicesIn lists the live devices of everybody in rooms, each once.
func (v *view) devicesIn(rooms []*room) (out []bus.EndpointID) {
	seen := map[bus.AccountID]bool{}
	for _, r := range rooms {
		for _, m := range r.state.Members() {
			if !seen[m.Account] {
				seen[m.Account] = true
				out = append(out, v.devices(m.Account)...)
			}
		}
	}
	return out
}

func minus(a, b []Access) (out []Access) {
	has := make(map[Access]bool, len(b))
	for _, x := range b {
		has[x] = true
	}
	for _, x := range a {
		if !has[x] {
			out = append(out, x)
		}
	}
	return out
}
