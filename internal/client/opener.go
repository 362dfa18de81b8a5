package client

import (
	"context"
	"errors"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
	"unibus/internal/frame"
	"unibus/internal/identity"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// opener turns stored frames of one room into events, in order. It belongs to
// one goroutine.
type opener struct {
	c        *Client
	id       bus.RoomID
	epochs   map[bus.Epoch]epochKey
	sessions recall[session, *progress]
	seen     recall[recordKey, bool]   // records that were shown
	started  bool                      // "you joined here" was said
	doubts   map[bus.EndpointID]*doubt // frames that name a log other than ours
	repeats  int                       // frames that came before
	keep     *keeper                   // of what is opened; nil: nothing is kept
}

// epochKey is what frames of an epoch are opened with, or why they cannot be.
type epochKey struct {
	seal.Epoch
	err error
}

func (c *Client) newOpener(id bus.RoomID) *opener {
	return &opener{c: c, id: id, epochs: map[bus.Epoch]epochKey{}, doubts: map[bus.EndpointID]*doubt{},
		sessions: newRecall[session, *progress](recentSessions), seen: newRecall[recordKey, bool](recentRecords)}
}

// open returns the events of one frame: its records, or what is wrong with it.
// An error ends the reading: the log does not hold, or cannot be had.
func (o *opener) open(ctx context.Context, m wire.StoredMessage) ([]bus.Event, error) {
	s, err := o.look(ctx, m)
	if err == nil {
		o.keep.take(m, s)
	}
	return s.events, err
}

// sight is what became of one frame.
type sight struct {
	events  []bus.Event
	records []seal.Record // of a frame that opened
	mark    bus.Prefix    // of its hash
	later   bool          // it may open another time
}

func (o *opener) look(ctx context.Context, m wire.StoredMessage) (s sight, err error) {
	h, err := frame.Parse(m.Frame)
	switch {
	case err != nil:
		return sight{events: o.undecryptable(m, h, bus.FaultFrame)}, nil
	case h.Room != o.id:
		return sight{events: o.undecryptable(m, h, bus.FaultRoom)}, nil
	}
	o.c.world.mu.Lock()
	defer o.c.world.mu.Unlock()
	r, err := o.room(ctx, h)
	if err != nil {
		return s, err
	}
	ep := r.epochs[h.Epoch]
	switch {
	case ep == nil:
		return sight{events: o.undecryptable(m, h, bus.FaultEpoch), later: true}, nil
	case h.Suite != r.Create.Suite:
		return sight{events: o.undecryptable(m, h, bus.FaultSuite)}, nil
	}
	opened, s, err := o.unseal(ctx, r, ep, m, h)
	if opened == nil {
		return s, err
	}
	cause, err := o.hold(ctx, r, ep, h)
	if err != nil {
		return s, err
	}
	if cause != "" {
		return sight{events: o.undecryptable(m, h, cause), later: true}, nil
	}
	// Before the events: a frame that an error hands back is no repeat when it
	// is read again.
	if err := o.c.took(ctx, o.id, h.Epoch, m); err != nil {
		return s, err
	}
	return sight{events: o.events(r, ep, m, *opened), records: opened.Records, mark: opened.Hash.Prefix()}, nil
}

// unseal opens a frame with the key of its epoch. Where that is not to be, opened
// is nil, and instead is what becomes of it.
func (o *opener) unseal(ctx context.Context, r *room, ep *roomlog.Epoch, m wire.StoredMessage, h frame.Header) (opened *seal.Opened, instead sight, err error) {
	key, err := o.epoch(ctx, r, h.Epoch)
	switch {
	case errors.Is(err, errErased): // the node keeps it for longer than it should
		return nil, sight{}, nil
	case errors.Is(err, errNoKey):
		return nil, sight{events: o.beforeMe(r, ep, m, h), later: true}, nil
	case bus.KindOf(err) == bus.Integrity:
		return nil, sight{events: o.undecryptable(m, h, bus.FrameFault(bus.CodeOf(err)))}, nil
	case err != nil:
		return nil, sight{}, err
	}
	f, err := seal.Open(key, m.Frame, sender(ep))
	if err != nil {
		return nil, sight{events: o.damaged(ep, m, h, bus.FrameFault(bus.CodeOf(err)))}, nil
	}
	return &f, sight{}, nil
}

// room returns the log as far as the frame's epoch.
func (o *opener) room(ctx context.Context, h frame.Header) (*room, error) {
	r, err := o.c.world.loadRoom(ctx, o.id)
	if err == nil && r.epochs[h.Epoch] == nil {
		r, err = o.c.world.syncRoom(ctx, o.id)
	}
	return r, err
}

// epoch returns the key of an epoch. One that does not open never will: it is
// not asked for again.
func (o *opener) epoch(ctx context.Context, r *room, number bus.Epoch) (seal.Epoch, error) {
	if known, ok := o.epochs[number]; ok {
		return known.Epoch, known.err
	}
	ep, err := o.c.world.sealEpoch(ctx, r, number, o.c.reader())
	if err == nil || bus.KindOf(err) == bus.Integrity && !errors.Is(err, errNoKey) {
		o.epochs[number] = epochKey{ep, err}
	}
	return ep, err
}

// sender answers for the endpoints of an epoch's audience that may write.
func sender(ep *roomlog.Epoch) func(bus.EndpointID) (identity.VerifyKey, bool) {
	return func(id bus.EndpointID) (identity.VerifyKey, bool) {
		rec, ok := ep.Recipient(id)
		return rec.Content, ok && rec.Role.Writes()
	}
}

// beforeMe handles a frame of an epoch whose key this endpoint was not given:
// from before it joined, or was listed, such frames are no events, but for one
// line.
func (o *opener) beforeMe(r *room, ep *roomlog.Epoch, m wire.StoredMessage, h frame.Header) []bus.Event {
	if _, in := ep.Recipient(o.c.id.Endpoint()); in {
		return o.undecryptable(m, h, bus.FaultNoKey)
	}
	me, _ := r.Member(o.c.id.Account)
	own, _ := o.c.ownEndpoint()
	if o.started || ep.Index > me.Since && (own == nil || !ep.Started.Before(own.Since)) {
		return nil
	}
	o.started = true
	return []bus.Event{{Start: &bus.StartEvent{Reason: bus.StartJoined, Epoch: r.changes[me.Since].epoch}}}
}

func (o *opener) undecryptable(m wire.StoredMessage, h frame.Header, reason bus.FrameFault) []bus.Event {
	return []bus.Event{{Undecryptable: &bus.UndecryptableEvent{Seq: m.Seq, Epoch: h.Epoch, Endpoint: h.Endpoint, Reason: reason}}}
}

// damaged is what does not open. Who is rejected spoils no reading any more: what
// stands under his endpoint is his, or what a node makes of another's, whose own
// frames then miss it.
func (o *opener) damaged(ep *roomlog.Epoch, m wire.StoredMessage, h frame.Header, reason bus.FrameFault) []bus.Event {
	if rec, in := ep.Recipient(h.Endpoint); in && o.c.world.trust(rec.Account) == bus.TrustRejected {
		return o.hidden(m, h, o.c.world.handle(rec.Account), bus.TrustRejected)
	}
	return o.undecryptable(m, h, reason)
}

// hidden stands for a message whose sender a person would take for another.
func (o *opener) hidden(m wire.StoredMessage, h frame.Header, from bus.Handle, trust bus.Trust) []bus.Event {
	reason := bus.FaultRejected
	if trust == bus.TrustChanged {
		reason = bus.FaultChanged
	}
	return []bus.Event{{Undecryptable: &bus.UndecryptableEvent{Seq: m.Seq, Epoch: h.Epoch, Endpoint: h.Endpoint, From: from, Reason: reason}}}
}

// events drops repeats, reports gaps, and holds frames of a closed epoch to
// its end.
func (o *opener) events(r *room, ep *roomlog.Epoch, m wire.StoredMessage, f seal.Opened) (out []bus.Event) {
	h := f.Header
	rec, _ := ep.Recipient(h.Endpoint)
	from := o.c.world.handle(rec.Account)
	at, trust := o.count(h), o.c.world.trust(rec.Account)
	switch {
	case at.repeat:
		o.repeats++
		return nil
	case trust == bus.TrustRejected: // nor does anybody miss what he did not send
	case at.missed > 0:
		out = append(out, bus.Event{Gap: &bus.GapEvent{From: from, Missed: at.missed}})
	case at.behind:
		out = append(out, bus.Event{Order: &bus.OrderEvent{From: from, Seq: m.Seq}})
	}
	if trust.Hidden() {
		return append(out, o.hidden(m, h, from, trust)...)
	}
	if rec.Ended(f.At) || rec.Ended(m.At) {
		return append(out, o.undecryptable(m, h, bus.FaultEnded)...)
	}
	if backdated(ep, f.At) {
		return append(out, o.undecryptable(m, h, bus.FaultBackdated)...)
	}
	late, ok := standing(r, h.Epoch, rec, m)
	if !ok {
		return append(out, o.undecryptable(m, h, bus.FaultLate)...)
	}
	for i, record := range f.Records {
		msg := message(m, f, record, i)
		msg.From, msg.Trust = from, trust
		if o.first(rec.Account, record.ID) {
			out = append(out, eventOf(msg, late))
		}
	}
	return out
}

// backdated reports whether a frame claims a time at which its key was not
// there. The epoch's author may be ahead of the node by bus.ChainSkew, he and the
// sender each by bus.ClockSkew on the wrong side of it.
func backdated(ep *roomlog.Epoch, sent time.Time) bool {
	return sent.Before(ep.Started.Add(-bus.ChainSkew - 2*bus.ClockSkew))
}

// count takes a frame's number in its session in. The first that is read may
// have any. Of what is kept a lower one came after it when it was read first: it is
// no repeat, for none are kept.
func (o *opener) count(h frame.Header) rank {
	s := session{h.Endpoint, h.Epoch, h.Session}
	p, known := o.sessions.get(s)
	if !known {
		p = &progress{next: uint64(h.Index)}
		if o.c.world.local && h.Index > 0 {
			p.missing = []gap{{0, p.next}}
		}
	}
	o.sessions.put(s, p) // also a known one: what is used is kept
	return p.take(h.Index)
}

func eventOf(msg *bus.Message, late bool) bus.Event {
	if late {
		return bus.Event{Late: &bus.LateEvent{Message: msg}}
	}
	return bus.Event{Message: msg}
}

// standing says whether a frame still counts in its epoch. It does when its
// epoch is the newest, or when it is not behind the newest frame that the next
// epoch's author had seen; where he had seen none, the node's clock decides.
// Behind that it counts only when its sender stayed, and for bus.LateFrames. An
// author may date his epoch back by bus.ChainSkew and say that he had seen
// nothing: this must hide nobody who could say the same in the new epoch.
// What somebody sent after he left does not count.
func standing(r *room, number bus.Epoch, from roomlog.Recipient, m wire.StoredMessage) (late, ok bool) {
	if d, left := r.departed[departed{number, from.Account}]; left && (m.Seq == 0 || m.Seq > d.Closing.Seq) {
		return false, false
	}
	next := r.epochs[number+1]
	if next == nil || m.Seq != 0 && m.Seq <= next.Closing.Seq {
		return false, true
	}
	late = m.At.After(next.Started)
	if !late && next.Closing.Seq == 0 {
		return false, true
	}
	_, stayed := next.Recipient(from.Endpoint)
	over := m.At.Sub(next.Started) - bus.LateFrames
	return late, stayed && (over <= 0 || over <= bus.ChainSkew && r.keeps(from.Endpoint, number+2, m.At))
}

// keeps reports whether an endpoint is in every epoch from one on that had
// begun at a time.
func (r *room) keeps(id bus.EndpointID, from bus.Epoch, at time.Time) bool {
	for ep := r.epochs[from]; ep != nil; ep = r.epochs[ep.Number+1] {
		if _, in := ep.Recipient(id); !in && !ep.Started.After(at) {
			return false
		}
	}
	return true
}

func message(m wire.StoredMessage, f seal.Opened, record seal.Record, number int) *bus.Message {
	msg := &bus.Message{
		Room: f.Header.Room, Seq: m.Seq, Number: number, Records: len(f.Records), Hash: f.Hash,
		Endpoint: f.Header.Endpoint, Epoch: f.Header.Epoch, Time: f.At,
		Kind: kindName(record.Kind), ID: record.ID,
	}
	switch record.Kind {
	case seal.KindFile:
		msg.File = parseFile(record.Body)
		return msg
	case seal.KindValue:
		msg.Value = record.Body
		return msg
	}
	msg.Text = string(record.Body)
	if record.Ref != nil {
		msg.ReplyTo = &bus.RecordRef{Frame: record.Ref.Frame, Number: int(record.Ref.Number)}
	}
	return msg
}

func kindName(k seal.RecordKind) string {
	names := map[seal.RecordKind]string{seal.KindText: "text", seal.KindReply: "reply", seal.KindEdit: "edit",
		seal.KindDelete: "delete", seal.KindReaction: "reaction", seal.KindFile: "file", seal.KindValue: "value"}
	if name, ok := names[k]; ok {
		return name
	}
	return "unknown"
}

// recordKey names a record: its id is its sender's to choose.
type recordKey struct {
	account bus.AccountID
	id      bus.RecordID
}

// recentRecords bounds the records that a reader remembers, about 100 bytes
// each.
const recentRecords = 100_000

// first reports whether a record is shown for the first time: one that was
// sent again under its id is shown once.
func (o *opener) first(account bus.AccountID, id bus.RecordID) bool {
	k := recordKey{account, id}
	if _, shown := o.seen.get(k); shown {
		return false
	}
	o.seen.put(k, true)
	return true
}
