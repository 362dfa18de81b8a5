package roomlog_test

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
)

// The oracle knows the rules of a room a second time, written from the
// protocol's table and not from the code: it keeps plain facts of its own and
// never asks a State.

// who is a user as the oracle knows him. Indexes are of the bus log, -1 for
// never.
type who struct {
	*chaintest.Person
	admitted, revoked int
	ends              []*end
}

// end is an endpoint; its indexes are of its account's chain.
type end struct {
	id             bus.EndpointID
	dev            *chaintest.Device // nil for a recovery endpoint
	added, revoked int
	over           time.Time // zero: never
	scoped         bool
	rooms          []bus.RoomID // of its scope
	sends          bool         // in them
	kems           []kemAt
}

type kemAt struct {
	index int
	made  time.Time
}

// invited is an invite; who took it up is nil while nobody did.
type invited struct {
	*chaintest.Invited
	made, ended int
	taker       *who
}

type seat struct {
	role  bus.RoomRole
	since int
	pin   int
}

// table is a room as the oracle knows it.
type table struct {
	room     *chaintest.Room
	recovery bool
	closed   bool
	members  map[*who]seat
	guests   map[*invited]seat
	floor    map[*who]int
	left     map[*who]bool
	next     int // index of the next entry
	seen     int
	newest   time.Time // of all entries
	started  time.Time
	epoch    int
	author   *who // of the epoch
	listed   []listed
}

// listed is an endpoint in an audience.
type listed struct {
	id     bus.EndpointID
	serial int
	owner  *who
	role   bus.RoomRole
	sends  bool // as far as its scope goes
	over   time.Time
}

// try is an entry about to be offered, in the oracle's words.
type try struct {
	op      chain.Op
	by      *who
	dev     *chaintest.Device
	seen    int
	at      time.Time
	pins    map[*who]int // of an entry that starts an epoch
	reason  roomlog.Reason
	add     map[*who]bus.RoomRole
	invite  map[*invited]bus.RoomRole
	drop    []*who
	out     []*invited
	take    *invited
	target  *who // of a role or a leave
	role    bus.RoomRole
	crooked bool
	about   int // epoch of a complaint
}

func (w *who) active(seen int) bool {
	return w.admitted <= seen && (w.revoked < 0 || seen < w.revoked)
}

func (e *end) live(pin int, at time.Time) bool {
	return e.added <= pin && (e.revoked < 0 || pin < e.revoked) && (e.over.IsZero() || !at.After(e.over))
}

// acts reports whether d is a listed, live endpoint of w as of pin and at.
func (w *who) acts(d *chaintest.Device, pin int, at time.Time) bool {
	return slices.ContainsFunc(w.ends, func(e *end) bool { return e.dev == d && e.live(pin, at) })
}

// speaks is acts for an endpoint without a scope.
func (w *who) speaks(d *chaintest.Device, pin int, at time.Time) bool {
	return slices.ContainsFunc(w.ends, func(e *end) bool { return e.dev == d && e.live(pin, at) && !e.scoped })
}

// role is that of an endpoint of a member in a room, 0 where its scope does not
// name the room.
func (e *end) role(room bus.RoomID, member bus.RoomRole) bus.RoomRole {
	switch {
	case !e.scoped:
		return member
	case !slices.Contains(e.rooms, room):
		return 0
	case !e.sends || member == bus.RoleReader:
		return bus.RoleReader
	}
	return bus.RoleMember
}

// roleOf is role for the device of a try.
func (o *table) roleOf(t try, member bus.RoomRole) bus.RoomRole {
	for _, e := range t.by.ends {
		if e.dev == t.dev {
			return e.role(o.room.State.ID, member)
		}
	}
	return 0
}

func (i *invited) takenBy(seen int) *who {
	if i.taker == nil || i.ended > seen {
		return nil
	}
	return i.taker
}

func (i *invited) open(seen int, at time.Time) bool {
	if i.made > seen || at.After(i.NotAfter) {
		return false
	}
	if by := i.takenBy(seen); by != nil {
		return by.active(seen)
	}
	return i.taker != nil || i.ended < 0 || i.ended > seen
}

