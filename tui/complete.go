package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
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
		if name := sign + string(line(who)); who != m.self && !slices.Contains(out, name) {
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
