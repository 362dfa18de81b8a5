package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/text"
	"unibus/tui/cells"
	"unibus/tui/layout"
	"unibus/tui/overlay"
	"unibus/tui/roomlist"
)

// View is the whole screen.
func (m *Model) View() tea.View {
	rows, cursor := m.frame()
	v := tea.NewView(strings.Join(rows, "\n"))
	v.AltScreen, v.ReportFocus, v.Cursor = true, true, cursor
	v.WindowTitle = string(m.windowTitle())
	if m.o.Mouse && !m.bare {
		v.MouseMode = tea.MouseModeCellMotion
	}
	return v
}

// windowTitle names the room, and how many messages call the person.
func (m *Model) windowTitle() text.Safe {
	if m.current == nil {
		return "unibus"
	}
	calls := 0
	for _, r := range m.order {
		calls += r.Mentions
	}
	title := m.current.title() + " - unibus"
	if calls > 0 {
		title = "(" + text.Safe(count(uint64(calls))) + ") " + title
	}
	return title
}

// layout is where everything stands now.
func (m *Model) layout() layout.Layout {
	shown := layout.Shown{Side: !m.hideSide, Members: !m.hideMembers && m.current != nil, Bare: m.bare, Note: m.about.kind != "", Box: 1}
	l := layout.Of(m.width, m.height, shown)
	if rows := m.box.Rows(m.cells, l.Box.W); rows > 1 && !l.TooSmall {
		shown.Box = min(rows, 6)
		l = layout.Of(m.width, m.height, shown)
	}
	return l
}

// wide reports whether there is place for the members at the right.
func (m *Model) wide() bool { return m.width >= layout.WideFrom && !m.bare }

// arrange tells the timeline its window.
func (m *Model) arrange() {
	if l := m.layout(); m.current != nil && !l.TooSmall {
		m.current.list.Size(l.Timeline.W, l.Timeline.H)
	}
}

// frame draws every row, and says where the cursor is.
func (m *Model) frame() ([]string, *tea.Cursor) {
	l := m.layout()
	if l.TooSmall {
		return m.tooSmall(), nil
	}
	main, cursor := m.main(l)
	side, members := m.side(l.Side), m.memberRows(l.Members)
	rows := make([]string, 0, m.height)
	rows = append(rows, m.titleBar(l.Title.W))
	rule := m.theme.Dim.On("|")
	for y := range l.Main.H {
		row := main[y]
		if side != nil {
			row = side[y] + rule + row
		}
		if members != nil {
			row += rule + members[y]
		}
		rows = append(rows, row)
	}
	return append(rows, m.statusBar(l.Status.W)), cursor
}

func (m *Model) tooSmall() []string {
	rows := make([]string, max(m.height, 0))
	for i := range rows {
		rows[i] = cells.Blank(m.width)
	}
	if len(rows) > 0 {
		words := "too small"
		for _, longer := range []string{"too small: 40x12 needed", "terminal too small: 40x12 needed"} {
			if m.cells.Width(longer) <= m.width {
				words = longer
			}
		}
		rows[0] = m.cells.Fit(words, m.width)
	}
	return rows
}

// main draws everything between the side bar and the members.
func (m *Model) main(l layout.Layout) ([]string, *tea.Cursor) {
	var rows []string
	if m.current == nil || m.current.Invited || (m.current.loaded || m.current.dead) && m.current.list.Len() == 0 {
		rows = m.welcome(l)
	} else {
		m.current.list.Size(l.Timeline.W, l.Timeline.H)
		rows = append(rows, m.current.list.View()...)
	}
	m.overToast(rows, l.Timeline.W)
	rows = append(rows, m.ruleAbove(l.Rule.W))
	if !l.Note.Empty() {
		rows = append(rows, m.noteRow(l.Note.W))
	}
	box, x, y := m.boxRows(l)
	rows = append(rows, box...)
	cursor := tea.NewCursor(l.Box.X+x, l.Box.Y+y)
	if p := m.panel(); p != nil {
		return m.over(rows, p, l, cursor)
	}
	if m.selecting() || !m.writable() && m.box.Empty() {
		cursor = nil
	}
	return rows, cursor
}

// over puts a panel over the lower rows.
func (m *Model) over(rows []string, p *panel, l layout.Layout, cursor *tea.Cursor) ([]string, *tea.Cursor) {
	place := overlay.Place{Cells: m.cells, Theme: m.theme, Width: l.Main.W, Height: l.Main.H}
	var drawn overlay.Panel
	if p.picker != nil {
		drawn = p.picker.View(place)
	} else {
		drawn = p.page.View(place)
	}
	top := len(rows) - len(drawn.Rows)
	copy(rows[top:], drawn.Rows)
	if drawn.X < 0 {
		return rows, nil
	}
	cursor.X, cursor.Y = l.Main.X+drawn.X, l.Main.Y+top+drawn.Y
	return rows, cursor
}

// ruleAbove stands between the messages and the box: it says what is below.
func (m *Model) ruleAbove(width int) string {
	words := ""
	if r := m.current; r != nil {
		switch n := r.list.Below(); {
		case r.newer:
			words = "older messages: Ctrl+End goes to the newest"
		case n > 0:
			words = count(uint64(n)) + " below: Ctrl+End"
		}
		if m.selecting() {
			hints := []string{"r reply", "e edit", "+ react", "d delete", "y copy", "o save", "v verify", "i info"}
			if m.transfers[m.chosen().ID] != nil {
				hints = append([]string{"x stop"}, hints...)
			}
			words = m.joined(hints, "  ", width-6)
		}
	}
	return m.theme.Dim.On(m.cells.Rule(words, "-", width))
}

