package cmd

import (
	"context"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/seal"
	"unibus/tui"
)

// Send implements tui.Session.
func (s *chat) Send(ctx context.Context, d tui.Draft) error {
	if err := s.maySend(d.Room); err != nil {
		return err
	}
	r, err := recordOf(d)
	if err != nil {
		return err
	}
	return s.queue(ctx, d.Room, r)
}

// queue puts a record into the outbox.
func (s *chat) queue(ctx context.Context, room bus.RoomID, r seal.Record) error {
	return s.enqueue(room, r.ID, func() error { return s.c.Queue(ctx, room, r) })
}

// enqueue counts what keep puts into the outbox, and has it sent.
func (s *chat) enqueue(room bus.RoomID, id bus.RecordID, keep func() error) error {
	p := s.post(room)
	s.mu.Lock()
	over := p.over[id]
	p.queued[id] = !over
	s.mu.Unlock()
	if over {
		return nil
	}
	if err := keep(); err != nil {
		s.mu.Lock()
		delete(p.queued, id)
		s.mu.Unlock()
		return err
	}
	s.wake(room)
	return nil
}

// maySend says why nothing can be written to a room, as far as is known here.
func (s *chat) maySend(room bus.RoomID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[room]
	switch {
	case r == nil || r.info.Gone != "":
		return bus.ErrNotMember
	case r.info.Changed > 0:
		return client.KeyChanged("somebody in this room").WithHint("compare first: /verify USER")
	case r.info.Rejected > 0:
		return client.UserRejected("somebody in this room").WithHint("have them taken out, or compare once more: /verify USER")
	case !r.info.Role.Writes():
		return bus.Errorf(bus.Forbidden, "read_only", "you may read this room, not write to it").WithHint("ask an owner of the room")
	}
	return nil
}

// recordOf is what is sent for a draft.
func recordOf(d tui.Draft) (r seal.Record, err error) {
	kinds := map[string]seal.RecordKind{"text": seal.KindText, "reply": seal.KindReply, "edit": seal.KindEdit,
		"delete": seal.KindDelete, "reaction": seal.KindReaction}
	kind, known := kinds[d.Kind]
	switch {
	case !known || (d.About == nil) != (kind == seal.KindText):
		return r, bus.Errorf(bus.Invalid, "bad_record", "this cannot be sent: the chat does not know what it is").
			WithHint("write it as a message")
	case len(d.Text) > maxText:
		return r, errLong.WithHint("send it as a file: /attach FILE")
	}
	r = seal.Record{Kind: kind, ID: d.ID, Body: []byte(d.Text)}
	if d.About != nil {
		r.Ref = &seal.Target{Frame: d.About.Frame, Number: uint16(d.About.Number)}
	}
	return r, nil
}

// draftOf is what the screen shows of a record that waits.
func draftOf(room bus.RoomID, r seal.Record) tui.Draft {
	m := client.Preview(r)
	d := tui.Draft{Room: room, ID: r.ID, Kind: m.Kind, Text: m.Text, About: m.ReplyTo}
	if m.File != nil {
		d.Text = m.File.Name
	}
	return d
}

// outgoing is what the screen shows of what waits.
func outgoing(room bus.RoomID, q client.Queued) tui.Outgoing {
	o := tui.Outgoing{Draft: draftOf(room, q.Record), Made: q.Made}
	if f := client.Preview(q.Record).File; f != nil {
		o.Size = f.Size
	}
	return o
}

// waiting lists what waits to be sent to a room. What the person stopped waits for
// him.
func (s *chat) waiting(ctx context.Context, room bus.RoomID) (out []tui.Outgoing, err error) {
	queued, err := s.c.Queued(ctx, room)
	for _, q := range queued {
		if q.Record.Kind == seal.KindValue { // nothing for a person to see
			continue
		}
		o := outgoing(room, q)
		if q.File != nil && q.File.Held {
			o.State, o.Err = tui.OutgoingFailed, errHalted
			p := s.post(room)
			s.mu.Lock()
			p.refused[o.ID] = true
			s.mu.Unlock()
		}
		out = append(out, o)
	}
	return out, err
}

var errNothingWaits = bus.Errorf(bus.NotFound, "no_record", "it does not wait to be sent").
	WithHint("it was sent or dropped meanwhile: look in the room")

// Retry implements tui.Session.
func (s *chat) Retry(ctx context.Context, room bus.RoomID, id bus.RecordID) error {
	p := s.post(room)
	s.mu.Lock()
	refused := p.refused[id]
	s.mu.Unlock()
	if !refused {
		return errNothingWaits
	}
	o, err := s.anew(ctx, room, id)
	if err != nil {
		return err
	}
	s.tell(tui.Event{Room: room, Outgoing: &o}) // before it can fail again
	s.mu.Lock()
	delete(p.refused, id)
	s.mu.Unlock()
	s.wake(room)
	return nil
}

// Drop implements tui.Session.
func (s *chat) Drop(ctx context.Context, room bus.RoomID, id bus.RecordID) error {
	p := s.post(room)
	s.mu.Lock()
	queued, flying := p.queued[id], p.flying[id]
	if queued && !flying {
		p.end(id)
		if cancel := s.transfers[id]; cancel != nil {
			cancel(errHalted)
		}
	}
	s.mu.Unlock()
	switch {
	case !queued:
		return errNothingWaits
	case flying:
		return bus.Errorf(bus.Conflict, "being_sent", "it is on its way").WithHint("delete it once it is there")
	}
	if err := s.c.Unqueue(ctx, id); err != nil {
		return err
	}
	s.tell(tui.Event{Room: room, Outgoing: &tui.Outgoing{Draft: tui.Draft{Room: room, ID: id}, State: tui.OutgoingDropped}})
	return nil
}
