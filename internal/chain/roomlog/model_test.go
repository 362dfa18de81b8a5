package roomlog_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
)

var (
	seed  = flag.Uint64("seed", 0, "of TestModel; 0 takes a new one")
	steps = flag.Int("steps", 2000, "of TestModel")
)

// TestModel does random things to a bus and its rooms and asks the oracle
// about each: whether the rules must take it, who is in the room then, and
// what the key is sealed to. Run it again with -seed.
func TestModel(t *testing.T) {
	t.Parallel()
	n := *seed
	if n == 0 {
		n = rand.Uint64()
	}
	t.Logf("-seed %d", n)
	m := &model{T: t, World: chaintest.New(t), Rand: rand.New(rand.NewPCG(n, 0))}
	for i, p := range []*chaintest.Person{m.Founder, m.Alice, m.Bob} {
		w := &who{Person: p, admitted: i, revoked: -1}
		m.people = append(m.people, w)
		m.lists(w, p.Device().ID(), p.Device())
	}
	m.newRoom()
	for range *steps {
		m.step()
		if t.Failed() {
			t.Fatalf("run again with -seed %d", n)
		}
	}
	for op, count := range m.taken {
		if count == 0 && *steps >= 2000 && chain.Op(op) != roomlog.OpClose {
			t.Errorf("no %s was ever taken", roomlog.OpName(chain.Op(op)))
		}
	}
	t.Logf("taken by op %v, refused %d, rooms %d", m.taken, m.refused, m.rooms)
}

type model struct {
	*testing.T
	*chaintest.World
	*rand.Rand
	people  []*who
	invites []*invited
	o       *table
	taken   [roomlog.OpLeave + 1]int
	refused int
	rooms   int
}

func pick[T any](m *model, list []T) T { return list[m.IntN(len(list))] }

// often is true p times of 100.
func (m *model) often(p int) bool { return m.IntN(100) < p }

func (m *model) busHead() int       { return len(m.BusLog) - 1 }
func (m *model) head(w *who) int    { return len(m.AccountLogs[w.ID()]) - 1 }
func (m *model) role() bus.RoomRole { return bus.RoomRole(1 + m.IntN(3)) }
func (m *model) ref(w *who, i int) bus.Ref {
	if i < 0 {
		return bus.Ref{}
	}
	return m.AccountLogs[w.ID()][i].Head().Ref()
}

// lists notes that the newest entry of w's chain listed an endpoint.
func (m *model) lists(w *who, id bus.EndpointID, d *chaintest.Device) {
	at := m.head(w)
	e := &end{id: id, dev: d, added: at, revoked: -1, kems: []kemAt{{at, m.Now}}}
	if d != nil {
		e.over = d.Rights.NotAfter
		if s := d.Rights.Scope; s != nil {
			e.scoped, e.rooms, e.sends = true, s.Rooms, s.Verbs != account.VerbRead
		}
	}
	w.ends = append(w.ends, e)
}

// newRoom leaves the old room behind for a new one.
func (m *model) newRoom() {
	owner := m.people[0]
	for _, w := range m.people {
		if w.active(m.busHead()) && len(w.ends) > 0 && w.acts(w.Devices[0], m.head(w), m.Now) && m.often(50) {
			owner = w
		}
	}
	if !owner.speaks(owner.Device(), m.head(owner), m.Now) {
		m.addPlain(owner)
	}
	by := owner.Devices[slices.IndexFunc(owner.Devices, func(d *chaintest.Device) bool { return owner.speaks(d, m.head(owner), m.Now) })]
	recovery := m.often(50)
	m.rooms++
	m.o = &table{
		room: m.EmptyRoom(), recovery: recovery, next: 1, newest: m.Now, started: m.Now, seen: m.busHead(),
		members: map[*who]seat{owner: {role: bus.RoleOwner, pin: m.head(owner)}}, guests: map[*invited]seat{},
		floor: map[*who]int{owner: m.head(owner)}, left: map[*who]bool{},
	}
	m.o.room.Must(m.o.room.CreateEntry(by, func(c *roomlog.Create) { c.Recovery = recovery }))
	m.taken[roomlog.OpCreate]++
	m.offer(try{op: roomlog.OpRekey, by: owner, dev: by, reason: roomlog.ReasonAsked, seen: m.busHead(), at: m.Now,
		pins: m.pins(false, owner)})
}

