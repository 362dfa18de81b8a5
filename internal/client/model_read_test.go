package client

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/roomlog"
	"unibus/internal/profile"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// reading is one device's place in one room, and what the oracle remembers of
// what it was shown there.
type place struct {
	f        *follower
	got      []string
	messages map[uint64]string // of them, by their sequence
	held     uint64
	sessions map[session]*heardOf
	texts    map[string]bool
	doubts   map[bus.EndpointID]holder // whose frames named another log than the one shown
	keys     map[bus.Epoch]string      // "" or why it does not open, as the opener keeps it
}

// heardOf is which frames of a session came.
type heardOf struct {
	first, next uint64
	came        map[uint64]bool
}

// send has a device say something the way honest clients do: up to date, and
// with a new key where one is owed.
func (m *model) send(d *device, id bus.RoomID) {
	box := m.box(d, id)
	t, v := d.at.table, m.viewOf(d)
	m.intents, m.taken = nil, 0
	err := m.catchUp(d, id, box)
	if err == nil && box.sender == nil {
		err = errBadKey(&badKey{told: seal.ErrEnvelope}) // as soon as there is something to send
	}
	m.heard(d, err)
	if d.lied || len(m.faults) > 0 { // an oracle that is wrong already knows of no more epochs
		return
	}
	v = m.viewOf(d)
	r := t.rooms[id]
	members, _ := t.roster(r, intent{}, v)
	_, due := t.due(r, v)
	n := len(r.epochs)
	holder, in := r.epochs[n-1].sealed[d.id()]
	newest := r.epochs[n-1]
	may := members[d.owner].role >= bus.RoleMember && !due && in && holder.writes && !newest.crooked
	told := d.lens.key == keyTrue || d.keeps(m, keyPlace{id, bus.Epoch(n)})
	may = may && told
	if newest.crooked && !newest.ghost && in && holder.writes && told && m.wrong != oldKeys && d.complained(id, bus.Epoch(n)) == 0 &&
		t.allows(r, intent{op: roomlog.OpRekey, bad: true}, d, v) {
		m.fault("%s has a bad key of %s and does not say so: %v (%s)", d.name, newest.author.name, err, bus.CodeOf(err))
	}
	if !may && err == nil && members[d.owner].role >= bus.RoleMember && t.active(d.owner, v.bus) && due {
		m.fault("%s sends while a new key is owed", d.name)
	}
	if err == nil && (r.epochs[n-1].crooked || !in && !d.given[keyPlace{id, bus.Epoch(n)}]) {
		m.fault("%s sends with a key that it cannot have", d.name)
	}
	if err != nil {
		if may {
			m.fault("%s may send and cannot: %v (%s)", d.name, err, bus.CodeOf(err))
		}
		return
	}
	m.did("send")
	m.post(d, id, box)
}

// catchUp does what honest clients do before they send.
func (m *model) catchUp(d *device, id bus.RoomID, box *outbox) error {
	if m.wrong != oldKeys {
		return box.refresh(m.ctx)
	}
	if err := d.refresh(m.ctx, id); err != nil {
		return err
	}
	return box.newSender(m.ctx, nil)
}

// sendStale has a device send with whatever key it had: nobody stops it here.
func (m *model) sendStale(d *device, id bus.RoomID) {
	box := m.box(d, id)
	if box.sender == nil {
		return
	}
	m.did("stale send")
	m.post(d, id, box)
}

func (m *model) box(d *device, id bus.RoomID) *outbox {
	if d.boxes[id] == nil {
		d.boxes[id] = &outbox{c: d.Client, id: id}
	}
	return d.boxes[id]
}

