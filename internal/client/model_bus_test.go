package client

import (
	"net/http"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/roomlog"
	"unibus/internal/client/call"
	"unibus/internal/identity"
	"unibus/internal/wire"
)

// invitePerson opens the bus for somebody new.
func (m *model) invitePerson(d *device) {
	name := bus.Handle("u" + string(rune('a'+len(m.invites)/26)) + string(rune('a'+len(m.invites)%26)))
	life := time.Duration(1+m.IntN(72)) * time.Hour
	before := len(d.at.history.raw[chain.ID(m.busID)])
	link, err := d.Invite(m.ctx, name, life)
	if taken := len(d.at.history.raw[chain.ID(m.busID)]) > before; !taken {
		m.heard(d, err)
		return
	}
	i := &invite{name: name, link: link, keys: identity.OneTimeKeys(link.Seed)}
	i.endpoint = identity.EndpointOf(i.keys.Content.Public(), i.keys.Transport.Public())
	m.invites = append(m.invites, i)
	d.at.table.invites[i] = invited{made: before, until: m.now.Add(life), revoked: never, taken: never}
	m.did("invite")
	m.heard(d, err)
}

// endInvite takes an invite back.
func (m *model) endInvite(d *device) {
	i, ok := pickOf(m, m.invites)
	if !ok {
		return
	}
	f, known := d.at.table.invites[i]
	open := known && f.revoked == never && f.taken == never
	before := len(d.at.history.raw[chain.ID(m.busID)])
	_, err := d.RevokeInvite(m.ctx, i.link.ID)
	taken := len(d.at.history.raw[chain.ID(m.busID)]) > before
	if !d.lied && taken != (open && m.mayAdmin(d)) {
		m.fault("%s ends invite %s: taken %v, open %v: %v", d.name, i.name, taken, open, err)
	}
	if taken {
		f.revoked = before
		d.at.table.invites[i] = f
		m.did("revoke invite")
	}
	m.heard(d, err)
}

// mayAdmin reports whether a device may write to the bus log, as it sees it.
func (m *model) mayAdmin(d *device) bool {
	return d.owner == m.people[0] && d.at.table.signs(d, d.sees(chain.ID(d.owner.account)))
}

// revokePerson ends a user, and every room's key that the admin can renew.
func (m *model) revokePerson(d *device) {
	p, t := m.someone(d), d.at.table
	_, gone := t.revoked[p]
	_, in := t.admitted[p]
	before := len(d.at.history.raw[chain.ID(m.busID)])
	own := chain.ID(d.owner.account)
	from := d.sees(own)
	_, err := d.RevokeUser(m.ctx, p.name)
	taken := len(d.at.history.raw[chain.ID(m.busID)]) > before
	// What gives and what ends a device's right comes to light while it acts.
	might := false
	for at := from; at <= d.sees(own); at++ {
		might = might || d.owner == m.people[0] && t.signs(d, at)
	}
	due := in && !gone && p != m.people[0]
	if !d.lied && (taken && !(due && might) || !taken && due && m.mayAdmin(d)) {
		m.fault("%s revokes %s: taken %v: %v", d.name, p.name, taken, err)
	}
	if taken {
		m.did("revoke user")
	}
	m.heard(d, err)
}

// appendBus takes an entry of the bus log in.
func (m *model) appendBus(d *device, raw []byte) error {
	e, err := d.at.history.offer(chain.ID(m.busID), raw)
	if err != nil {
		m.refused = append(m.refused, refusal{chain.ID(m.busID), raw})
		return err
	}
	d.learns(chain.ID(m.busID), raw)
	if r, ok := buslog.ParseRevoke(e.Body); ok && e.Op == buslog.OpRevoke && m.wrong != missesRevocation {
		i := slices.IndexFunc(m.people, func(p *human) bool { _, in := d.at.table.admitted[p]; return in && p.name == r.Handle })
		d.at.table.revoked[m.people[i]] = int(e.Index)
	}
	return nil
}

// acceptInvite takes an invite up, when the oracle thinks so too.
func (m *model) acceptInvite(d *device, a wire.Accept) error {
	index := len(d.at.history.raw[chain.ID(m.busID)])
	i := m.intents[0].taking
	f := d.at.table.invites[i]
	open := f.revoked == never && f.taken == never && !m.now.After(f.until)
	_, err := d.at.history.offer(chain.ID(m.busID), a.Entry)
	if err == bus.ErrBehind {
		return err
	}
	if (err == nil) != open {
		m.fault("%s takes an invite up: %v, open %v", d.name, err, open)
	}
	if err != nil {
		return err
	}
	f.taken, f.taker = index, d.owner
	d.at.table.invites[i] = f
	d.at.table.admitted[d.owner] = index
	entries := make([]*chain.Entry, len(a.Account))
	for i, raw := range a.Account {
		entries[i], err = chain.Parse(raw)
		m.must(err)
	}
	m.begin(d.at, d, entries)
	return nil
}

// join takes an invite up with a new identity; at times only the bus, as when
// the client was stopped before the rooms.
func (m *model) join(b *branch) {
	i, ok := pickOf(m, m.invites)
	if !ok || len(m.people) > 13 {
		return
	}
	f, known := b.table.invites[i]
	if !known {
		return
	}
	file := newIdentity("d0", m.now)
	p := &human{name: i.name, account: file.Account, seed: *file.Seed}
	d := m.device(p, file, b)
	open := f.revoked == never && f.taken == never && !m.now.After(f.until)
	err := m.takeUp(d, i)
	if _, in := b.table.admitted[p]; in != open {
		m.fault("%s joins: %v, but the invite was open: %v", d.name, err, open)
	}
	if !open {
		m.devices = m.devices[:len(m.devices)-1]
		return
	}
	m.must(err)
	m.people = append(m.people, p)
	m.did("accept")
}

// takeUp runs the real joining, and notes which keys of the guest it keeps.
func (m *model) takeUp(d *device, i *invite) error {
	j := &Joining{link: i.link, keys: i.keys, bus: m.busID, info: m.info(), now: m.clock}
	j.guest = call.New("node:1", m.busID, i.keys.Transport, nil, m.clock)
	j.guest.HTTP = &http.Client{Transport: line{m, d}}
	m.intents = []intent{{op: roomlog.OpAccept, taking: i}}
	for id, r := range d.at.table.rooms {
		if _, guest := r.guests[i]; !guest || r.closed {
			continue
		}
		for n, ep := range r.epochs {
			if _, in := ep.sealed[i.endpoint]; in && !ep.crooked {
				d.given[keyPlace{id, bus.Epoch(n + 1)}] = true
			}
		}
	}
	_, err := j.takeUp(m.ctx, d.Client)
	return err
}