func (m *Model) noteRow(width int) string {
	hint := " Esc: cancel"
	if width < 40 {
		hint = " Esc"
	}
	note := m.cells.Fit(string(m.about.note), width-len(hint))
	return m.theme.Accent.On(note) + m.theme.Dim.On(hint)
}

// writable reports whether the box is open.
func (m *Model) writable() bool {
	return m.current != nil && m.current.readOnly() == "" && m.conn.State != Revoked && m.conn.State != Ended
}

// boxRows draws the box, or why there is none.
func (m *Model) boxRows(l layout.Layout) (rows []string, x, y int) {
	if m.current != nil && !m.writable() && m.box.Empty() {
		why := m.current.readOnly()
		if m.conn.State == Revoked {
			why = m.revokedWords() + ": read-only"
		} else if m.conn.State == Ended && why == "" {
			why = "this session is over: read-only"
		}
		mark := "X "
		if m.current.Invited {
			mark = "+ "
		}
		rows = append(rows, m.theme.Warn.On(m.cells.Fit(mark+string(why), l.Box.W)))
		for len(rows) < l.Box.H {
			rows = append(rows, cells.Blank(l.Box.W))
		}
		return rows, 0, 0
	}
	hint := ""
	if m.current != nil {
		hint = "write to " + string(m.current.title())
	}
	return m.box.View(m.cells, m.theme, l.Box.W, l.Box.H, hint)
}

// items are the lines of the side bar.
func (m *Model) items() []roomlist.Item {
	items := make([]roomlist.Item, len(m.order))
	for i, r := range m.order {
		items[i] = r.item(r == m.current)
	}
	return items
}

func (m *Model) side(at layout.Rect) []string {
	if at.Empty() {
		return nil
	}
	return roomlist.Render(m.items(), m.cells, m.theme, at.W, at.H)
}

// memberRows draws who is in the room, and what the marks mean.
func (m *Model) memberRows(at layout.Rect) []string {
	if at.Empty() {
		return nil
	}
	rows := []string{m.theme.Dim.On(m.cells.Fit(" MEMBERS "+count(uint64(len(m.current.members))), at.W))}
	room := at.H - 5
	for i, member := range m.current.members {
		if i == room-1 && len(m.current.members) > room {
			rows = append(rows, m.theme.Dim.On(m.cells.Fit(" ... "+count(uint64(len(m.current.members)-i))+" more: /members", at.W)))
			break
		}
		rows = append(rows, m.memberRow(member, at.W))
	}
	for len(rows) < at.H-3 {
		rows = append(rows, cells.Blank(at.W))
	}
	for _, words := range []string{" = verified, or you", " ? not verified", " ! key changed"} {
		rows = append(rows, m.theme.Dim.On(m.cells.Fit(words, at.W)))
	}
	return rows[:at.H]
}

func (m *Model) memberRow(member Member, width int) string {
	mark := memberMark(member, m.self)
	style := m.theme.Good
	switch mark {
	case "?":
		style = m.theme.Warn
	case "!":
		style = m.theme.Bad
	}
	name, detail := string(line(member.User)), ""
	if member.User == m.self {
		name = "you"
	}
	if member.Role != 0 && member.Role.String() != "member" || member.Invited {
		detail = " " + string(memberDetail(member))
	}
	return " " + style.On(mark) + " " + m.cells.Fit(name, width-3-len(detail)) + m.theme.Dim.On(detail)
}

// welcome is what is shown where there are no messages.
func (m *Model) welcome(l layout.Layout) []string {
	lines := m.cells.Wrap(m.welcomeWords(), l.Timeline.W-4)
	rows := make([]string, l.Timeline.H)
	for i := range rows {
		rows[i] = cells.Blank(l.Timeline.W)
		if at := i - max((l.Timeline.H-len(lines))/2, 0); at >= 0 && at < len(lines) {
			rows[i] = m.cells.Fit("  "+lines[at], l.Timeline.W)
		}
	}
	return rows
}

func (m *Model) welcomeWords() string {
	switch r := m.current; {
	case m.conn.State == Ended && m.conn.Err != nil && !m.resumed:
		return string(errorLine(m.conn.Err))
	case !m.resumed:
		return "reading what is kept here ..."
	case r == nil && (m.conn.State == Connecting || m.conn.State == Reconnecting):
		return "Your rooms come as soon as the bus is there."
	case r == nil:
		return "There is no room yet.\n\n/create NAME makes one, Ctrl+K finds people to write to, F1 shows every key.\n\nRooms that others add you to appear by themselves."
	case r.Invited:
		return string(line(r.By)) + " added you to " + string(r.title()) + ".\n\nEnter opens it, /leave declines."
	case r.dead:
		return "This room is gone."
	case r.broken && r.Gone != "":
		return "Nothing of this room is on this device."
	case r.broken:
		return "The messages cannot be loaded now; that is tried again as soon as the bus is there."
	}
	return "No messages yet."
}