// after is who is in the room once t was taken.
func (o *table) after(t try) (members map[*who]seat, guests map[*invited]seat) {
	members, guests = map[*who]seat{}, map[*invited]seat{}
	for w, s := range o.members {
		if w.active(t.seen) && !slices.Contains(t.drop, w) {
			members[w] = s
		}
	}
	for w, role := range t.add {
		if w.active(t.seen) {
			members[w] = seat{role: role, since: o.next}
		}
	}
	if t.take != nil && t.by.active(t.seen) {
		members[t.by] = seat{role: o.guests[t.take].role, since: o.next}
	}
	stays := func(i *invited) bool {
		_, in := members[i.takenBy(t.seen)]
		return i.open(t.seen, t.at) && !in && i != t.take && !slices.Contains(t.out, i)
	}
	for i, s := range o.guests {
		if stays(i) {
			guests[i] = s
		}
	}
	for i, role := range t.invite {
		if stays(i) {
			guests[i] = seat{role: role, since: o.next}
		}
	}
	for w, s := range members {
		s.pin = t.pins[w]
		members[w] = s
	}
	o.inherit(members)
	return members, guests
}

// inherit makes an owner where there is none.
func (o *table) inherit(members map[*who]seat) {
	var order []*who
	for w, s := range members {
		if s.role == bus.RoleOwner {
			return
		}
		order = append(order, w)
	}
	if len(order) == 0 {
		return
	}
	heir := slices.MinFunc(order, func(a, b *who) int {
		x, y := members[a], members[b]
		ia, ib := a.ID(), b.ID()
		return cmp.Or(cmp.Compare(y.role, x.role), cmp.Compare(x.since, y.since), bytes.Compare(ia[:], ib[:]))
	})
	s := members[heir]
	s.role = bus.RoleOwner
	members[heir] = s
}

// audience is what the key must be sealed to.
func (o *table) audience(t try) (out []listed) {
	members, guests := o.after(t)
	for w, s := range members {
		for _, e := range w.ends {
			if !e.live(s.pin, t.at) {
				continue
			}
			serial := 0
			var made time.Time
			for _, k := range e.kems {
				if k.index <= s.pin {
					serial, made = serial+1, k.made
				}
			}
			switch {
			case e.dev == nil && o.recovery:
				out = append(out, listed{id: e.id, serial: serial, owner: w})
			case e.dev == nil, t.at.Sub(made) > 67*24*time.Hour, e.role(o.room.State.ID, s.role) == 0:
			default:
				out = append(out, listed{e.id, serial, w, e.role(o.room.State.ID, s.role), e.sends || !e.scoped, e.over})
			}
		}
	}
	for i := range guests {
		out = append(out, listed{id: i.Endpoint(), serial: 1})
	}
	slices.SortFunc(out, func(a, b listed) int { return bytes.Compare(a.id[:], b.id[:]) })
	return out
}

func owners(members map[*who]seat) (n int) {
	for _, s := range members {
		if s.role == bus.RoleOwner {
			n++
		}
	}
	return n
}

// allows says whether the rules must take t.
func (o *table) allows(t try) bool {
	if o.closed || t.crooked || t.seen < o.seen || t.at.Before(o.newest.Add(-5*time.Minute)) || !t.by.active(t.seen) {
		return false
	}
	if o.epoch == 0 && t.op != roomlog.OpRekey {
		return false
	}
	switch t.op {
	case roomlog.OpRole, roomlog.OpPolicy, roomlog.OpClose, roomlog.OpLeave:
		me, in := o.members[t.by]
		return in && t.by.speaks(t.dev, me.pin, t.at) && o.allowsPlain(t, me)
	}
	return o.allowsStart(t) && o.allowsEpoch(t)
}

func (o *table) allowsPlain(t try, me seat) bool {
	target, in := o.members[t.target]
	lonely := me.role == bus.RoleOwner && owners(o.members) == 1
	switch {
	case t.op == roomlog.OpLeave && t.target == nil:
		return !lonely
	case t.op == roomlog.OpLeave:
		return me.role == bus.RoleOwner && in && t.target != t.by && t.target.active(t.seen)
	case me.role != bus.RoleOwner:
		return false
	case t.op == roomlog.OpRole:
		demotes := target.role == bus.RoleOwner && t.role != bus.RoleOwner
		return in && !(demotes && owners(o.members) == 1)
	}
	return true
}

