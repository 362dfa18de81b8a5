package client

import (
	"fmt"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/frame"
	"unibus/internal/wire"
)

// expectation works out what a device must make of a tape.
type expectation struct {
	m     *model
	d     *device
	id    bus.RoomID
	rd    *place
	log   int    // entries of the room's log that the device knows by now
	last  uint64 // newest sequence that it went on from
	table *roomTable
}

// of returns the events of a tape, and the code of the error that ends it.
func (x *expectation) of(tape []item) (want []string, stop string) {
	for _, i := range tape {
		more, stop := x.one(i)
		want = append(want, more...)
		if stop != "" {
			return want, stop
		}
		x.last = i.Seq
	}
	return want, ""
}

// looks: the device reads the log on, as far as it is shown.
func (x *expectation) looks() {
	x.log = max(x.log, len(x.d.lens.entries(chain.ID(x.id))))
}

// epoch returns an epoch that the device knows.
func (x *expectation) epoch(n bus.Epoch) *epochTable {
	if n < 1 || n > bus.Epoch(len(x.table.epochs)) || x.table.epochs[n-1].index >= x.log {
		return nil
	}
	return x.table.epochs[n-1]
}

func (x *expectation) one(i item) (want []string, stop string) {
	h, err := frame.Parse(i.Frame)
	switch {
	case err != nil:
		return []string{"bad_frame"}, ""
	case h.Room != x.id:
		return []string{"other_room"}, ""
	}
	if x.epoch(h.Epoch) == nil {
		x.looks()
	}
	ep := x.epoch(h.Epoch)
	switch {
	case ep == nil:
		return []string{"unknown_epoch"}, ""
	case h.Suite != bus.SuiteSealed: // rooms of the model are all encrypted
		return []string{"other_suite"}, ""
	}
	switch why := x.key(h.Epoch, ep); why {
	case "":
	case "before me", "erased":
		return nil, ""
	default:
		return []string{why}, ""
	}
	from, in := ep.sealed[h.Endpoint]
	switch {
	case !in || !from.writes:
		return []string{"not_in_audience"}, ""
	case i.changed || i.frame.entry != ep.entry:
		return []string{"bad_frame"}, ""
	}
	if cause := x.head(h.Head); cause != "" {
		return x.doubted(h.Endpoint, from, cause)
	}
	return x.counted(h, ep, from, i), ""
}

// key says why the device cannot open an epoch, "" when it can.
func (x *expectation) key(n bus.Epoch, ep *epochTable) string {
	if why, known := x.rd.keys[n]; known {
		return why
	}
	place := keyPlace{x.id, n}
	_, in := ep.sealed[x.d.id()]
	has := x.d.keeps(x.m, place)
	if has && (!in && !x.given(n, place) || ep.crooked) {
		x.m.fault("%s has the key of epoch %d of %s, which nobody gave it", x.d.name, n, x.id)
	}
	switch {
	case has:
	case !in:
		return "before me"
	case x.epoch(n+1) != nil && x.table.over(n, x.log, x.m.now):
		return "erased"
	case x.d.lens.key == keyNone:
		return "no_key"
	case x.d.lens.falseKey(place, x.d.id()) && !(ep.crooked && ep.how == crookedNoise && x.d.lens.key == keyOther): // all noise is alike
		x.rd.keys[n] = "wrong_envelope"
		return "wrong_envelope"
	case ep.crooked:
		x.rd.keys[n] = map[crookedness]string{crookedNoise: "bad_envelope", crookedOthers: "bad_envelope",
			crookedConfirm: "bad_confirm", crookedGhost: "wrong_envelope"}[ep.how] // its root is that of no envelopes, and the node took it
		return x.rd.keys[n]
	}
	x.rd.keys[n] = ""
	return ""
}

// keeps reports whether a device has a key in its profile.
func (d *device) keeps(m *model, at keyPlace) bool {
	_, err := d.profile.Secret(m.ctx, at.room, at.epoch)
	return err == nil
}

