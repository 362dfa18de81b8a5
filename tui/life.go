package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"
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
				m.inRoomOf(nil, func(m *Model) tea.Cmd { return m.fail("remember", err) })
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
	m.inOrder(func(ctx context.Context) then {
		_ = mark(ctx) // else it is unread again
		return func(*Model) tea.Cmd { return nil }
	})
	return m.keepThen(tea.Quit)
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
