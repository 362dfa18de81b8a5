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
	p := s.post(room)
	s.mu.Lock()
	over := p.over[r.ID]
	p.queued[r.ID] = !over
	s.mu.Unlock()
	if over {
		return nil
	}
	if err := s.c.Queue(ctx, room, r); err != nil {
		s.mu.Lock()
		delete(p.queued, r.ID)
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
		return bus.Errorf(bus.Integrity, "user_rejected", "you compared numbers with somebody in this room, and they differed").
			WithHint("have them taken out, or compare once more: /verify USER")
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
		return r, bus.Errorf(bus.Invalid, "bad_record", "not a message that can be sent")
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

// waiting lists what waits to be sent to a room.
func (s *chat) waiting(ctx context.Context, room bus.RoomID) (out []tui.Outgoing, err error) {
	queued, err := s.c.Queued(ctx, room)
	for _, q := range queued {
		if q.Record.Kind == seal.KindValue { // nothing for a person to see
			continue
		}
		out = append(out, tui.Outgoing{Draft: draftOf(room, q.Record), Made: q.Made})
	}
	return out, err
}

var errNothingWaits = bus.Errorf(bus.NotFound, "no_record", "nothing of it waits to be sent")

// Retry implements tui.Session.
func (s *chat) Retry(_ context.Context, room bus.RoomID, id bus.RecordID) error {
	p := s.post(room)
	s.mu.Lock()
	refused := p.refused[id]
	delete(p.refused, id)
	s.mu.Unlock()
	if !refused {
		return errNothingWaits
	}
	s.tell(tui.Event{Room: room, Outgoing: &tui.Outgoing{Draft: tui.Draft{Room: room, ID: id}, State: tui.OutgoingQueued}})
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
