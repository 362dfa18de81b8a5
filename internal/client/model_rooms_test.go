package client

import (
	"fmt"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/roomlog"
	"unibus/internal/wire"
)

// pin is an entry of a chain that another entry rests on.
type pin struct {
	chain chain.ID
	at    bus.Ref
}

// pinsOf lists what an entry of a chain rests on.
func pinsOf(b bus.ID, id chain.ID, e *chain.Entry) (out []pin) {
	switch {
	case id == chain.ID(b):
		if e.Index > 0 && e.Op != buslog.OpAccept {
			out = append(out, pin{chain.ID(e.Account), e.Seen})
		}
	case id != chain.ID(e.Account):
		out = append(out, pin{chain.ID(b), e.Seen})
		for _, p := range roomlog.Pins(e) {
			out = append(out, pin{chain.ID(p.Account), p.At})
		}
	}
	return out
}

// created notes a room of one member. Its first epoch follows.
func (m *model) created(d *device, id bus.RoomID) {
	h := d.at.history
	d.at.table.rooms[id] = &roomTable{log: 1, recovery: h.rooms[id].Create.Recovery,
		all: h.rooms[id].Create.History == bus.HistoryAll, left: map[*human]bool{},
		members: map[*human]seat{d.owner: {role: bus.RoleOwner, pin: m.viewOf(d).acc(d.owner)}}, guests: map[*invite]seat{}}
	d.learns(chain.ID(id), h.raw[chain.ID(id)][0])
}

// offered asks the oracle about an entry of a room that a client wrote, and
// compares what it thinks of it with what the rules said.
func (m *model) offered(d *device, id bus.RoomID, e *chain.Entry, envelopes []wire.Envelope, err error) {
	t, v := d.at.table, m.viewOf(d)
	r := t.rooms[id]
	in, _ := intent{}, false
	if len(r.epochs) > 0 {
		in, _ = t.due(r, v)
	}
	_, complains := roomlog.ComplaintOf(e)
	switch {
	case complains:
		in = intent{op: roomlog.OpRekey, bad: true}
		if newest := r.epochs[len(r.epochs)-1]; !newest.crooked {
			m.fault("%s complains of a key of %s, who made a good one", d.name, newest.author.name)
		}
	case len(m.intents) > 0:
		in = m.complete(t, r, m.intents[0], d, v)
	}
	if may := t.allows(r, in, d, v); may != (err == nil) {
		m.fault("%s writes %s (%s): the rules say %v, the oracle %v", d.name, roomlog.OpName(e.Op), in, err, may)
		return
	}
	if err != nil {
		return
	}
	if e.Op != in.op {
		m.fault("%s wrote %s, the oracle expected %s", d.name, roomlog.OpName(e.Op), roomlog.OpName(in.op))
		return
	}
	if len(m.intents) > 0 && in.op != roomlog.OpAccept {
		m.intents = m.intents[1:]
	}
	m.taken++
	m.did(roomlog.OpName(e.Op))
	if complains {
		m.did("complaint")
	}
	if !in.crooked {
		d.learnsEntry(id)
	}
	m.entered(d, id, r, t.apply(r, in, d, v, e), envelopes)
}

// String says what was meant, for who looks for a fault.
func (in intent) String() string {
	s := roomlog.OpName(in.op)
	for p, role := range in.add {
		s += fmt.Sprintf(" add %s as %s", p.name, role)
	}
	for i, role := range in.invite {
		s += fmt.Sprintf(" invite %s as %s", i.name, role)
	}
	for _, p := range in.drop {
		s += fmt.Sprintf(" drop %s", p.name)
	}
	for _, i := range in.uninvite {
		s += fmt.Sprintf(" uninvite %s", i.name)
	}
	return s
}

// complete fills in what an intent leaves to the room as it is.
func (m *model) complete(t *table, r *roomTable, in intent, d *device, v view) intent {
	switch in.op {
	case roomlog.OpAccept:
		in.add = map[*human]bus.RoomRole{d.owner: r.guests[in.taking].role}
		in.uninvite = []*invite{in.taking}
	case roomlog.OpRekey:
		if len(r.epochs) > 0 {
			_, due := t.due(r, v)
			in.asked = !due
		}
	}
	return in
}

// learnsEntry: a client keeps the epochs that it wrote at once; other entries
// it reads back.
func (d *device) learnsEntry(id bus.RoomID) {
	raw := d.at.history.raw[chain.ID(id)]
	e, err := chain.Parse(raw[len(raw)-1])
	if err == nil && len(roomlog.Pins(e)) > 0 {
		d.learns(chain.ID(id), raw[len(raw)-1])
	}
}

