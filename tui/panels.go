package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
	"unibus/internal/text"
	"unibus/tui/overlay"
)

// openJump lists rooms, people and commands.
func (m *Model) openJump() tea.Cmd {
	items := m.places()
	for _, c := range commands() {
		items = append(items, overlay.Item{Label: text.Safe("/" + c.name), Detail: text.Safe(c.help), Value: c})
	}
	return m.pick("Jump to", "Enter goes there  Esc", items, (*Model).jump)
}

// openRooms lists rooms and people.
func (m *Model) openRooms() tea.Cmd {
	return m.pick("Rooms and people", "Enter goes there  Esc", m.places(), (*Model).jump)
}

// places are the rooms, the important first, and the people one has no room with.
func (m *Model) places() []overlay.Item {
	rooms := slices.Clone(m.order)
	slices.SortStableFunc(rooms, func(a, b *room) int { return cmp.Compare(b.weight(), a.weight()) })
	var items []overlay.Item
	for _, r := range rooms {
		items = append(items, overlay.Item{Label: r.title(), Detail: unreadWords(r), Value: r})
	}
	for _, who := range m.people {
		if who != m.self && !slices.ContainsFunc(m.order, func(r *room) bool { return r.With == who }) {
			items = append(items, overlay.Item{Label: "@" + text.Line(string(who)), Detail: "write to", Value: who})
		}
	}
	return items
}

func unreadWords(r *room) text.Safe {
	switch {
	case r.Invited:
		return "invited by " + line(r.By)
	case r.Mentions > 0:
		return text.Safe(fmt.Sprintf("%d unread, %d for you", r.Unread, r.Mentions))
	case r.Unread > 0:
		return text.Safe(fmt.Sprintf("%d unread", r.Unread))
	}
	return ""
}

func (m *Model) jump(item overlay.Item) tea.Cmd {
	switch v := item.Value.(type) {
	case *room:
		return m.open(v)
	case bus.Handle:
		return m.direct(v)
	case slash:
		if v.args == "" {
			return m.runCommand("/" + v.name)
		}
		if m.box.Empty() {
			m.box.Set("/" + v.name + " ")
		}
	}
	return nil
}

// openMessage shows a message whole, or sends again what failed.
func (m *Model) openMessage() tea.Cmd {
	e := m.chosen()
	if e.Pending() && e.Why != "" {
		m.endSelection()
		return m.retry(e)
	}
	if e.Fault != "" {
		return m.read("Why it is not shown", e.Fault+"\n\n"+text.Safe(faultHelp(string(e.Fault)))+text.Safe(m.facts(e.Seq, e.ID)))
	}
	if e.File != nil {
		return m.openInfo()
	}
	return m.read("From "+e.Name(), e.Text)
}

// openInfo shows what is known of a message.
func (m *Model) openInfo() tea.Cmd {
	e := m.chosen()
	from := e.Name()
	if e.Mine {
		from = line(m.self)
	}
	lines := []string{"from      " + string(from) + trustWords(e.Trust, e.Mine), "time      " + e.Time.In(m.o.Zone).Format(time.RFC1123)}
	if e.File != nil {
		size := bytesOf(e.File.Size)
		if e.File.Size >= 1024 {
			size += fmt.Sprintf(" (%d bytes)", e.File.Size)
		}
		lines = append(lines, "file      "+string(e.File.Name), "size      "+size)
	}
	for _, r := range e.Reactions {
		var by []string
		for _, b := range r.By {
			by = append(by, string(m.called(bus.Handle(b))))
		}
		lines = append(lines, "reaction  "+string(r.Text)+"  "+strings.Join(by, ", "))
	}
	if e.Edited {
		lines = append(lines, "edited by its author")
	}
	return m.read("Message", text.Safe(strings.Join(lines, "\n")+m.facts(e.Seq, e.ID)))
}

// facts are the ids that commands take.
func (m *Model) facts(seq uint64, id bus.RecordID) string {
	s := "\nroom      " + string(m.current.title()) + "  " + m.current.ID.String()
	if seq > 0 {
		s += fmt.Sprintf("\nmessage   %d", seq)
	}
	if id != (bus.RecordID{}) {
		s += "\nrecord    " + id.String()
	}
	return s
}

func trustWords(t bus.Trust, mine bool) string {
	switch {
	case mine:
		return " (you)"
	case t == bus.TrustVerified:
		return " (verified: you compared numbers)"
	case t == bus.TrustChanged:
		return " (! another key than before)"
	case t == bus.TrustRejected:
		return " (! you rejected this key)"
	}
	return " (? nobody compared numbers)"
}

// toggleMembers shows who is in the room: at the right where there is place,
// else as a list.
func (m *Model) toggleMembers() tea.Cmd {
	if m.current == nil {
		return nil
	}
	if m.wide() {
		m.hideMembers = !m.hideMembers
		return nil
	}
	return m.openMembers()
}

func (m *Model) openMembers() tea.Cmd {
	var items []overlay.Item
	for _, member := range m.current.members {
		items = append(items, overlay.Item{Label: text.Safe(memberMark(member, m.self) + " " + string(m.called(member.User))), Detail: memberDetail(member), Value: member.User})
	}
	return m.pickIn("Members of "+m.current.title(), "Enter compares numbers  Esc", items, func(m *Model, item overlay.Item) tea.Cmd {
		if who := item.Value.(bus.Handle); who != m.self {
			return m.verify(who)
		}
		return nil
	})
}

func memberMark(member Member, self bus.Handle) string {
	switch {
	case member.User == self || member.Trust == bus.TrustVerified:
		return "="
	case member.Trust.Hidden():
		return "!"
	}
	return "?"
}

func memberDetail(member Member) text.Safe {
	if member.Invited {
		return "invited"
	}
	return text.Safe(member.Role.String())
}
