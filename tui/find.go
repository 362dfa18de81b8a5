package tui

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
	"unibus/internal/text"
	"unibus/tui/overlay"
)

const (
	// findAfter is how long a person stops typing before it is searched.
	findAfter = 100 * time.Millisecond
	findMost  = 100

	// leastLetters is how much of a word finds it; of less there must be no more.
	leastLetters = 3
	shortWords   = "3 letters at least, or a whole word"
	nothingFound = "nothing found on this device"
)

// openFind finds in the room on the screen.
func (m *Model) openFind() tea.Cmd {
	if m.current == nil {
		return nil
	}
	return m.searchPanel("Find in "+m.current.title(), m.current.ID, "")
}

// searchPanel is a list of what is found while one types.
func (m *Model) searchPanel(title text.Safe, where bus.RoomID, words string) tea.Cmd {
	p := &panel{picker: overlay.NewPicker(title, "Enter shows it  Esc", nil), take: (*Model).showFound}
	p.picker.Found, p.picker.Empty = true, "type at least 3 letters of a word"
	p.typed = func(m *Model, words string) tea.Cmd {
		return m.later(findAfter, then(func(m *Model) tea.Cmd { return m.search(p, where, words) }))
	}
	m.push(p)
	if words == "" {
		return nil
	}
	p.picker.Type(words)
	return m.search(p, where, words)
}

// search looks for words, unless the person typed on meanwhile.
func (m *Model) search(p *panel, where bus.RoomID, words string) tea.Cmd {
	if words != strings.TrimSpace(string(p.picker.Query)) || words == "" {
		return nil
	}
	return m.call(func(ctx context.Context) then {
		found, err := m.o.Session.Search(ctx, Query{Room: where, Words: words, Limit: findMost})
		return func(m *Model) tea.Cmd {
			if words != strings.TrimSpace(string(p.picker.Query)) {
				return nil
			}
			if err != nil {
				if m.panel() == p {
					m.closePanel() // in lines it would take what is typed next
				}
				return m.fail("search", err)
			}
			p.searched, p.picker.Empty = true, nothingFound
			if hasShort(words) {
				p.picker.Empty = shortWords
			}
			p.picker.Set(m.hits(found, where == bus.RoomID{}))
			return nil
		}
	})
}

// hasShort reports whether a word is too short to be found by its beginning. Of scripts
// that put no spaces between words any piece is found.
func hasShort(words string) bool {
	return slices.ContainsFunc(strings.Fields(words), func(w string) bool {
		spaceless := strings.ContainsFunc(w, func(r rune) bool { return r >= 0x0e00 })
		return !spaceless && utf8.RuneCountInString(w) < leastLetters
	})
}

func (m *Model) hits(found []bus.Message, named bool) (items []overlay.Item) {
	for _, msg := range found {
		label := m.called(msg.From) + "  " + excerpt(&msg)
		detail := msg.Time.In(m.o.Zone).Format("2 Jan 15:04")
		if r := m.rooms[msg.Room]; named && r != nil {
			detail = string(r.title()) + " " + detail
		}
		items = append(items, overlay.Item{Label: label, Detail: text.Safe(detail), Value: msg})
	}
	return items
}

// excerpt is a line of a message; of one that is hidden there is none.
func excerpt(msg *bus.Message) text.Safe {
	switch {
	case msg.Trust.Hidden():
		return "[hidden: its key changed or was rejected]"
	case msg.File != nil:
		return "[file] " + text.Line(msg.File.Name)
	}
	return text.Line(clip(msg.Text, 200))
}

func (m *Model) showFound(item overlay.Item) tea.Cmd {
	msg := item.Value.(bus.Message)
	if r := m.rooms[msg.Room]; r != nil {
		return m.jumpTo(r, &msg)
	}
	return m.say("you are not in that room any more")
}