// entered compares an epoch's envelopes with the oracle's audience: nobody
// more, nobody less, no other key.
func (m *model) entered(d *device, id bus.RoomID, r *roomTable, ep *epochTable, envelopes []wire.Envelope) {
	state, newest := d.at.history.rooms[id], d.shown[id]
	if ep == nil {
		if dep, left := state.Left[d.owner.account]; left && r.left[d.owner] {
			r.epochs[len(r.epochs)-1].gone[d.owner] = departure{r.log - 1, newest}
			m.closes(d, dep.Closing.Seq, newest)
		}
		return
	}
	d.at.history.stored(state, envelopes)
	ep.nameless = len(state.Name) == 0
	if ep.closing = newest; ep.crooked {
		ep.closing = 0 // that is how they are made
	}
	m.closes(d, state.Epoch.Closing.Seq, ep.closing)
	if m.wrong == missesNewcomers && len(r.epochs) > 1 {
		for e, h := range ep.sealed {
			r.epochs[len(r.epochs)-2].sealed[e] = h // as if a newcomer had the key before his time
		}
	}
	for _, env := range envelopes {
		if h, in := ep.sealed[env.Endpoint]; !in || h.serial != env.Serial {
			m.fault("%s sealed epoch %d to %s, serial %d: the oracle knows %v, %d", d.name, len(r.epochs), env.Endpoint, env.Serial, in, h.serial)
		}
	}
	if len(envelopes) != len(ep.sealed) {
		m.fault("%s sealed epoch %d to %d endpoints, the oracle to %d", d.name, len(r.epochs), len(envelopes), len(ep.sealed))
	}
}

// closes: an epoch ends behind the newest frame that its author was shown.
func (m *model) closes(d *device, got, want uint64) {
	if got != want {
		m.fault("%s closes an epoch at %d, but has seen %d", d.name, got, want)
	}
}

// attempt lets a client try something in a room, whether it may or not: what
// the oracle allows is done, and nothing else.
func (m *model) attempt(d *device, id bus.RoomID, in intent, do func() error) {
	m.intents, m.taken = []intent{in}, 0
	if in.op == roomlog.OpRole {
		m.intents = append(m.intents, intent{op: roomlog.OpRekey})
	}
	closed := d.at.table.rooms[id].closed
	before := d.at.table.fork().rooms[id]
	err := do()
	m.heard(d, err)
	if d.lied || closed {
		return
	}
	t, v := d.at.table, m.viewOf(d)
	in = m.complete(t, before, in, d, v)
	starts := in.op == roomlog.OpAdd || in.op == roomlog.OpRemove || in.op == roomlog.OpRekey && !in.crooked
	if starts && !m.names(d, id, before) {
		return // whoever cannot say what the room is called leaves its next key to others
	}
	if may := t.allows(before, in, d, v); may && m.taken == 0 && !(in.op == roomlog.OpRole && before.members[in.who].role == in.role) {
		m.fault("%s may do %s and did not: %v (%s)", d.name, roomlog.OpName(in.op), err, bus.CodeOf(err))
	}
}

// names reports whether a device can tell what a room is called: by any key
// that it was given, or because it was told when the newest key was erased.
func (m *model) names(d *device, id bus.RoomID, r *roomTable) bool {
	log := len(d.known[chain.ID(id)])
	last := bus.Epoch(len(r.epochs))
	for i, ep := range r.epochs {
		n := bus.Epoch(i + 1)
		_, in := ep.sealed[d.id()]
		if !ep.nameless && (in && !ep.crooked && (n == last || !r.over(n, log, m.now)) || d.keeps(m, keyPlace{id, n})) {
			return true
		}
	}
	name, err := d.world.keptName(m.ctx, id)
	m.must(err)
	return name != "" && r.over(last, log, m.now)
}

func (m *model) createRoom(d *device) {
	m.intents = []intent{{op: roomlog.OpRekey}}
	o := RoomOptions{NoRecovery: m.often(40)}
	if m.often(40) {
		o.History = bus.HistoryAll
	}
	_, err := d.CreateRoom(m.ctx, "room", o)
	m.heard(d, err)
	m.did("create")
}

func (m *model) role() bus.RoomRole { return bus.RoomRole(1 + m.IntN(3)) }

