package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/text"
	"unibus/tui/overlay"
)

// openHelp shows every key and every command, from the key map and the table of
// commands themselves.
func (m *Model) openHelp() tea.Cmd {
	return m.pick("Help: type to find", "Esc closes", m.helpItems(), func(m *Model, item overlay.Item) tea.Cmd {
		return m.read("Help", item.Label)
	})
}

func (m *Model) helpItems() (items []overlay.Item) {
	last := ""
	for _, h := range Helps() {
		if h.Section != last {
			items = append(items, overlay.Item{Label: text.Safe(strings.ToUpper(h.Section)), Head: true})
			last = h.Section
		}
		for _, what := range h.columns() {
			items = append(items, overlay.Item{Label: text.Safe(fmt.Sprintf("%-*s  %s", helpColumn, what, h.Does))})
		}
	}
	return items
}

// helpColumn is how wide the left column of the help is.
const helpColumn = 17

// columns are what of a line stands in the left column: keys that do not fit beside each
// other have a line each, and all of them are found by what they do.
func (h Help) columns() (lines []string) {
	if len(h.What) <= helpColumn || !strings.Contains(h.What, ", ") {
		return []string{h.What}
	}
	for _, key := range strings.Split(h.What, ", ") {
		last := len(lines) - 1
		if last >= 0 && len(lines[last]+", "+key) <= helpColumn {
			lines[last] += ", " + key
		} else {
			lines = append(lines, key)
		}
	}
	return lines
}

// Help is one line of the help.
type Help struct {
	Section string
	What    string // keys, a command with its arguments, or a mark
	Does    string
}

// Helps are all lines of the help, by section: every key, command and mark.
func Helps() (all []Help) {
	for _, b := range bindings() {
		all = append(all, Help{b.in.String(), keyLabels(b.keys), b.help})
	}
	for _, c := range commands() {
		all = append(all, Help{"Commands", "/" + c.usage(), c.help})
	}
	for _, mark := range marks() {
		all = append(all, Help{"Marks", mark[0], mark[1]})
	}
	return all
}

// marks are the characters that say what a colour says too.
func marks() [][2]string {
	return [][2]string{
		{"?", "sender not compared yet: v does"},
		{"!", "key changed, or forged: hidden"},
		{"..", "queued until the bus is there"},
		{"x", "not sent: Up, Enter sends it again"},
		{"*", "said by the screen, not by the sender"},
		{">", "the room or message that keys act on"},
		{"@2 12", "12 unread messages, 2 of them call you"},
		{"(m)", "muted: /notify mentions brings it back"},
		{"o * ~ X", "connecting, online, reconnecting, over"},
	}
}