func (m *model) post(d *device, id bus.RoomID, box *outbox) {
	m.texts++
	text := fmt.Sprintf("text %d of %s", m.texts, d.name)
	sent := m.now
	if m.often(5) {
		m.did("backdate")
		sent = sent.Add(-time.Duration(m.IntN(48*60)) * time.Minute)
	}
	raw, err := box.sender.Seal(d.headOf(id), sent, []seal.Record{{Kind: seal.KindText, ID: NewRecordID(text), Body: []byte(text)}})
	m.must(err)
	h := d.at.history
	p := &posted{seq: 10, at: m.now, sent: sent.Truncate(time.Millisecond), raw: raw, text: text}
	if n := len(h.frames[id]); n > 0 {
		p.seq = h.frames[id][n-1].seq + 10
	}
	p.entry = d.at.table.rooms[id].epochs[box.epoch-1].entry
	h.frames[id] = append(h.frames[id], p)
}

// item is a frame as it is shown: which one it is, and whether its bytes are
// still those of its sender.
type item struct {
	wire.StoredMessage
	frame   *posted
	changed bool
}

// tape is what a device is shown of a room from where it stands: the truth, or
// with frames left out, said again, moved, changed, or out of order.
func (m *model) tape(d *device, id bus.RoomID, held uint64, lie bool) (out []item) {
	for _, p := range d.at.history.frames[id] {
		if p.seq <= held {
			continue
		}
		out = append(out, item{StoredMessage: wire.StoredMessage{Seq: p.seq, At: p.at, Frame: p.raw}, frame: p})
		if !lie {
			continue
		}
		switch m.IntN(10) {
		case 0:
			m.did("drop")
			out = out[:len(out)-1]
		case 1:
			if n := len(out); n > 1 {
				m.did("reorder")
				out[n-1], out[n-2] = out[n-2], out[n-1]
			}
		case 2, 3:
			out = append(out, m.strange(id))
		case 4:
			m.did("change")
			out[len(out)-1] = m.spoil(out[len(out)-1])
		}
	}
	if lie && m.often(30) {
		out = append(out, m.strange(id))
	}
	last := held
	for i := range out {
		out[i].Seq = max(last+1, out[i].Seq)
		if out[i].frame.seq != out[i].Seq {
			out[i].Seq = last + 1
		}
		last = out[i].Seq
	}
	return out
}

// strange is a frame from anywhere: of this room, of another, of another story.
func (m *model) strange(id bus.RoomID) item {
	b, _ := pickOf(m, m.branches)
	if m.often(30) {
		id, _ = pickOf(m, m.roomIDs)
	}
	p, ok := pickOf(m, b.history.frames[id])
	if !ok {
		p = &posted{raw: []byte("noise"), at: m.now}
	}
	m.did("replay")
	return item{StoredMessage: wire.StoredMessage{At: p.at, Frame: p.raw}, frame: p}
}

// spoil changes one byte of a frame, or takes its encryption back by word alone.
func (m *model) spoil(i item) item {
	i.Frame, i.changed = bytes.Clone(i.Frame), true
	if m.often(10) {
		i.Frame[1] ^= byte(bus.SuiteSealed)
		return i
	}
	i.Frame[m.IntN(len(i.Frame))] ^= byte(1 + m.IntN(255))
	return i
}

// read shows a device what is new in a room and compares what its client makes
// of it with what the oracle says.
func (m *model) read(d *device, id bus.RoomID, lie bool) {
	rd := d.reads[id]
	if rd == nil || rd.f == nil {
		rd = m.newReading(d, id, rd)
	}
	if m.wrong == leaks {
		m.leak(d, id)
	}
	if m.often(50) {
		err := d.refresh(m.ctx, id)
		m.heard(d, err)
		if err != nil {
			return
		}
	}
	m.inherits(d, id)
	tape := m.tape(d, id, rd.held, lie)
	d.lens.play, d.lens.tape = true, nil
	for _, i := range tape {
		d.lens.tape = append(d.lens.tape, i.StoredMessage)
	}
	x := &expectation{m: m, d: d, id: id, rd: rd, log: len(d.known[chain.ID(id)]), table: d.at.table.rooms[id]}
	want, stop := x.of(tape)
	rd.got, rd.messages = nil, map[uint64]string{}
	err := rd.f.fill(m.ctx)
	rd.held = rd.f.held.Load()
	if err == nil && !lie {
		m.rereads(d, id, rd.messages)
	}
	if stop == "" {
		m.heard(d, err)
	} else if bus.CodeOf(err) != stop {
		m.fault("%s reads: got %v, want %s", d.name, err, stop)
	}
	d.shown[id] = max(d.shown[id], x.last)
	m.kept(d, id, rd)
	if !slices.Equal(rd.got, want) {
		m.fault("%s reads\n got %q\nwant %q", d.name, rd.got, want)
	}
	m.did("read")
}

