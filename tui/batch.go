package tui

import (
	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
	"unibus/internal/text"
	"unibus/tui/timeline"
)

// batch takes what came in.
func (m *Model) batch(b batchMsg) tea.Cmd {
	var cmds []tea.Cmd
	for id, t := range b.lost {
		m.lost(id, t)
	}
	var call alarm
	for i := range b.events {
		cmds = append(cmds, m.event(&b.events[i], &call))
	}
	if b.ended && m.conn.State != Revoked && m.conn.State != Ended {
		m.conn = Conn{State: Ended, Since: m.o.Now()}
	}
	return tea.Batch(append(cmds, m.alert(call))...)
}

// event takes one event, whatever it is about.
func (m *Model) event(e *Event, call *alarm) tea.Cmd {
	switch {
	case e.Conn != nil:
		back := m.conn.State != Online && e.Conn.State == Online
		if m.conn = *e.Conn; m.conn.State == Online {
			m.mend()
		}
		if back && m.toast.away {
			m.unsay()
		}
	case e.Posture != nil:
		m.posture = e.Posture
	case e.People != nil:
		m.people = e.People
	case e.Info != nil:
		return m.informed(*e.Info)
	case e.Forgotten:
		return m.forget(e.Room)
	case e.Outgoing != nil:
		m.outgoing(*e.Outgoing)
	case e.Transfer != nil:
		return m.moved(*e.Transfer)
	case e.Fill != nil:
		m.filling(e.Room, *e.Fill)
	case e.Happened != nil:
		return m.happened(e.Room, e.Happened, call)
	}
	return nil
}

// informed takes a room's facts; the first room there is is opened where nobody types.
func (m *Model) informed(info Room) tea.Cmd {
	r := m.info(info)
	m.sort()
	if m.current == nil && m.resumed && m.box.Empty() && m.panel() == nil {
		return m.open(r)
	}
	return nil
}

// lost takes what a slow screen did not keep: what is loaded of that room is
// not whole any more.
func (m *Model) lost(id bus.RoomID, t tally) {
	r := m.rooms[id]
	if r == nil {
		return
	}
	r.begin(0)
	r.loaded, r.older = r == m.current, true
	r.Last = max(r.Last, t.last)
	r.Unread += t.unread
	r.Mentions += t.mentions
}

// happened takes an event of a room's follow.
func (m *Model) happened(id bus.RoomID, e *bus.Event, call *alarm) tea.Cmd {
	r := m.rooms[id]
	if r == nil {
		return nil
	}
	msg := e.Brings()
	fresh := msg != nil && !m.fold(r).known(msg) && r.follows(msg)
	m.fold(r).live(e)
	if e.Undecryptable != nil {
		r.Last = max(r.Last, e.Undecryptable.Seq)
	}
	if msg != nil {
		r.Last = max(r.Last, msg.Seq)
	}
	if fresh && msg.Counts(m.self) {
		m.arrived(r, msg, call)
	}
	if r == m.current {
		r.bound(maxShown)
	} else {
		r.bound(maxAway)
	}
	if e.Removed != nil {
		r.Gone, r.GoneBy = e.Removed.Reason, e.Removed.By
	}
	if e.Member != nil && e.Member.Change == bus.MemberRole && e.Member.User == m.self {
		r.Role = e.Member.Role
	}
	if e.Member != nil && r == m.current {
		return m.loadMembers(r)
	}
	return nil
}

// follows reports whether a message comes after all that is known of a room: a frame
// holds many of one sequence.
func (r *room) follows(msg *bus.Message) bool {
	return msg.Seq == 0 || msg.Seq > r.Last || msg.Seq == r.Last && msg.Number > 0
}

// arrived counts a message of somebody else.
func (m *Model) arrived(r *room, msg *bus.Message, call *alarm) {
	mention := Mentions(msg.Text, m.self)
	here := r == m.current && m.watching()
	if !here {
		if r == m.current && r.Unread == 0 {
			r.list.MarkNew(r.Last - 1)
		}
		r.Unread++
		if mention {
			r.Mentions++
		}
	}
	if !here || !m.focused {
		call.ring(r, msg, mention)
	}
}

// outgoing takes what became of a record in the outbox.
func (m *Model) outgoing(o Outgoing) {
	r := m.rooms[o.Room]
	if r == nil {
		return
	}
	if r.waiting[o.ID] || changes(o.Kind) {
		m.changing(r, o)
		return
	}
	e := r.list.FindID(o.ID)
	if e == nil && o.Kind != "" && o.State != OutgoingSent && o.State != OutgoingDropped {
		e = m.fold(r).held(o)
		r.list.Hold(e)
	}
	if e != nil && e.Pending() {
		m.became(r, e, o)
	}
}

// changing takes what became of an edit, a delete or a reaction: it has no line
// of its own.
func (m *Model) changing(r *room, o Outgoing) {
	if o.State == OutgoingQueued {
		r.waiting[o.ID] = true
		return
	}
	delete(r.waiting, o.ID)
	if o.State == OutgoingFailed && o.Err != nil {
		m.inRoomOf(r, func(m *Model) tea.Cmd { return m.fail("not changed", o.Err) })
	}
}

// became shows what became of a message that waits.
func (m *Model) became(r *room, e *timeline.Entry, o Outgoing) {
	switch o.State {
	case OutgoingQueued:
		e.State, e.Why = timeline.Queued, ""
		if e.File != nil && o.Kind == "file" {
			e.File = &timeline.File{Name: text.Line(o.Text), Size: o.Size}
		}
	case OutgoingSent:
		e.State = timeline.Sent
	case OutgoingFailed:
		e.State, e.Why = timeline.Failed, "the bus refused it"
		if o.Err != nil {
			e.Why = errorLine(o.Err)
		}
	case OutgoingDropped:
		r.list.Forget(o.ID)
		return
	}
	r.list.Touch(e)
}

// filling shows a hole in the messages, and takes the line away when it is
// closed.
func (m *Model) filling(id bus.RoomID, f Fill) {
	r := m.rooms[id]
	if r == nil {
		return
	}
	if r.fill != nil {
		r.list.Remove(r.fill)
		r.fill = nil
	}
	if f.Done || r.newer {
		return
	}
	words := text.Safe("messages missed while offline, loading")
	if f.Missed > 0 {
		words = text.Safe(count(f.Missed)) + " missed while offline, loading"
	}
	r.fill = &timeline.Entry{Notice: true, Words: words}
	r.list.Append(r.fill)
}