// allowsStart is the table of who may start an epoch, and for whom.
func (o *table) allowsStart(t try) bool {
	if t.op == roomlog.OpAccept {
		_, in := o.guests[t.take]
		return in && t.take.takenBy(t.seen) == t.by && t.take.open(t.seen, t.at) && t.by.speaks(t.dev, t.pins[t.by], t.at)
	}
	now, _ := o.after(try{seen: t.seen, at: t.at})
	role := min(now[t.by].role, o.roleOf(t, now[t.by].role)) // 0 for who is not in
	if role < bus.RoleMember {
		return false
	}
	owner := role == bus.RoleOwner
	switch t.op {
	case roomlog.OpRekey:
		return t.reason == roomlog.ReasonBroken && o.complains(t) ||
			t.reason != roomlog.ReasonBroken && (owner || o.due(t))
	case roomlog.OpAdd:
		return owner && o.canAdd(t)
	}
	return o.canRemove(t, owner)
}

func (o *table) complains(t try) bool {
	return t.about == o.epoch && o.author != t.by &&
		slices.ContainsFunc(o.listed, func(l listed) bool { return l.id == t.dev.ID() })
}

func (o *table) due(t try) bool {
	switch t.reason {
	case roomlog.ReasonAge:
		return t.at.Sub(o.started) >= 24*time.Hour
	case roomlog.ReasonFrames:
		return true
	case roomlog.ReasonLeft:
		return len(o.left) > 0
	case roomlog.ReasonMoved:
		members, guests := o.after(t)
		moved := len(members) != len(o.members) || len(guests) != len(o.guests)
		for w, s := range members {
			moved = moved || o.members[w].pin != s.pin
		}
		for _, l := range o.listed {
			s, in := o.members[l.owner]
			moved = moved || in && l.role != 0 && l.sends && (l.role == bus.RoleReader) != (s.role == bus.RoleReader)
			moved = moved || !l.over.IsZero() && t.at.After(l.over)
		}
		return moved
	}
	return false
}

func (o *table) canAdd(t try) bool {
	for w := range t.add {
		if _, in := o.members[w]; in || !w.active(t.seen) {
			return false
		}
	}
	for i := range t.invite {
		if _, in := o.guests[i]; in || !i.open(t.seen, t.at) || i.takenBy(t.seen) != nil {
			return false
		}
	}
	return len(t.add)+len(t.invite) > 0
}

func (o *table) canRemove(t try, owner bool) bool {
	for _, w := range t.drop {
		if _, in := o.members[w]; !in || w == t.by || !owner && w.active(t.seen) {
			return false
		}
	}
	for _, i := range t.out {
		if _, in := o.guests[i]; !in || !owner && i.open(t.seen, t.at) {
			return false
		}
	}
	return len(t.drop)+len(t.out) > 0
}

// allowsEpoch is what every new epoch is held to.
func (o *table) allowsEpoch(t try) bool {
	members, _ := o.after(t)
	for w, s := range members {
		if s.pin < o.floor[w] || s.pin < 0 {
			return false
		}
	}
	me, in := members[t.by]
	return in && t.by.acts(t.dev, me.pin, t.at) &&
		slices.ContainsFunc(o.audience(t), func(l listed) bool { return l.id == t.dev.ID() })
}

// apply takes t in.
func (o *table) apply(t try) {
	o.seen = t.seen
	defer func() { o.next++ }()
	if t.at.After(o.newest) {
		o.newest = t.at
	}
	switch t.op {
	case roomlog.OpClose:
		o.closed = true
	case roomlog.OpRole:
		s := o.members[t.target]
		s.role = t.role
		o.members[t.target] = s
	case roomlog.OpLeave:
		delete(o.members, t.by)
		o.left[t.by] = true
		if s, in := o.members[t.target]; in {
			s.role = bus.RoleOwner
			o.members[t.target] = s
		}
	case roomlog.OpRekey, roomlog.OpAdd, roomlog.OpRemove, roomlog.OpAccept:
		o.listed = o.audience(t)
		o.members, o.guests = o.after(t)
		for w, s := range o.members {
			o.floor[w] = s.pin
		}
		o.left, o.started, o.epoch, o.author = map[*who]bool{}, t.at, o.epoch+1, t.by
	}
}
