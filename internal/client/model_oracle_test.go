package client

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/roomlog"
)

// table is what the oracle knows of one history: sets of people and devices and
// the positions at which they came and went. It is written independently of
// the rules, and asks them nothing.
type table struct {
	admitted map[*human]int // index in the bus log
	revoked  map[*human]int
	listed   map[*human][]listing // endpoints in the order of the account chain
	invites  map[*invite]invited
	rooms    map[bus.RoomID]*roomTable
}

// listing is one endpoint of a person, along his account chain.
type listing struct {
	id       bus.EndpointID
	recovery bool
	added    int
	cut      int // or never
	kems     []kemAt
}

type kemAt struct {
	index  int
	serial uint32
	made   time.Time
}

type invited struct {
	made    int
	until   time.Time
	revoked int // index in the bus log, or never
	taken   int
	taker   *human
}

const never = 1 << 30

// roomTable is who is in a room, and who has its keys.
type roomTable struct {
	log      int // entries
	recovery bool
	all      bool // newcomers read what is kept from before
	closed   bool
	members  map[*human]seat
	guests   map[*invite]seat
	left     map[*human]bool // since the newest epoch
	epochs   []*epochTable   // the first has number 1
}

type seat struct {
	role  bus.RoomRole
	since int
	pin   int // of the account chain, as of the newest epoch
}

// epochTable is one key: whom it was sealed to, and who may write with it.
type epochTable struct {
	index    int // of its entry in the room log
	entry    bus.Hash
	started  time.Time
	closing  uint64
	sealed   map[bus.EndpointID]holder
	author   *human
	actor    bus.EndpointID
	crooked  bool // its author gave away something else than the key
	ghost    bool // and signed a root that is not that of the envelopes
	nameless bool // its author could not tell what the room is called
	how      crookedness
	gone     map[*human]departure
}

// departure is when somebody left by himself, and the newest frame he had seen.
type departure struct {
	index   int
	closing uint64
}

type holder struct {
	who    *human // nil for a guest
	serial uint32
	writes bool
	role   bus.RoomRole // 0 where it never sends
}

func newTable() *table {
	return &table{admitted: map[*human]int{}, revoked: map[*human]int{}, listed: map[*human][]listing{},
		invites: map[*invite]invited{}, rooms: map[bus.RoomID]*roomTable{}}
}

// fork copies everything that a later step may change.
func (t *table) fork() *table {
	f := &table{admitted: maps.Clone(t.admitted), revoked: maps.Clone(t.revoked), listed: map[*human][]listing{},
		invites: maps.Clone(t.invites), rooms: map[bus.RoomID]*roomTable{}}
	for p, list := range t.listed {
		f.listed[p] = slices.Clone(list)
		for i := range list {
			f.listed[p][i].kems = slices.Clone(list[i].kems)
		}
	}
	for id, r := range t.rooms {
		c := *r
		c.members, c.guests, c.left = maps.Clone(r.members), maps.Clone(r.guests), maps.Clone(r.left)
		c.epochs = make([]*epochTable, len(r.epochs))
		for i, ep := range r.epochs {
			e := *ep
			e.gone = maps.Clone(ep.gone)
			c.epochs[i] = &e
		}
		f.rooms[id] = &c
	}
	return f
}

// view is how far an author sees the bus log and the account chains.
type view struct {
	bus  int
	acc  func(*human) int
	time time.Time
}

// intent is what somebody wants to do to a room.
type intent struct {
	op       chain.Op
	add      map[*human]bus.RoomRole
	invite   map[*invite]bus.RoomRole
	drop     []*human
	uninvite []*invite
	who      *human // whose role is set; who follows a leaver
	role     bus.RoomRole
	taking   *invite // that an accept takes up
	asked    bool    // a rekey for no reason but that
	crooked  bool
	ghost    bool
	bad      bool // a rekey because the author's own envelope does not open
	how      crookedness
}

// active reports whether a person was on the bus as of an index of its log.
func (t *table) active(p *human, at int) bool {
	in, ok := t.admitted[p]
	out, gone := t.revoked[p]
	return ok && in <= at && !(gone && out <= at)
}

// stands reports whether an invite may be in a room.
func (t *table) stands(i *invite, v view) bool {
	f, ok := t.invites[i]
	if !ok || f.made > v.bus || v.time.After(f.until) || f.revoked <= v.bus {
		return false
	}
	return f.taken > v.bus || t.active(f.taker, v.bus)
}

// roster is who is in the room once in is done, as v sees it.
func (t *table) roster(r *roomTable, in intent, v view) (map[*human]seat, map[*invite]seat) {
	members, guests := maps.Clone(r.members), maps.Clone(r.guests)
	for _, p := range in.drop {
		delete(members, p)
	}
	for _, i := range in.uninvite {
		delete(guests, i)
	}
	for p, role := range in.add {
		members[p] = seat{role: role, since: r.log}
	}
	for i, role := range in.invite {
		guests[i] = seat{role: role, since: r.log}
	}
	for p := range members {
		if !t.active(p, v.bus) {
			delete(members, p)
		}
	}
	for i := range guests {
		f := t.invites[i]
		_, inside := members[f.taker]
		if !t.stands(i, v) || f.taken <= v.bus && inside {
			delete(guests, i)
		}
	}
	crown(members)
	return members, guests
}