func (m *model) step() {
	m.Pass(time.Duration(m.IntN(100)) * time.Second)
	switch {
	case m.often(30):
		m.bus()
	case m.often(2):
		m.vacation()
	case m.often(5):
		m.Pass(-time.Duration(m.IntN(200)) * time.Second)
	case m.often(20):
		m.tidy()
	default:
		m.random()
	}
	if m.o.closed || !m.alive() {
		m.newRoom()
	}
}

// vacation lets weeks go by, after which most people renew their keys.
func (m *model) vacation() {
	m.Pass(time.Duration(m.IntN(60*24)) * time.Hour)
	for _, w := range m.people {
		for range w.ends {
			if m.often(90) {
				m.renew(w)
			}
		}
	}
}

// alive reports whether anybody in the room may still do anything.
func (m *model) alive() bool {
	for w := range m.o.members {
		if w.active(m.busHead()) && slices.ContainsFunc(w.Devices, func(d *chaintest.Device) bool { return w.speaks(d, m.head(w), m.Now) }) {
			return true
		}
	}
	return false
}

// bus does something outside the room.
func (m *model) bus() {
	w := pick(m, m.people)
	switch m.IntN(10) {
	case 0:
		m.join()
	case 1:
		if w.Person != m.Founder && w.revoked < 0 && m.often(40) {
			m.Revoke(w.Person)
			w.revoked = m.busHead()
		}
	case 2, 3:
		m.invites = append(m.invites, &invited{Invited: m.Invite(m.handle(), time.Duration(m.IntN(48))*time.Hour), ended: -1})
		m.invites[len(m.invites)-1].made = m.busHead()
	case 4:
		m.takeInvite()
	case 5:
		if i := m.openInvite(); i != nil && m.often(30) {
			m.EndInvite(i.Invited)
			i.ended = m.busHead()
		}
	case 6:
		m.addDevice(w)
	case 7:
		m.revokeEndpoint(w)
	case 8:
		if len(w.ends) > 0 && w.acts(w.Device(), m.head(w), m.Now) {
			w.Rotate()
		}
	default:
		if len(w.ends) > 0 {
			m.renew(w)
		}
	}
}

func (m *model) handle() bus.Handle { return bus.Handle(fmt.Sprintf("u%d", m.busHead())) }

// join admits somebody, at times without a device.
func (m *model) join() {
	active := 0
	for _, w := range m.people {
		if w.revoked < 0 {
			active++
		}
	}
	if active > 12 {
		return
	}
	w := &who{Person: m.Bare(m.handle()), revoked: -1}
	w.admitted = m.busHead()
	m.people = append(m.people, w)
	if m.often(80) {
		m.addDevice(w)
	}
}

func (m *model) openInvite() *invited {
	for _, i := range m.invites {
		if i.ended < 0 && !m.Now.After(i.NotAfter) && m.often(50) {
			return i
		}
	}
	return nil
}

func (m *model) takeInvite() {
	if i := m.openInvite(); i != nil {
		m.arrive(i)
	}
}

// arrive lets somebody take an invite up.
func (m *model) arrive(i *invited) {
	w := &who{Person: m.World.Person(i.Handle), revoked: -1}
	m.MustBus(m.AcceptEntry(w.Person, i.Invited))
	w.admitted = m.busHead()
	i.ended, i.taker = m.busHead(), w
	m.people = append(m.people, w)
	m.Arrive(w.Person)
	m.lists(w, w.Device().ID(), w.Device())
}

