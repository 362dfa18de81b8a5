package tui

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
	"unibus/internal/text"
	"unibus/tui/timeline"
)

// newID names a record for ever.
func newID() (id bus.RecordID) {
	_, _ = rand.Read(id[:])
	return id
}

// enter sends the draft, runs it as a command, or opens an invitation.
func (m *Model) enter() tea.Cmd {
	switch {
	case m.current != nil && m.current.Invited && !command(m.box.Text()):
		return m.enterInvited(m.current)
	case strings.TrimSpace(m.box.Text()) == "":
		return nil
	case m.about.kind == "" && command(m.box.Text()):
		return m.runCommand(m.box.Clear())
	case m.about.kind == "" && commandLines(m.box.Text()):
		return m.say("not sent: a command is one line; // begins a message with /")
	case !m.maySend(m.current):
		return nil
	}
	return m.send()
}

// maySend says why nothing can be sent to a room where that is so; the draft stays.
func (m *Model) maySend(r *room) bool {
	why, grave := m.blocked(r)
	switch {
	case why == "":
		return true
	case grave:
		m.warn(why)
	default:
		m.say(why)
	}
	m.while(func(m *Model) bool {
		now, _ := m.blocked(r)
		return now == why
	})
	return false
}

// blocked is why nothing can be sent to a room, nil for none; "" where something can.
func (m *Model) blocked(r *room) (why text.Safe, grave bool) {
	switch {
	case r == nil:
		return "there is no room to write to: /create NAME makes one", false
	case m.conn.State == Revoked || m.conn.State == Ended:
		return "this session is over: nothing can be sent", false
	case r.readOnly() != "":
		return r.readOnly(), false
	case r.Changed > 0:
		who := r.standing(bus.TrustChanged)
		return "not sent: the key of " + who + " changed; compare first: /verify " + who, true
	case r.Rejected > 0:
		who := r.standing(bus.TrustRejected)
		return "not sent: you rejected the key of " + who + "; /kick " + who + ", or compare once more: /verify " + who, true
	}
	return "", false
}

// standing is one of those members who stand so with this user.
func (r *room) standing(as bus.Trust) text.Safe {
	for _, member := range r.members {
		if member.Trust == as {
			return line(member.User)
		}
	}
	return "a member"
}

// send hands the draft to the outbox.
func (m *Model) send() tea.Cmd {
	d := Draft{Room: m.current.ID, ID: newID(), Kind: "text", Text: m.box.Text()}
	if m.about.kind != "" {
		ref := m.about.ref
		d.Kind, d.About = m.about.kind, &ref
	} else {
		d.Text = unescaped(d.Text)
	}
	m.box.Clear()
	m.about = about{}
	return m.post(d)
}

// post shows a record as queued and hands it to the outbox, behind those before
// it.
func (m *Model) post(d Draft) tea.Cmd {
	r := m.rooms[d.Room]
	if r == nil {
		return m.say("not sent: that room is gone")
	}
	if changes(d.Kind) {
		r.waiting[d.ID] = true
	} else {
		r.list.Hold(m.fold(r).held(Outgoing{Draft: d, Made: m.o.Now()}))
		r.list.Bottom()
	}
	return m.inOrder(func(ctx context.Context) then {
		err := m.o.Session.Send(ctx, d)
		return func(m *Model) tea.Cmd {
			if err == nil {
				m.well("not sent")
				return nil
			}
			return m.refused(r, d, err)
		}
	})
}

// refused gives back what the outbox did not take: into the box where that is
// empty, else it stays as failed and can be sent again.
func (m *Model) refused(r *room, d Draft, err error) tea.Cmd {
	delete(r.waiting, d.ID)
	switch e := r.list.FindID(d.ID); {
	case m.current == r && m.box.Empty() && d.Kind != "reaction" && d.Kind != "delete":
		r.list.Forget(d.ID)
		m.box.Set(escaped(d.Text))
		if d.About != nil {
			m.box.Set(d.Text)
			m.about = about{kind: d.Kind, ref: *d.About, note: text.Safe(d.Kind) + ", not sent"}
		}
	case e != nil && e.Pending():
		m.unsent[d.ID] = d
		e.State, e.Why = timeline.Failed, errorLine(err)
		r.list.Touch(e)
	}
	return m.fail("not sent", err)
}

// giveBack puts what was not sent into the box of a room again, where that is empty.
func (m *Model) giveBack(r *room, draft string) {
	switch {
	case m.current != r:
		if r != nil && r.draft == "" {
			r.draft = draft
		}
	case m.box.Empty():
		m.box.Set(draft)
	}
}

// retryAll sends everything again in this room that failed.
func (m *Model) retryAll() tea.Cmd {
	if m.current == nil {
		return nil
	}
	var cmds []tea.Cmd
	for _, e := range slices.Clone(m.current.list.Held()) {
		if e.State == timeline.Failed {
			cmds = append(cmds, m.retry(e))
		}
	}
	if cmds == nil {
		return m.say("nothing failed here")
	}
	return tea.Batch(cmds...)
}

func (m *Model) retry(e *timeline.Entry) tea.Cmd {
	r, room, id, why := m.current, m.current.ID, e.ID, e.Why
	if r.dead {
		return m.say(r.readOnly())
	}
	if d, ok := m.unsent[id]; ok {
		delete(m.unsent, id)
		r.list.Forget(id)
		return m.post(d)
	}
	e.State, e.Why = timeline.Queued, ""
	r.list.Touch(e)
	return m.call(func(ctx context.Context) then {
		err := m.o.Session.Retry(ctx, room, id)
		return func(m *Model) tea.Cmd {
			if err == nil {
				return nil
			}
			if e.Pending() && e.State == timeline.Queued { // nobody tries, so that it is not shown as if
				e.State, e.Why = timeline.Failed, why
				r.list.Touch(e)
			}
			return m.fail("send again", err)
		}
	})
}
