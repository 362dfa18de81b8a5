package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
	"unibus/internal/text"
	"unibus/tui/composer"
)

// complete offers what goes on with the word before the cursor.
func (m *Model) complete() tea.Cmd {
	if typed, from, ok := m.pathTyped(); ok && !m.box.Offering() {
		return m.completePath(typed, from)
	}
	m.offered = m.box.Complete(m.completions)
	return nil
}

// ahead is what is typed while a path is completed, which takes a disk its time. It
// is done behind that, as shells do: Enter after Tab takes the whole path.
type ahead struct {
	waits bool
	typed []tea.Msg
}

// maxAhead bounds what is typed to a disk that does not answer.
const maxAhead = 100

// heldBack reports whether a key, or what was pasted, is kept for later. Who has
// waited for long enough is let go by Esc.
func (m *Model) heldBack(msg tea.Msg) bool {
	if k, is := msg.(tea.KeyPressMsg); is && (keyName(k) == "esc" || keyName(k) == "ctrl+c") {
		m.ahead = ahead{}
	}
	if m.ahead.waits && len(m.ahead.typed) < maxAhead {
		m.ahead.typed = append(m.ahead.typed, msg)
	}
	return m.ahead.waits
}

// goOn does what was kept for later.
func (m *Model) goOn() tea.Cmd {
	typed := m.ahead.typed
	m.ahead = ahead{}
	var cmds []tea.Cmd
	for _, msg := range typed {
		cmds = append(cmds, m.handle(msg))
	}
	return tea.Batch(cmds...)
}

// completions are the names, rooms, commands and characters that begin with a
// token.
func (m *Model) completions(token string) (out []string) {
	switch {
	case strings.HasPrefix(token, ":") && len(token) > 1:
		return composer.Emoji(token)
	case strings.HasPrefix(token, "#"):
		for _, r := range m.order {
			out = append(out, string(r.title()))
		}
	case strings.HasPrefix(token, "/"):
		for _, c := range commands() {
			out = append(out, "/"+c.name)
		}
	case strings.HasPrefix(token, "@") || strings.HasPrefix(m.box.Text(), "/"):
		return m.names(token)
	}
	return composer.Beginning(token, out)
}

// names are the people whose names begin with a token: those of this room
// first.
func (m *Model) names(token string) (out []string) {
	sign := token[:len(token)-len(strings.TrimPrefix(token, "@"))]
	add := func(who bus.Handle) {
		if name := sign + string(text.Line(string(who))); who != m.self && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	if m.current != nil {
		for _, member := range m.current.members {
			add(member.User)
		}
	}
	for _, who := range m.people {
		add(who)
	}
	return composer.Beginning(token, out)
}