func (m *model) addDevice(w *who) {
	if len(w.ends) > 0 && m.often(20) && slices.ContainsFunc(w.Devices, func(d *chaintest.Device) bool { return d == w.Device() && w.acts(d, m.head(w), m.Now) }) {
		m.lists(w, w.AddRecovery(), nil)
		return
	}
	maker := slices.IndexFunc(w.Devices, func(d *chaintest.Device) bool { return d.Rights.MayAdd && w.acts(d, m.head(w), m.Now) })
	switch {
	case maker >= 0 && m.often(25):
		l := w.Devices[maker].Link(time.Hour)
		d := w.TakeUp(l, "linked")
		m.lists(w, d.ID(), d)
	case len(w.ends) > 0 && m.often(60):
		d := w.AddBot("bot", m.rights())
		m.lists(w, d.ID(), d)
	default:
		m.addPlain(w)
	}
}

func (m *model) addPlain(w *who) {
	d := w.AddDevice("d")
	m.lists(w, d.ID(), d)
}

// rights are those of some bot, mostly for the room at hand.
func (m *model) rights() (r account.Rights) {
	if m.often(50) {
		r.NotAfter = m.Now.Add(time.Duration(m.IntN(48)) * time.Hour)
	}
	if m.often(70) {
		room := m.o.room.State.ID
		if m.often(15) {
			room[0]++
		}
		r.Scope = account.NewScope(account.Verb(1+m.IntN(3)), room)
	}
	return r
}

// revokeEndpoint ends one by the account key, or by an admin.
func (m *model) revokeEndpoint(w *who) {
	if len(w.ends) == 0 || !w.acts(w.Devices[0], m.head(w), m.Now) {
		return
	}
	e := pick(m, w.ends)
	boss := m.people[0]
	switch {
	case e.revoked >= 0 || w == boss && e == w.ends[0]:
		return
	case m.often(30):
		body := account.Revoke{By: account.ByAdmin, Endpoint: e.id, At: m.ref(boss, m.head(boss))}.Encode()
		m.MustAccount(w.Person, m.AccountEntry(w.Person, boss.Device(), account.OpRevoke, body, boss.Device().Content))
	default:
		body := account.Revoke{By: account.ByAccount, Endpoint: e.id}.Encode()
		m.MustAccount(w.Person, m.AccountEntry(w.Person, w.Device(), account.OpRevoke, body, w.Key))
	}
	e.revoked = m.head(w)
}

func (m *model) renew(w *who) {
	e := pick(m, w.ends)
	if e.dev != nil && e.live(m.head(w), m.Now) {
		e.dev.Renew()
		e.kems = append(e.kems, kemAt{m.head(w), m.Now})
	}
}

// pins names positions for whoever may be in the room after an entry: the
// newest, or now and then older ones.
func (m *model) pins(older bool, more ...*who) map[*who]int {
	pins := map[*who]int{}
	for _, w := range append(slices.Clone(m.people), more...) {
		pins[w] = m.head(w)
		if older && pins[w] > 0 && m.often(20) {
			pins[w] = m.IntN(pins[w] + 1)
		}
	}
	return pins
}

