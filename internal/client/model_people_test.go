package client

import (
	"bytes"
	"net/http"
	"slices"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/identity"
	"unibus/internal/profile"
)

// device is an endpoint with a client, and what it was shown.
type device struct {
	*Client
	name    string
	owner   *human
	file    *identity.File
	profile *profile.Store
	at      *branch // the story it believes
	lens    lens
	known   map[chain.ID][][]byte
	lied    bool              // in this step it was shown what it can prove to be a lie
	torn    bool              // it has seen two stories: it trusts this node no more
	given   map[keyPlace]bool // keys that it took over from its invite
	reads   map[bus.RoomID]*place
	shown   map[bus.RoomID]uint64 // newest sequences since it was started
	boxes   map[bus.RoomID]*outbox
}

// device makes an endpoint that no chain lists yet.
func (m *model) device(p *human, file *identity.File, at *branch) *device {
	d := &device{name: string(p.name) + "/" + file.Name, owner: p, file: file, at: at, lens: lens{of: at.history},
		known: map[chain.ID][][]byte{}, given: map[keyPlace]bool{}}
	file.Bus, file.Handle = m.busID, p.name
	d.profile = m.memory(file)
	m.open(d)
	m.devices = append(m.devices, d)
	return d
}

func (m *model) memory(file *identity.File) *profile.Store {
	store, err := profile.Memory(m.ctx, file.ProfileKey)
	m.must(err)
	return store
}

// open starts the endpoint's client, as a new process does.
func (m *model) open(d *device) {
	if m.wrong == forgets && d.Client != nil {
		d.profile = m.memory(d.file)
	}
	c, err := New(Options{Identity: d.file, Info: m.info(), Store: d.profile, Now: m.clock, Keys: keysOf{d.file}, Keep: true})
	m.must(err)
	c.call.HTTP = &http.Client{Transport: line{m, d}}
	d.Client, d.boxes, d.shown = c, map[bus.RoomID]*outbox{}, map[bus.RoomID]uint64{}
	for _, r := range d.reads {
		r.f = nil
	}
	if d.reads == nil {
		d.reads = map[bus.RoomID]*place{}
	}
}

func (m *model) info() identity.ContextInfo {
	return identity.ContextInfo{Name: "model", URL: "https://node:1", CAPEM: m.ca, Org: m.org.Public()}
}

func (d *device) id() bus.EndpointID { return d.file.Endpoint() }

// sees is the newest entry of a chain that the device was shown, -1 for none.
func (d *device) sees(id chain.ID) int { return len(d.known[id]) - 1 }

// viewOf is how far a device sees.
func (m *model) viewOf(d *device) view {
	return view{bus: d.sees(chain.ID(m.busID)), time: m.now, acc: func(p *human) int { return d.sees(chain.ID(p.account)) }}
}

// learns takes a chain as known to a device that wrote to it.
func (d *device) learns(id chain.ID, raw []byte) { d.known[id] = append(d.known[id], raw) }

// found begins the bus with one person.
func (m *model) found() {
	file := newIdentity("d0", m.now)
	p := &human{name: "admin", account: file.Account, seed: *file.Seed}
	file.Handle, file.Org = p.name, &m.org
	genesis := genesisEntry(file, m.org, bus.Hash{1}, m.now)
	m.busID = bus.ID(genesis.Hash().Prefix())
	file.Bus = m.busID
	b := &branch{history: newHistory(m.busID), table: newTable()}
	m.branches, m.people = []*branch{b}, []*human{p}
	_, err := b.history.offer(chain.ID(m.busID), genesis.Encode())
	m.must(err)
	b.table.admitted[p] = 0
	d := m.device(p, file, b)
	m.begin(b, d, firstEntries(file, m.now))
}

// begin takes the first entries of an account chain in: a device, and the
// recovery endpoint.
func (m *model) begin(b *branch, d *device, entries []*chain.Entry) {
	for i, e := range entries {
		_, err := b.history.offer(chain.ID(d.owner.account), e.Encode())
		m.must(err)
		l := listing{id: d.id(), added: i, cut: never, kems: []kemAt{{i, 1, e.Time}}}
		if i == 1 {
			l.id, l.recovery = identity.RecoveryEndpoint(d.owner.seed.Recovery().Public()), true
		}
		b.table.listed[d.owner] = append(b.table.listed[d.owner], l)
	}
}

// onAccount offers an entry of an account chain that d writes, and reports
// whether it was taken.
func (m *model) onAccount(d *device, op chain.Op, body []byte, allowed bool, keys ...identity.SigningKey) bool {
	h := d.at.history
	by := chain.Author{Account: d.owner.account, Endpoint: d.id(), Seen: h.bus.Head().Ref()}
	e := h.accounts[d.owner.account].New(op, body, by, m.now).Sign(identity.ContextAccount, keys...)
	_, err := h.offer(chain.ID(d.owner.account), e.Encode())
	if (err == nil) != allowed {
		m.fault("%s writes %d to its account chain: got %v, the oracle says %v", d.name, op, err, allowed)
	}
	if err != nil {
		m.refused = append(m.refused, refusal{chain.ID(d.owner.account), e.Encode()})
	}
	return err == nil
}

