package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"unibus/tui/composer"
	"unibus/tui/editor"
)

// Keys of the box that mean something else while it is empty, and the editor that
// takes its place.

// up goes up a line; at the top of an empty box it selects a message.
func (m *Model) up() tea.Cmd {
	if m.box.Empty() {
		return m.beginSelection()
	}
	return op(composer.Up)(m)
}

// end goes to the end of the line; in an empty box to the newest message.
func (m *Model) end() tea.Cmd {
	if m.box.Empty() {
		return m.bottom()
	}
	return op(composer.LineEnd)(m)
}

// questionMark asks for the help in an empty box, where nobody begins with it.
func (m *Model) questionMark() tea.Cmd {
	if m.box.Empty() {
		return m.openHelp()
	}
	return m.insert("?")
}

// openEditor opens the draft in the person's editor, which has the terminal until it
// ends.
func (m *Model) openEditor() tea.Cmd {
	if len(m.o.Editor) == 0 {
		return m.say("no editor: set EDITOR")
	}
	r := m.current
	e := editor.New(m.o.Editor, m.o.Temp, m.box.Text())
	return m.exec(e, func(err error) tea.Msg {
		return then(func(m *Model) tea.Cmd {
			if err != nil {
				return m.fail("editor", err)
			}
			words := strings.TrimRight(e.Text(), "\n")
			if r != nil && r != m.current {
				r.draft = words
				return m.say("what you wrote is in the box of " + r.title())
			}
			m.box.Set("")
			return m.insert(words)
		})
	})
}