// random offers anything by anybody.
func (m *model) random() {
	t := try{op: chain.Op(1 + m.IntN(8)), by: m.author(), seen: m.busHead(), at: m.Now, crooked: m.often(5)}
	if t.op == roomlog.OpClose && m.often(95) {
		t.op = roomlog.OpAdd
	}
	if m.often(15) {
		t.seen = max(0, t.seen-m.IntN(6))
	}
	switch t.op {
	case roomlog.OpRekey:
		t.reason, t.about = roomlog.Reason(1+m.IntN(6)), m.o.epoch-m.IntN(2)
	case roomlog.OpAdd:
		t.add, t.invite = map[*who]bus.RoomRole{pick(m, m.people): m.role()}, map[*invited]bus.RoomRole{}
		if len(m.invites) > 0 && m.often(60) {
			t.invite[pick(m, m.invites[max(0, len(m.invites)-3):])] = m.role()
		}
		if len(t.invite) > 0 && m.often(90) {
			t.add = nil
		}
	case roomlog.OpRemove:
		if members := m.members(); len(members) > 0 {
			t.drop = append(t.drop, pick(m, members))
		}
		if guests := m.guests(); len(guests) > 0 && m.often(50) {
			t.out = append(t.out, pick(m, guests))
		}
	case roomlog.OpAccept:
		guests := m.guests()
		if len(guests) == 0 {
			return
		}
		if t.take = pick(m, guests); t.take.taker == nil && t.take.ended < 0 && !m.Now.After(t.take.NotAfter) && m.often(70) {
			m.arrive(t.take)
			t.seen = m.busHead()
		}
		if t.take.taker != nil && m.often(80) {
			t.by = t.take.taker
		}
	case roomlog.OpRole, roomlog.OpLeave:
		t.target, t.role = pick(m, m.people), m.role()
		if members := m.members(); len(members) > 0 && m.often(70) {
			t.target = pick(m, members)
		}
		if t.op == roomlog.OpLeave && m.often(60) {
			t.target = nil
		}
	}
	t.pins, t.dev = m.pins(m.often(30)), m.device(t.by)
	m.offer(t)
}

// author picks anybody, but mostly somebody who may do something.
func (m *model) author() *who {
	var able []*who
	for _, w := range m.members() {
		if w.active(m.busHead()) && m.o.members[w].role == pick(m, []bus.RoomRole{bus.RoleMember, bus.RoleOwner, bus.RoleOwner}) {
			able = append(able, w)
		}
	}
	if len(able) > 0 && m.often(75) {
		return pick(m, able)
	}
	return pick(m, m.people)
}

// device picks one of w, now and then a revoked one, or makes one that no
// chain lists.
func (m *model) device(w *who) *chaintest.Device {
	live := slices.DeleteFunc(slices.Clone(w.Devices), func(d *chaintest.Device) bool { return !w.acts(d, m.head(w), m.Now) })
	switch {
	case len(live) > 0 && m.often(90):
		return pick(m, live)
	case len(w.Devices) > 0:
		return pick(m, w.Devices)
	}
	return w.NewDevice("x")
}

func (m *model) members() []*who {
	return slices.SortedFunc(maps.Keys(m.o.members), func(a, b *who) int { return a.admitted - b.admitted })
}

func (m *model) guests() []*invited {
	return slices.SortedFunc(maps.Keys(m.o.guests), func(a, b *invited) int { return a.made - b.made })
}

// tidy does what Due asks of a writer, after which nothing must be due.
func (m *model) tidy() {
	why, c := m.o.room.State.Due(m.World, m.Now)
	if why == 0 || m.Now.Before(m.o.newest.Add(-bus.ChainSkew)) {
		return
	}
	t := try{op: roomlog.OpRekey, reason: why, seen: m.busHead(), at: m.Now, pins: m.pins(false)}
	for _, w := range m.members() {
		if slices.Contains(c.Drop, w.ID()) {
			t.op, t.drop = roomlog.OpRemove, append(t.drop, w)
		} else {
			t.by = w
		}
	}
	for _, i := range m.guests() {
		if slices.Contains(c.Uninvite, i.ID) {
			t.op, t.out = roomlog.OpRemove, append(t.out, i)
		}
	}
	if t.by == nil {
		return
	}
	t.dev = m.device(t.by)
	if m.offer(t) {
		if why, c := m.o.room.State.Due(m.World, m.Now); why != 0 {
			m.Errorf("still due for %d, dropping %d and %d", why, len(c.Drop), len(c.Uninvite))
		}
	}
}
