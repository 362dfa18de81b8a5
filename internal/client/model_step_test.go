package client

import (
	"slices"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/roomlog"
)

// everything lists what must have happened in a long run, or the model does
// not test what it says.
func everything() []string {
	return []string{"invite", "accept", "revoke invite", "revoke user", "new endpoint", "kem rotation", "revoke endpoint",
		"create", roomlog.OpName(roomlog.OpAdd), roomlog.OpName(roomlog.OpRemove), roomlog.OpName(roomlog.OpAccept),
		roomlog.OpName(roomlog.OpRole), roomlog.OpName(roomlog.OpLeave), roomlog.OpName(roomlog.OpRekey), "crooked epoch",
		"complaint", "erase", "grant", "inherit", "send", "stale send", "read", "drop", "reorder", "replay", "change", "backdate", "restart",
		"rollback", "withhold", "forge", "swap", "fork", "other story", "false key", "stale author"}
}

func (m *model) did(what string) { m.done[what]++ }

// step does one thing, by somebody of one of the stories.
func (m *model) step() {
	m.pass()
	b, _ := pickOf(m, m.branches)
	id, ok := m.roomOf(b)
	var r *roomTable
	if ok {
		r = b.table.rooms[id]
	}
	d, alive := m.deviceOf(b, r)
	if !alive {
		return
	}
	m.intents, d.lied, d.lens = nil, false, lens{of: b.history}
	m.doing = d.name
	switch n := m.IntN(100); {
	case n < 10:
		m.onBus(b, d)
	case n < 18:
		m.onEndpoints(d)
	case n < 20 || !ok:
		m.createRoom(d)
	case n < 50:
		m.maybeStale(d)
		m.changeRoom(d, id)
	case n < 66:
		m.maybeStale(d)
		m.falseKey(d)
		m.send(d, id)
	case n < 70:
		m.sendStale(d, id)
	case n < 86:
		m.falseKey(d)
		m.read(d, id, m.often(50))
	case n < 87:
		m.erase(d)
	case n < 88:
		m.open(d)
		m.did("restart")
	case n < 89:
		m.fork(b)
	default:
		m.deceive(d, id)
	}
	m.settle(d)
}

// erase has a device erase what is over, and looks for what it should have kept,
// or not.
func (m *model) erase(d *device) {
	had := map[keyPlace]bool{}
	each := func(do func(at keyPlace, over bool)) {
		for id, r := range d.at.table.rooms {
			log := len(d.known[chain.ID(id)])
			for n := bus.Epoch(1); int(n) <= len(r.epochs) && r.epochs[n-1].index < log; n++ {
				do(keyPlace{id, n}, r.over(n, log, m.now))
			}
		}
	}
	each(func(at keyPlace, _ bool) { had[at] = d.keeps(m, at) })
	m.must(d.eraseSecrets(m.ctx))
	each(func(at keyPlace, over bool) {
		if keeps := d.keeps(m, at); keeps != (had[at] && !over) {
			m.fault("%s keeps the key of epoch %d of %s: %v; it had it: %v, it is over: %v", d.name, at.epoch, at.room, keeps, had[at], over)
		}
		if over && had[at] {
			m.did("erase")
		}
	})
}

func (m *model) onBus(b *branch, d *device) {
	admin := slices.IndexFunc(m.devices, func(x *device) bool { return !x.torn && x.at == b && m.mayAdmin(x) })
	if admin >= 0 && m.often(80) {
		defer m.settle(m.devices[admin])
		d = m.devices[admin]
	}
	m.doing = "bus, " + d.name
	switch m.IntN(10) {
	case 0, 1, 2, 3:
		if len(m.invites) < 20 {
			m.invitePerson(d)
		}
	case 4, 5, 6, 7:
		m.join(b)
	case 8:
		if m.often(50) {
			m.endInvite(d)
		}
	default:
		m.revokePerson(d)
	}
}

func (m *model) onEndpoints(d *device) {
	switch m.IntN(10) {
	case 0, 1, 2:
		m.newDevice(d)
	case 3:
		m.revokeDevice(d)
	default:
		m.renewKEM(d)
	}
}

