package tui

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
	"unibus/internal/text"
	"unibus/tui/composer"
	"unibus/tui/timeline"
)

// open puts a room on the screen.
func (m *Model) open(r *room) tea.Cmd {
	switch {
	case m.current == r:
		return nil
	case r.dead:
		return m.say(r.title() + " is gone")
	}
	var keep tea.Cmd
	if m.current != nil {
		keep = m.keep() // drafts of rooms survive whatever ends the program
	}
	m.leaveRoom()
	if m.toast.grave { // it is about the room that goes
		m.unsay()
	}
	m.current = r
	if m.pump != nil {
		m.pump.show(r.ID)
	}
	m.box.Set(r.draft)
	if r.fresh = 0; r.Unread > 0 {
		r.fresh = max(r.Read, r.marked)
		r.list.MarkNew(r.fresh)
	}
	return tea.Batch(keep, m.lookAt(r.ID), m.loadMembers(r))
}

// draft is what is written in the room on the screen; of a command to an invitation
// nothing is left.
func (m *Model) draft() string {
	r, typed := m.current, m.box.Text()
	switch {
	case !r.asked:
		return typed
	case command(typed):
		typed = ""
	}
	if r.aside != "" && typed != "" {
		return r.aside + "\n" + typed
	}
	return r.aside + typed
}

// setAside empties the box while an invitation is on the screen, and puts back what was
// in it once that was taken up.
func (m *Model) setAside() {
	switch r := m.current; {
	case r.Invited && !r.asked:
		r.aside, r.asked = m.box.Text(), true
		m.box.Set("")
	case !r.Invited && r.asked:
		m.box.Set(m.draft())
		r.aside, r.asked = "", false
	}
}

// spot is where somebody is: what he types goes there.
type spot struct {
	room   *room
	draft  string
	about  about
	chosen *timeline.Entry
}

// where is where the person is now.
func (m *Model) where() spot { return spot{m.current, m.box.Text(), m.about, m.chosen()} }

// still reports whether the person is where he was, and nothing is open there. A room
// that was opened where there was none is no other one.
func (m *Model) still(then spot) bool {
	now := m.where()
	if then.room == nil {
		now.room = nil
	}
	return m.panel() == nil && now == then
}

// arrive opens a room that was asked for at a spot. Who went on meanwhile is not moved:
// what he types, or answers, would go elsewhere.
func (m *Model) arrive(from spot, r *room) tea.Cmd {
	if m.current != r && !m.still(from) {
		return m.say(r.title() + " is ready: Ctrl+K")
	}
	return m.open(r)
}

// lookAt tells the session which room is on the screen; nothing depends on it.
func (m *Model) lookAt(id bus.RoomID) tea.Cmd {
	return m.call(func(ctx context.Context) then {
		_ = m.o.Session.Look(ctx, id)
		return func(*Model) tea.Cmd { return nil }
	})
}

// leaveRoom keeps what belongs to the room that goes off the screen.
func (m *Model) leaveRoom() {
	m.about = about{}
	r := m.current
	if (r == nil || r.dead) && m.box.Do(composer.KillAll) {
		m.say("what you wrote there was not sent: Ctrl+Y puts it into the box")
	}
	if r != nil {
		r.draft, r.aside, r.asked = m.draft(), "", false
		r.list.Unselect()
		r.wanted = nil
		r.list.MarkNew(0)
		r.Read = max(r.Read, r.marked)
		r.lighten()
	}
}

// lighten forgets most of a room that goes off the screen where that is much. Where it
// is not at its end it is read again from where the window was.
func (r *room) lighten() {
	switch {
	case r.list.Weight() <= maxAway:
	case r.list.Following():
		r.older = r.list.Trim(maxAway) || r.older
	default:
		r.begin(r.list.Anchor())
	}
}