// crown gives a room without an owner to whoever wrote in it longest.
func crown(members map[*human]seat) {
	var heir *human
	for p, s := range members {
		if s.role == bus.RoleOwner {
			return
		}
		if heir == nil || before(p, s, heir, members[heir]) {
			heir = p
		}
	}
	if heir != nil {
		s := members[heir]
		s.role = bus.RoleOwner
		members[heir] = s
	}
}

func before(a *human, s seat, b *human, o seat) bool {
	switch {
	case s.role != o.role:
		return s.role > o.role
	case s.since != o.since:
		return s.since < o.since
	}
	return bytes.Compare(a.account[:], b.account[:]) < 0
}

func (l listing) live(at int) bool { return l.added <= at && l.cut > at }

// kem is the key in force as of an index.
func (l listing) kem(at int) (k kemAt) {
	for _, c := range l.kems {
		if c.index <= at {
			k = c
		}
	}
	return k
}

// awake: sealed to for so long after its key was made.
func (l listing) awake(at int, now time.Time) bool {
	return now.Sub(l.kem(at).made) <= 67*24*time.Hour
}

// audience is exactly whom a key is to be sealed to.
func (t *table) audience(r *roomTable, members map[*human]seat, guests map[*invite]seat, v view) map[bus.EndpointID]holder {
	out := map[bus.EndpointID]holder{}
	for p, s := range members {
		for _, l := range t.listed[p] {
			at := v.acc(p)
			switch {
			case !l.live(at):
			case l.recovery && r.recovery:
				out[l.id] = holder{who: p, serial: l.kem(at).serial}
			case !l.recovery && l.awake(at, v.time):
				out[l.id] = holder{who: p, serial: l.kem(at).serial, writes: s.role >= bus.RoleMember, role: s.role}
			}
		}
	}
	for i := range guests {
		out[i.endpoint] = holder{serial: 1}
	}
	return out
}

// signs reports whether a device was one of its owner's as of an index.
func (t *table) signs(d *device, at int) bool {
	return slices.ContainsFunc(t.listed[d.owner], func(l listing) bool { return l.id == d.id() && !l.recovery && l.live(at) })
}

// over says that no message of an epoch is kept any more, as somebody sees it who
// knows the room's log so far.
func (r *roomTable) over(n bus.Epoch, log int, now time.Time) bool {
	ep := r.epochs[n-1]
	end := ep.started.Add(7 * 24 * time.Hour)
	if int(n) < len(r.epochs) && r.epochs[n].index < log && r.epochs[n].started.Before(end) {
		end = r.epochs[n].started
	}
	return now.After(end.Add(30*24*time.Hour + 6*time.Minute))
}

// due says what a writer owes a room before his next frame.
func (t *table) due(r *roomTable, v view) (in intent, is bool) {
	newest := r.epochs[len(r.epochs)-1]
	members, guests := t.roster(r, intent{}, v)
	for p := range r.members {
		if _, stays := members[p]; !stays {
			in.drop = append(in.drop, p)
		}
	}
	for i := range r.guests {
		if _, stays := guests[i]; !stays {
			in.uninvite = append(in.uninvite, i)
		}
	}
	if len(in.drop)+len(in.uninvite) > 0 {
		in.op = roomlog.OpRemove
		return in, true
	}
	in.op = roomlog.OpRekey
	is = len(r.left) > 0 || v.time.Sub(newest.started) >= 24*time.Hour
	for _, h := range newest.sealed {
		if s, inside := r.members[h.who]; inside && h.role != 0 && h.writes != (s.role >= bus.RoleMember) {
			is = true
		}
	}
	return in, is || t.moved(r, newest, v)
}

// moved reports whether the devices of the members are others than those that
// have the key.
func (t *table) moved(r *roomTable, newest *epochTable, v view) bool {
	for p, s := range r.members {
		at := v.acc(p)
		if at <= s.pin {
			continue
		}
		wanted := t.audience(r, map[*human]seat{p: s}, nil, v)
		for _, l := range t.listed[p] {
			_, has := newest.sealed[l.id]
			_, wants := wanted[l.id]
			if wants && !has || has && l.cut <= at {
				return true
			}
		}
	}
	return false
}

// apply does what was allowed. An epoch that it started is returned.
func (t *table) apply(r *roomTable, in intent, d *device, v view, e *chain.Entry) *epochTable {
	defer func() { r.log++ }()
	switch in.op {
	case roomlog.OpRole:
		s := r.members[in.who]
		s.role = in.role
		r.members[in.who] = s
		return nil
	case roomlog.OpClose:
		r.closed = true
		return nil
	case roomlog.OpLeave:
		delete(r.members, d.owner)
		if in.who != nil {
			s := r.members[in.who]
			s.role = bus.RoleOwner
			r.members[in.who] = s
		}
		r.left[d.owner] = true
		return nil
	}
	r.members, r.guests = t.roster(r, in, v)
	for p, s := range r.members {
		s.pin = v.acc(p)
		r.members[p] = s
	}
	r.left = map[*human]bool{}
	ep := &epochTable{index: r.log, entry: e.Hash(), started: e.Time, author: d.owner, actor: e.Actor, crooked: in.crooked, ghost: in.ghost, how: in.how,
		sealed: t.audience(r, r.members, r.guests, v), gone: map[*human]departure{}}
	r.epochs = append(r.epochs, ep)
	return ep
}
