package tui

import (
	"context"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
	"unibus/internal/text"
)

// maxLogShown bounds how much of a room's log is on a page: a log has no end.
const maxLogShown = 500

// cmdLog shows who came into the room and who went, the newest first.
func cmdLog(m *Model, _ []string) tea.Cmd {
	r := m.current
	return roomPage(m, "log", m.o.Session.Log, func(changes []Change) tea.Cmd {
		var lines []string
		for _, c := range changes[:min(len(changes), maxLogShown)] {
			lines = append(lines, fmt.Sprintf("%s  %-10s key %d  by %s  %s", c.Time.In(m.o.Zone).Format("2006-01-02 15:04"),
				text.Line(c.What), c.Epoch, line(c.By), text.Line(c.Who)))
		}
		if n := len(changes) - maxLogShown; n > 0 {
			lines = append(lines, fmt.Sprintf("%d older ones are not shown", n))
		}
		return m.read("Log of "+r.title(), text.Safe(strings.Join(lines, "\n")))
	})
}

// checkRoom holds the node's story of the room against what is known here.
func (m *Model) checkRoom() tea.Cmd {
	switch {
	case m.current == nil:
		return m.say("there is no room on the screen")
	case m.current.dead:
		return m.say(m.current.readOnly())
	}
	r := m.current
	m.say("checking " + r.title() + " ...")
	return roomPage(m, "verify", m.o.Session.Check, func(found []Finding) tea.Cmd {
		words := text.Safe("All of it holds.")
		var lines []string
		for _, f := range found {
			mark := "ok  "
			if !f.OK {
				mark, words = "!!  ", "The node's story of this room does not hold. Tell an admin, and the others in it over another way."
			}
			lines = append(lines, mark+string(text.Line(f.Check))+"  "+string(text.Line(f.Detail)))
		}
		return m.read("Check of "+r.title(), words+"\n\n"+text.Safe(strings.Join(lines, "\n")))
	})
}

// roomPage asks something about the room on the screen and shows the answer.
func roomPage[T any](m *Model, what string, ask func(context.Context, bus.RoomID) ([]T, error), show func([]T) tea.Cmd) tea.Cmd {
	id := m.current.ID
	return m.call(func(ctx context.Context) then {
		answer, err := ask(ctx, id)
		return func(m *Model) tea.Cmd {
			if err != nil {
				return m.fail(what, err)
			}
			m.unsay()
			return show(answer)
		}
	})
}