// head holds a frame's log to the one that the device is shown.
func (x *expectation) head(head bus.Ref) string {
	if int(head.Index) >= x.log {
		x.looks()
	}
	told := x.d.at.history.raw[chain.ID(x.id)]
	if int(head.Index) >= x.log {
		return "unknown_head"
	}
	e, err := chain.Parse(told[head.Index])
	if err != nil || e.Hash().Prefix() != head.Hash {
		return "other_head"
	}
	return ""
}

// doubted is what a frame comes to whose author knew another log: one member
// alone may have made it up, and is shown; who could end the reading anyway, or
// two members, end it.
func (x *expectation) doubted(id bus.EndpointID, from holder, cause string) (want []string, stop string) {
	if known, doubted := x.rd.doubts[id]; !doubted || from.role > known.role {
		x.rd.doubts[id] = from
	}
	members := map[*human]bool{}
	for _, h := range x.rd.doubts {
		s, in := x.table.members[h.who]
		if !in {
			continue
		}
		members[h.who] = true
		if h.who == x.d.owner || s.role == bus.RoleOwner && h.role == bus.RoleOwner || len(members) > 1 {
			return nil, map[string]string{"unknown_head": "withheld", "other_head": "forked"}[cause]
		}
	}
	return []string{cause}, ""
}

// counted is what a frame that opens comes to: nothing when it came before,
// with a gap before it, or as one that came too late to count.
func (x *expectation) counted(h frame.Header, ep *epochTable, from holder, i item) (want []string) {
	missed, behind, fresh := x.rd.counts(session{h.Endpoint, h.Epoch, h.Session}, uint64(h.Index))
	switch {
	case !fresh:
		return nil
	case missed > 0:
		want = append(want, fmt.Sprintf("gap %d", missed))
	case behind:
		want = append(want, "behind")
	}
	late, ok := x.stands(h.Epoch, ep, from, h.Endpoint, i.StoredMessage)
	switch {
	case i.frame.sent.Before(ep.started.Add(-6 * time.Minute)):
		return append(want, "backdated")
	case !ok:
		return append(want, "late")
	case x.rd.texts[i.frame.text]:
		return want
	}
	x.rd.texts[i.frame.text] = true
	if late {
		return append(want, "late "+i.frame.text)
	}
	return append(want, i.frame.text)
}

// counts takes a number of a session in.
func (rd *place) counts(s session, n uint64) (missed uint64, behind, fresh bool) {
	h := rd.sessions[s]
	if h == nil {
		h = &heardOf{first: n, next: n, came: map[uint64]bool{}}
		rd.sessions[s] = h
	}
	if n < h.first || h.came[n] {
		return 0, false, false
	}
	h.came[n] = true
	if n < h.next {
		return 0, true, true
	}
	missed, h.next = n-h.next, n+1
	return missed, false, true
}

// stands judges a frame of an epoch that is over, or of somebody who left.
func (x *expectation) stands(n bus.Epoch, ep *epochTable, from holder, sender bus.EndpointID, m wire.StoredMessage) (late, ok bool) {
	if g, left := ep.gone[from.who]; left && g.index < x.log && m.Seq > g.closing && x.m.wrong != missesLeavers {
		return false, false
	}
	next := x.epoch(n + 1)
	switch {
	case next == nil, m.Seq <= next.closing:
		return false, true
	case !m.At.After(next.started) && next.closing == 0:
		return false, true
	}
	_, stayed := next.sealed[sender]
	seconds := m.At.Sub(next.started).Seconds()
	for k := n + 2; seconds > 60 && x.epoch(k) != nil; k++ {
		if _, in := x.epoch(k).sealed[sender]; !in && !m.At.Before(x.epoch(k).started) {
			stayed = false
		}
	}
	return m.At.After(next.started), stayed && seconds <= 6*60
}

// falseKey reports whether the key that a lens gives is not the true one.
func (l lens) falseKey(place keyPlace, id bus.EndpointID) bool {
	switch l.key {
	case keyTrue:
		return false
	case keyOther:
		return len(l.of.keys[place]) > 1
	case keyOld:
		old := l.of.keys[keyPlace{place.room, place.epoch - 1}]
		return slices.ContainsFunc(old, func(e wire.Envelope) bool { return e.Endpoint == id })
	}
	return true
}