// rereads holds a device to have what it was shown, without a node: the same messages, as the log says of them by now, but for those that the
// room keeps no more.
func (m *model) rereads(d *device, id bus.RoomID, messages map[uint64]string) {
	list, err := d.profile.Stretches(m.ctx, id)
	m.must(err)
	has, faults := map[string]bool{}, map[uint64]bool{}
	for _, of := range list {
		m.rereadStretch(d, id, of, has, faults)
	}
	since, err := d.oldest(m.ctx, id)
	m.must(err)
	for _, i := range d.lens.tape {
		text, shown := messages[i.Seq]
		if !shown || i.At.Before(since) {
			continue
		}
		if f, err := d.profile.FrameAt(m.ctx, id, i.Seq); err != nil || !bytes.Equal(f.Raw, i.Frame) {
			m.fault("%s was shown message %d and has another in its place: %v", d.name, i.Seq, err)
		}
		if !has[text] && !faults[i.Seq] {
			m.fault("%s was shown message %d and is not shown it again", d.name, i.Seq)
		}
	}
	m.did("reread")
}

func (m *model) rereadStretch(d *device, id bus.RoomID, of profile.Stretch, has map[string]bool, faults map[uint64]bool) {
	after := max(of.After, 1)
	for more := true; more; {
		page, err := d.KeptPage(m.ctx, id, Span{After: after, Limit: 100})
		if err != nil {
			m.fault("%s cannot read again what comes after %d: %v", d.name, after, err)
			return
		}
		for _, e := range page.Events {
			if msg := e.Brings(); msg != nil {
				has[msg.Text] = true
			} else if e.Undecryptable != nil {
				faults[e.Undecryptable.Seq] = true
			}
		}
		after, more = page.Through, page.More
	}
}

// kept holds a device to keep the keys that it opened: the node may not have them
// the next time.
func (m *model) kept(d *device, id bus.RoomID, rd *place) {
	for n, why := range rd.keys {
		young := m.now.Sub(d.at.table.rooms[id].epochs[n-1].started) < 7*24*time.Hour
		if why == "" && young && !d.keeps(m, keyPlace{id, n}) {
			m.fault("%s opened the key of epoch %d of %s and did not keep it", d.name, n, id)
		}
	}
}

func (m *model) newReading(d *device, id bus.RoomID, old *place) *place {
	rd := &place{sessions: map[session]*heardOf{}, texts: map[string]bool{}, doubts: map[bus.EndpointID]holder{}, keys: map[bus.Epoch]string{}}
	if old != nil {
		rd.held = old.held
	}
	rd.f = d.newFollower(id, rd.held, func(e bus.Event) error {
		if e.Message != nil || e.Late != nil || e.Gap != nil || e.Order != nil || e.Undecryptable != nil {
			rd.got = append(rd.got, told([]bus.Event{e})[0])
		}
		if msg := e.Brings(); msg != nil {
			rd.messages[msg.Seq] = msg.Text
		}
		return nil
	})
	d.reads[id] = rd
	return rd
}

// readAll has a device read every room from its beginning, as a new process
// with what it keeps.
func (m *model) readAll(d *device) {
	m.open(d)
	for _, id := range m.roomIDs {
		if d.at.table.rooms[id] == nil || len(m.faults) > 0 {
			continue
		}
		d.reads[id] = nil
		m.read(d, id, false)
	}
}