// maybeStale hides the newest of the bus log and of account chains from an
// author, but nothing that it has seen.
func (m *model) maybeStale(d *device) {
	if m.often(85) {
		return
	}
	m.did("stale author")
	d.lens.most = map[chain.ID]int{}
	for _, id := range d.lens.of.chains {
		known, raw := len(d.known[id]), d.lens.of.raw[id]
		if d.lens.of.rooms[bus.RoomID(id)] == nil && len(raw) > known && m.often(50) {
			d.lens.most[id] = known + m.IntN(len(raw)-known+1)
		}
	}
}

func (m *model) falseKey(d *device) {
	if m.often(15) {
		m.did("false key")
		d.lens.key = keyLie(1 + m.IntN(keyLies))
	}
}

// fork begins another story, in which some of the devices believe from now on.
func (m *model) fork(b *branch) {
	if len(m.branches) > 2 {
		return
	}
	m.did("fork")
	other := &branch{history: b.history.fork(), table: b.table.fork()}
	m.branches = append(m.branches, other)
	for _, d := range m.devices {
		if d.at == b && !d.torn && m.often(50) {
			d.at = other
			m.settle(d)
		}
	}
}

// deceive shows a device something else than its story, and sees whether its
// client says so.
func (m *model) deceive(d *device, id bus.RoomID) {
	switch m.IntN(5) {
	case 0:
		m.rollBack(d, id)
	case 1:
		m.did("withhold")
		m.cut(d, id, false)
	case 2:
		m.forge(d, id)
	case 3:
		m.swap(d, id)
	case 4:
		other, _ := pickOf(m, m.branches)
		if other != d.at {
			m.did("other story")
			d.lens.of = other.history
		}
	}
	if d.lens.of.rooms[id] == nil {
		return
	}
	m.heard(d, d.refresh(m.ctx, id))
}

// chainsOf lists the chains that a room's log rests on, and itself.
func (m *model) chainsOf(d *device, id bus.RoomID) []chain.ID {
	out := []chain.ID{chain.ID(m.busID), chain.ID(id)}
	for _, mem := range d.lens.of.rooms[id].Members() {
		out = append(out, chain.ID(mem.Account))
	}
	return out
}

// rollBack shows less of one chain than before.
func (m *model) rollBack(d *device, id bus.RoomID) {
	m.did("rollback")
	m.cut(d, id, true)
}

func (m *model) cut(d *device, id bus.RoomID, below bool) {
	at, _ := pickOf(m, m.chainsOf(d, id))
	known, all := len(d.known[at]), len(d.lens.of.raw[at])
	n := known + m.IntN(max(all-known, 0)+1)
	if below {
		n = m.IntN(known + 1)
	}
	d.lens.most = map[chain.ID]int{at: n}
}

// forge shows an entry that the rules refused, where it would fit.
func (m *model) forge(d *device, id bus.RoomID) {
	f, ok := pickOf(m, m.refused)
	if !ok {
		return
	}
	e, err := chain.Parse(f.raw)
	if err != nil || !slices.Contains(m.chainsOf(d, id), f.chain) || int(e.Index) < len(d.known[f.chain]) {
		return
	}
	m.did("forge")
	d.lens.swap = map[chain.ID]forgery{f.chain: {int(e.Index), f.raw}}
}

// swap shows an entry with one changed byte, or in another's place.
func (m *model) swap(d *device, id bus.RoomID) {
	at, _ := pickOf(m, m.chainsOf(d, id))
	known, all := len(d.known[at]), d.lens.of.raw[at]
	if len(all) == 0 {
		return
	}
	i := known + m.IntN(max(len(all)-known, 1))
	raw := slices.Clone(all[min(i, len(all)-1)])
	if m.often(50) {
		raw = slices.Clone(all[m.IntN(len(all))])
	}
	if m.often(70) {
		raw[m.IntN(len(raw))] ^= byte(1 + m.IntN(255))
	}
	m.did("swap")
	d.lens.swap = map[chain.ID]forgery{at: {i, raw}}
}
