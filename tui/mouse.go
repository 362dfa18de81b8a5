package tui

import (
	tea "charm.land/bubbletea/v2"

	"unibus/tui/roomlist"
)

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