// changeRoom has a device do any of the things that people do to rooms.
func (m *model) changeRoom(d *device, id bus.RoomID) {
	p, r := m.someone(d), d.at.table.rooms[id]
	switch m.IntN(13) {
	case 0, 1, 2:
		role := m.role()
		m.attempt(d, id, intent{op: roomlog.OpAdd, add: map[*human]bus.RoomRole{p: role}}, func() error {
			_, err := d.AddMembers(m.ctx, id, role, p.name)
			return err
		})
	case 3, 4:
		i, ok := pickOf(m, m.invites)
		if !ok {
			return
		}
		m.attemptGuest(d, id, i, m.role())
	case 5, 6:
		m.kick(d, id, p, r)
	case 7:
		role := m.role()
		m.attempt(d, id, intent{op: roomlog.OpRole, who: p, role: role}, func() error {
			_, err := d.SetRoomRole(m.ctx, id, p.name, role)
			return err
		})
	case 8, 9:
		m.leave(d, id, p)
	case 10:
		if m.often(10) {
			m.attempt(d, id, intent{op: roomlog.OpClose}, func() error { return d.DeleteRoom(m.ctx, id) })
		}
	case 11:
		m.crooked(d, id, crookedness(m.IntN(int(crookednesses))))
		m.victim(d, id)
	default:
		m.attempt(d, id, intent{op: roomlog.OpRekey}, func() error { return d.Rekey(m.ctx, id) })
	}
}

// victim has somebody else send in a crooked epoch, if it was taken.
func (m *model) victim(crook *device, id bus.RoomID) {
	d, ok := m.deviceOf(crook.at, crook.at.table.rooms[id])
	if !ok || d == crook || m.taken == 0 {
		return
	}
	defer m.settle(d)
	m.doing = d.name + " after " + crook.name
	m.send(d, id)
}

func (m *model) attemptGuest(d *device, id bus.RoomID, i *invite, role bus.RoomRole) {
	m.attempt(d, id, intent{op: roomlog.OpAdd, invite: map[*invite]bus.RoomRole{i: role}}, func() error {
		return d.AddGuests(m.ctx, id, role, i.link.ID)
	})
}

func (m *model) kick(d *device, id bus.RoomID, p *human, r *roomTable) {
	in := intent{op: roomlog.OpRemove}
	if _, inside := r.members[p]; inside {
		in.drop = []*human{p}
	}
	for i := range r.guests {
		if i.name == p.name {
			in.uninvite = append(in.uninvite, i)
		}
	}
	if len(in.drop)+len(in.uninvite) == 0 {
		return
	}
	m.attempt(d, id, in, func() error { _, err := d.Kick(m.ctx, id, p.name); return err })
}

func (m *model) leave(d *device, id bus.RoomID, heir *human) {
	in, name := intent{op: roomlog.OpLeave}, bus.Handle("")
	if m.often(50) {
		in.who, name = heir, heir.name
	}
	m.attempt(d, id, in, func() error { return d.Leave(m.ctx, id, name) })
	if m.taken == 0 {
		return
	}
	delete(d.reads, id)
	if m.often(70) {
		m.sendStale(d, id) // with the key that nobody can take from him
	}
}

// someone picks a person of a device's story: in another one the same name may
// be somebody else's.
func (m *model) someone(d *device) *human {
	p, _ := pickOf(m, slices.DeleteFunc(slices.Clone(m.people), func(p *human) bool { _, in := d.at.table.admitted[p]; return !in }))
	return p
}

// roomOf picks a room of a story that is open.
func (m *model) roomOf(b *branch) (bus.RoomID, bool) {
	open := slices.DeleteFunc(slices.Clone(m.roomIDs), func(id bus.RoomID) bool {
		r := b.table.rooms[id]
		return r == nil || r.closed || len(r.epochs) == 0
	})
	return pickOf(m, open)
}

// deviceOf picks a device that believes a story: mostly one of a member.
func (m *model) deviceOf(b *branch, in *roomTable) (*device, bool) {
	all := slices.DeleteFunc(slices.Clone(m.devices), func(d *device) bool { return d.torn || d.at != b })
	if in != nil && m.often(80) {
		inside := slices.DeleteFunc(slices.Clone(all), func(d *device) bool { _, in := in.members[d.owner]; return !in })
		if len(inside) > 0 {
			all = inside
		}
	}
	return pickOf(m, all)
}

// pass lets time go by: seconds, at times a night, seldom weeks.
func (m *model) pass() {
	m.now = m.now.Add(time.Duration(m.IntN(60)) * time.Second)
	switch n := m.IntN(1000); {
	case n < 5:
		m.now = m.now.Add(time.Duration(1+m.IntN(30)) * 24 * time.Hour)
	case n < 30:
		m.now = m.now.Add(time.Duration(1+m.IntN(30)) * time.Hour)
	}
}
