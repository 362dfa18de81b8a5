package tui

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"unibus/tui/composer"
	"unibus/tui/editor"
	"unibus/tui/roomlist"
)

// keep remembers what the next start begins with.
func (m *Model) keep() tea.Cmd { return m.keepThen(nil) }

// keepThen keeps it and then goes on, kept or not.
func (m *Model) keepThen(next tea.Cmd) tea.Cmd {
	mem := m.memory()
	return m.inOrder(func(ctx context.Context) then {
		err := m.o.Session.Keep(ctx, mem)
		return func(m *Model) tea.Cmd {
			if err != nil {
				m.fail("remember", err)
			}
			m.kept = err == nil && next != nil
			return next
		}
	})
}

// keepTime bounds how long the end of a program waits for what it keeps.
const keepTime = 3 * time.Second

// keepLast keeps it after the program has ended otherwise than by quit.
func (m *Model) keepLast(ctx context.Context) error {
	if m.kept || !m.resumed {
		return nil
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), keepTime)
	defer stop()
	for _, f := range m.lane.waiting { // what was written is not lost
		f(ctx)
	}
	_ = m.markLast()(ctx) // else it is unread again
	return m.o.Session.Keep(ctx, m.memory())
}

// quit ends the program once what was written is in the outbox and what is to
// be kept is kept; asked for again, at once.
func (m *Model) quit() tea.Cmd {
	if !m.resumed || m.leaving {
		return tea.Quit
	}
	m.leaving = true
	mark := m.markLast()
	marked := m.inOrder(func(ctx context.Context) then {
		_ = mark(ctx) // else it is unread again
		return func(*Model) tea.Cmd { return nil }
	})
	return tea.Batch(marked, m.keepThen(tea.Quit))
}

// interrupt clears the box; in an empty one the second time ends the program.
func (m *Model) interrupt() tea.Cmd {
	switch {
	case m.selecting():
		return m.endSelection()
	case !m.box.Empty():
		m.box.Clear()
		m.about = about{}
		return m.say("cleared")
	case m.quitting:
		return m.quit()
	}
	m.quitting = true
	return m.say("Ctrl+C again quits")
}

// up goes up a line; at the top of an empty box it selects a message.
func (m *Model) up() tea.Cmd {
	if m.box.Empty() {
		return m.beginSelection()
	}
	return op(composer.Up)(m)
}

func (m *Model) end() tea.Cmd {
	if m.box.Empty() {
		return m.bottom()
	}
	return op(composer.LineEnd)(m)
}

func (m *Model) question() tea.Cmd {
	if m.box.Empty() {
		return m.openHelp()
	}
	return m.insert("?")
}

// edit opens the draft in the person's editor, which has the terminal until it
// ends.
func (m *Model) edit() tea.Cmd {
	if len(m.o.Editor) == 0 {
		return m.say("no editor: set EDITOR")
	}
	e := editor.New(m.o.Editor, m.o.Temp, m.box.Text())
	return m.exec(e, func(err error) tea.Msg {
		return then(func(m *Model) tea.Cmd {
			if err != nil {
				return m.fail("editor", err)
			}
			m.box.Set("")
			return m.insert(strings.TrimRight(e.Text(), "\n"))
		})
	})
}

// click opens what was clicked on in the side bar.
func (m *Model) click(c tea.MouseClickMsg) tea.Cmd {
	l := m.layout()
	if c.Button != tea.MouseLeft || m.panel() != nil || l.Side.Empty() || c.X >= l.Side.W {
		return nil
	}
	if i, ok := roomlist.At(m.items(), l.Side.H, c.Y-l.Side.Y); ok {
		return m.open(m.order[i])
	}
	return nil
}

// wheelLines is how far the wheel scrolls.
const wheelLines = 3

func (m *Model) wheel(w tea.MouseWheelMsg) tea.Cmd {
	n := wheelLines
	if w.Button == tea.MouseWheelUp {
		n = -wheelLines
	}
	switch {
	case m.panel() != nil:
		return m.panelMove(n)
	case m.current != nil:
		m.current.list.Scroll(n)
	}
	return nil
}
