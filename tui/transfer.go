package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
	"unibus/internal/text"
	"unibus/tui/timeline"
)

// transfer is a file on its way, as the screen knows it.
type transfer struct {
	room  *room
	began time.Time
	first int64 // bytes when it began
}

// moved shows how far a file is.
func (m *Model) moved(t Transfer) tea.Cmd {
	r, e := m.entryOf(t.ID)
	if t.Over {
		return m.transferred(t, r, e)
	}
	known := m.transfers[t.ID]
	if known == nil {
		known = &transfer{room: r, began: m.o.Now(), first: t.Done}
		m.transfers[t.ID] = known
	}
	if e == nil {
		return nil
	}
	p := &timeline.Progress{Done: t.Done, Total: t.Total, Up: t.Up}
	if span := m.o.Now().Sub(known.began); span >= time.Second && t.Done > known.first {
		p.Rate = int64(float64(t.Done-known.first) / span.Seconds())
		p.Left = time.Duration(float64(t.Total-t.Done) / float64(max(p.Rate, 1)) * float64(time.Second))
	}
	e.Progress = p
	r.list.Touch(e)
	return nil
}

// transferred ends a transfer on the screen.
func (m *Model) transferred(t Transfer, r *room, e *timeline.Entry) tea.Cmd {
	delete(m.transfers, t.ID)
	if e != nil {
		e.Progress = nil
		r.list.Touch(e)
	}
	switch {
	case t.Up: // outgoing tells what became of it
		return nil
	case t.Err != nil && e != nil && e.File != nil:
		return m.inRoomOf(r, func(m *Model) tea.Cmd { return m.fail("save "+string(e.File.Name), t.Err) })
	case t.Err != nil:
		return m.fail("save", t.Err)
	case e == nil || e.File == nil:
		return m.say("saved " + text.Line(t.Path))
	}
	if r.wanted != nil && r.wanted.ID == t.ID {
		r.wanted = nil
	}
	return m.say("saved " + e.File.Name + " as " + text.Line(t.Path))
}

// entryOf finds the message of a transfer, in any room.
func (m *Model) entryOf(id bus.RecordID) (*room, *timeline.Entry) {
	for _, r := range m.rooms {
		if e := r.list.FindID(id); e != nil {
			return r, e
		}
	}
	return nil, nil
}
