package client

import (
	"cmp"
	"io"
	"net/http"
	"slices"
	"strconv"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/wire"
)

// handed is a key that somebody handed on, as the node of the model keeps it.
type handed struct {
	wire.Granted
	to bus.EndpointID
}

// grant takes what a client hands on, and asks the oracle whether it should have.
func (l line) grant(req *http.Request, id bus.RoomID, since string) error {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return err
	}
	grants, err := wire.ParseGrants(body)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(since)
	if err != nil {
		return err
	}
	story := l.m.branches[slices.IndexFunc(l.m.branches, func(b *branch) bool { return b.history == l.d.lens.of })] // it may have been shown another one
	h, r := story.history, story.table.rooms[id]
	for _, g := range grants {
		switch {
		case l.m.wrong == missesGrants || !story.table.mayInherit(r, int(g.Epoch), n, g.Endpoint):
			l.m.fault("%s hands epoch %d of %s on to %s, which came with epoch %d and may not have it", l.d.name, g.Epoch, id, g.Endpoint, n)
		case !r.mayGive(l.d, n, g.Endpoint):
			l.m.fault("%s hands on to %s, which somebody else let in", l.d.name, g.Endpoint)
		case r.over(g.Epoch, len(l.d.known[chain.ID(id)]), l.m.now):
			l.m.fault("%s hands epoch %d of %s on, of which nothing is kept", l.d.name, g.Epoch, id)
		}
		h.grants[id] = append(h.grants[id], handed{to: g.Endpoint, Granted: wire.Granted{Epoch: g.Epoch, Since: bus.Epoch(n),
			Actor: l.d.id(), Serial: g.Serial, Sealed: g.Sealed}})
		l.m.did("grant")
	}
	return nil
}

// grants shows an endpoint what was handed on to it, or something else.
func (l line) grants(id bus.RoomID, query map[string][]string) (page wire.Grants) {
	from, _ := strconv.ParseUint(query["from"][0], 10, 64)
	see := l.d.lens
	all := see.of.grants[id]
	for i, g := range all {
		if g.to.String() != query["endpoint"][0] || g.Epoch < bus.Epoch(from) || see.key == keyNone {
			continue
		}
		one := g.Granted
		switch see.key {
		case keyOther:
			one.Sealed = all[(i+1)%len(all)].Sealed
		case keyOld:
			one.Epoch++
		case keyBroken:
			one.Sealed = slices.Clone(one.Sealed)
			one.Sealed[len(one.Sealed)-1] ^= 1
		case keyGhost:
			one.Actor = bus.EndpointID{0xff, 0xff}
		}
		page.Items = append(page.Items, one)
	}
	return firstPage(page.Items, bus.Epoch(from))
}

// firstPage is the beginning of all grants from an epoch on. It ends with an
// epoch behind that one, so that whoever asks on from there comes further.
func firstPage(all []wire.Granted, from bus.Epoch) wire.Grants {
	slices.SortStableFunc(all, func(a, b wire.Granted) int { return cmp.Compare(a.Epoch, b.Epoch) })
	for i := grantPage; i < len(all); i++ {
		if last := all[i-1].Epoch; last > from && last < all[i].Epoch {
			return wire.Grants{Items: all[:i], More: true}
		}
	}
	return wire.Grants{Items: all}
}

// grantPage is how many grants the node of the model gives at once, or a few more.
const grantPage = 2

// mayInherit reports whether an endpoint that came with a later epoch may have
// the key of epoch n.
func (t *table) mayInherit(r *roomTable, n, since int, id bus.EndpointID) bool {
	if n < 1 || n >= since || since > len(r.epochs) {
		return false
	}
	to, came := r.epochs[since-1].sealed[id]
	_, was := r.epochs[since-2].sealed[id]
	old := r.epochs[n-1].sealed
	_, has := old[id]
	words := to.who != nil && !r.recovery && t.listed[to.who][0].id != id // every later device is listed by A
	if !came || was || has || words {
		return false
	}
	return r.all || to.who != nil && t.had(to.who, old)
}

// had reports whether a key was sealed to somebody, or to the invite that he
// took up.
func (t *table) had(p *human, sealed map[bus.EndpointID]holder) bool {
	for id, h := range sealed {
		if h.who == p {
			return true
		}
		for i, f := range t.invites {
			if h.who == nil && f.taker == p && f.taken != never && i.endpoint == id {
				return true
			}
		}
	}
	return false
}

// mayGive reports whether a device may hand keys on to an endpoint that came
// with an epoch.
func (r *roomTable) mayGive(d *device, since int, id bus.EndpointID) bool {
	ep := r.epochs[since-1]
	return ep.actor == d.id() || ep.sealed[id].who == d.owner
}

// inherits has a device look for what was handed on to it, and holds what it has
// then against what the node showed.
func (m *model) inherits(d *device, id bus.RoomID) {
	w := d.world
	w.mu.Lock()
	defer w.mu.Unlock()
	r, err := w.loadRoom(m.ctx, id)
	m.must(err)
	clear(r.asked)
	for n := range r.epochs {
		if w.mayInherit(r, n, d.reader()) {
			if err := w.takeGrants(m.ctx, r, d.reader()); err != nil {
				m.fault("%s asks for what was handed on: %v", d.name, err)
			}
			break
		}
	}
	r.asked[d.id()] = m.now // what it reads is held against what it has now
	for _, g := range d.lens.of.grants[id] {
		at := keyPlace{id, g.Epoch}
		if g.to == d.id() && d.lens.key == keyTrue && d.at.history == d.lens.of && m.couldTake(d, id, g) && !d.keeps(m, at) {
			m.fault("%s was shown the key of epoch %d of %s and has not taken it", d.name, g.Epoch, id)
		}
		if g.to == d.id() && d.keeps(m, at) {
			m.did("inherit")
		}
	}
}

// couldTake reports whether a device knows all that a grant rests on.
func (m *model) couldTake(d *device, id bus.RoomID, g handed) bool {
	r := d.at.table.rooms[id]
	log := len(d.known[chain.ID(id)])
	_, held := pickKEM(d.file.KEMs, g.Serial)
	return r.epochs[g.Since-1].index < log && held && !r.over(g.Epoch, log, m.now)
}

// given reports whether a device may have the key of an epoch that was not sealed
// to it.
func (x *expectation) given(n bus.Epoch, place keyPlace) bool {
	if x.d.given[place] {
		return true
	}
	for since := int(n) + 1; since <= len(x.table.epochs); since++ {
		if x.d.at.table.mayInherit(x.table, int(n), since, x.d.id()) {
			return true
		}
	}
	return false
}