// enterInvited takes up the invitation on the screen.
func (m *Model) enterInvited(r *room) tea.Cmd {
	id := r.ID
	return m.call(func(ctx context.Context) then {
		err := m.o.Session.Open(ctx, id)
		return func(m *Model) tea.Cmd {
			if err != nil {
				return m.fail("open "+string(r.title()), err)
			}
			r.Invited = false
			m.sort()
			return m.loadMembers(r)
		}
	})
}

func (m *Model) stepRoom(n int) tea.Cmd {
	if len(m.order) == 0 {
		return nil
	}
	i := slices.Index(m.order, m.current) + n
	return m.open(m.order[(i+len(m.order))%len(m.order)])
}

// numberedRoom opens the room whose number was pressed with Alt.
func (m *Model) numberedRoom() tea.Cmd {
	n := int(strings.TrimPrefix(m.numbered, "alt+")[0] - '1')
	if n >= len(m.order) {
		return nil
	}
	return m.open(m.order[n])
}

// nextImportant opens the room that most needs looking at, the next one of
// equal ones.
func (m *Model) nextImportant() tea.Cmd {
	var best *room
	at := slices.Index(m.order, m.current)
	for i := range m.order {
		r := m.order[(at+1+i)%len(m.order)]
		if r != m.current && r.weight() > 0 && (best == nil || r.weight() > best.weight()) {
			best = r
		}
	}
	if best == nil {
		return m.say("nothing is unread")
	}
	return m.open(best)
}

// direct opens the room of two with somebody, and makes it where there is none.
func (m *Model) direct(who bus.Handle) tea.Cmd {
	for _, r := range m.order {
		if r.With == who && r.Gone == "" {
			return m.open(r)
		}
	}
	from := m.where()
	return m.call(func(ctx context.Context) then {
		id, err := m.o.Session.Direct(ctx, who)
		return func(m *Model) tea.Cmd {
			if err != nil {
				return m.fail("open @"+string(text.Line(string(who))), err)
			}
			r := m.info(Room{ID: id, With: who, Role: bus.RoleOwner, Members: 2})
			m.sort()
			return m.arrive(from, r)
		}
	})
}

// find returns the room that a person's words name: "#ops", "ops", "@bob".
func (m *Model) find(name string) *room {
	for _, r := range m.order {
		if title := string(r.title()); title == name || title[1:] == name {
			return r
		}
	}
	return nil
}

func (m *Model) toggleSide() tea.Cmd {
	m.hideSide = !m.hideSide
	return nil
}

func (m *Model) toggleBare() tea.Cmd {
	m.bare = !m.bare
	if m.bare {
		m.say("messages alone: Shift+drag selects, Alt+L brings all back")
		m.while(func(m *Model) bool { return m.bare })
	}
	return nil
}

// The window.

func (m *Model) page(n int) tea.Cmd {
	if m.current != nil {
		m.current.list.Page(n)
	}
	return nil
}

func (m *Model) top() tea.Cmd {
	if m.current != nil {
		m.current.list.Top()
	}
	return nil
}

// bottom goes to the newest message, which may have to be loaded.
func (m *Model) bottom() tea.Cmd {
	if m.current == nil {
		return nil
	}
	m.endSelection()
	if m.current.newer {
		return m.reread(m.current, 0)
	}
	m.current.list.Bottom()
	return nil
}

// jumpTo selects a message of a room, in the middle of the window.
func (m *Model) jumpTo(r *room, msg *bus.Message) tea.Cmd {
	cmd := m.open(r)
	target := bus.RecordRef{Frame: msg.Hash.Prefix(), Number: msg.Number}
	if r.target = target; r.aim() {
		return cmd
	}
	read := m.reread(r, msg.Seq)
	r.target = target
	return tea.Batch(cmd, read)
}

// aim selects the message that was jumped to, if it is here. Until what follows it is
// here too it stays the target: only then it has a place in the middle.
func (r *room) aim() bool {
	e := r.list.Find(r.target)
	if e == nil {
		return false
	}
	r.list.Center(e)
	if !r.newer || r.list.Below() > 1 {
		r.target = bus.RecordRef{}
	}
	return true
}