// newDevice lists another device of d's owner.
func (m *model) newDevice(d *device) {
	t := d.at.table
	if n := len(t.listed[d.owner]); n > 4 {
		return
	}
	file := newIdentity("d"+string(rune('0'+len(t.listed[d.owner]))), m.now)
	file.Account, file.Seed = d.owner.account, &d.owner.seed
	a := d.owner.seed.Account()
	add := account.Add{By: account.ByAccount, Key: a.Public(), Kind: account.KindDevice, Content: file.Content.Public(),
		Transport: file.Transport.Public(), KEM: file.KEMs[0].Key.Public(), Name: file.Name}
	index := len(d.at.history.raw[chain.ID(d.owner.account)])
	if !m.onAccount(d, account.OpAdd, add.Encode(), m.signsNow(d), a, file.Content) {
		return
	}
	m.did("new endpoint")
	t.listed[d.owner] = append(t.listed[d.owner], listing{id: file.Endpoint(), added: index, cut: never, kems: []kemAt{{index, 1, m.now}}})
	m.device(d.owner, file, d.at)
}

// signsNow reports whether a device is listed and not revoked in its story.
func (m *model) signsNow(d *device) bool {
	return d.at.table.signs(d, len(d.at.history.raw[chain.ID(d.owner.account)])-1)
}

// keysOf is the identity of a device where it is kept.
type keysOf struct{ file *identity.File }

// Update implements Keys.
func (k keysOf) Update(change func(*identity.File) (bool, error)) error {
	_, err := change(k.file)
	return err
}

// renewKEM rotates the kem key of a device.
func (m *model) renewKEM(d *device) {
	key := identity.NewKEMKey()
	serial := uint32(len(d.file.KEMs) + 1)
	index := len(d.at.history.raw[chain.ID(d.owner.account)])
	list := d.at.table.listed[d.owner]
	i := slices.IndexFunc(list, func(l listing) bool { return l.id == d.id() })
	due := i >= 0 && m.now.Sub(list[i].kems[len(list[i].kems)-1].made) >= bus.KEMPause
	if !m.onAccount(d, account.OpKEM, account.KEM{Serial: serial, Key: key.Public()}.Encode(), due && m.signsNow(d), d.file.Content) {
		return
	}
	m.did("kem rotation")
	d.file.KEMs = append(d.file.KEMs, identity.KEMEntry{Serial: serial, Key: key, Made: m.now})
	list[i].kems = append(list[i].kems, kemAt{index, serial, m.now})
}

// revokeDevice has d end a device of its owner's, perhaps itself.
func (m *model) revokeDevice(d *device) {
	list := d.at.table.listed[d.owner]
	i := m.IntN(len(list))
	live := 0
	for _, l := range list {
		if l.cut == never && !l.recovery {
			live++
		}
	}
	if live < 2 && d.owner == m.people[0] {
		return // somebody must be able to invite
	}
	r := account.Revoke{By: account.ByEndpoint, Endpoint: list[i].id}
	key := d.file.Content
	if m.often(30) {
		r.By, key = account.ByAccount, d.owner.seed.Account()
	}
	index := len(d.at.history.raw[chain.ID(d.owner.account)])
	if m.onAccount(d, account.OpRevoke, r.Encode(), m.signsNow(d) && list[i].cut == never, key) {
		m.did("revoke endpoint")
		list[i].cut = index
	}
}

// heard holds what a client answered to what it was shown: lies that can be
// proved are answered by an Integrity error, and nothing else is.
func (m *model) heard(d *device, err error) {
	said := isLie(err)
	if m.wrong == missesLies {
		said = false
	}
	if said != d.lied {
		m.fault("%s was lied to: %v, but its client says %v (%s)", d.name, d.lied, err, bus.CodeOf(err))
	}
}

// isLie reports whether a client says that the node shows what is not so.
func isLie(err error) bool {
	switch bus.CodeOf(err) {
	case "no_key", "bad_audience", "bad_confirm", "bad_envelope", "wrong_envelope", "erased":
		return false
	}
	return bus.KindOf(err) == bus.Integrity
}

// settle finds out after a step which story a device believes now.
func (m *model) settle(d *device) {
	d.lens, d.lied = lens{of: d.at.history}, false
	if d.holds(d.at.history) {
		return
	}
	for _, b := range m.branches {
		if d.holds(b.history) && d.wrote(b.table) {
			d.at, d.lens.of = b, b.history
			return
		}
	}
	d.torn = true
}

// wrote reports whether what a device did to its own keys is part of a story.
func (d *device) wrote(t *table) bool {
	i := slices.IndexFunc(t.listed[d.owner], func(l listing) bool { return l.id == d.id() })
	return i >= 0 && len(t.listed[d.owner][i].kems) == len(d.file.KEMs)
}

// holds reports whether all that a device was shown is part of a history.
func (d *device) holds(h *history) bool {
	for id, known := range d.known {
		told := h.raw[id]
		if n := len(known); n > len(told) || n > 0 && !bytes.Equal(told[n-1], known[n-1]) {
			return false
		}
	}
	return true
}
