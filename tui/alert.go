package tui

import (
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
	"unibus/internal/text"
)

// Alert is how a terminal calls the person. The bell rings in every case.
type Alert uint8

// The ways.
const (
	AlertBell   Alert = iota
	AlertOSC9         // a desktop notification as iTerm2, kitty, WezTerm and others show it
	AlertOSC777       // as rxvt, foot and VTE show it
	AlertNever
)

// alertPause is how long after a call there is no other one.
const alertPause = 3 * time.Second

// alarm collects what calls the person in one batch: one call tells of all.
type alarm struct {
	n     int
	words text.Safe
}

// ring adds a message if its room calls for such.
func (a *alarm) ring(r *room, msg *bus.Message, mention bool) {
	if level := r.level(); level == NotifyNone || level == NotifyMentions && !mention || msg.Trust.Hidden() {
		return
	}
	a.n++
	a.words = line(msg.From) + " in " + r.title() + ": " + excerpt(msg)
	if r.With != "" {
		a.words = line(msg.From) + ": " + excerpt(msg)
	}
}

// alert calls the person, not too often.
func (m *Model) alert(a alarm) tea.Cmd {
	now := m.o.Now()
	if a.n == 0 || m.o.Alert == AlertNever || now.Sub(m.alerted) < alertPause {
		return nil
	}
	m.alerted = now
	words := a.words
	if a.n > 1 {
		words = text.Safe(plural(a.n, "new message")) + "; " + words
	}
	return tea.Raw(alertSequence(m.o.Alert, words))
}

// alertSequence is what is written to the terminal. The words are cleaned, so
// that they end neither the sequence nor the field that they stand in.
func alertSequence(a Alert, words text.Safe) string {
	field := strings.ReplaceAll(string(words), ";", ",")
	switch a {
	case AlertOSC9:
		return "\x1b]9;" + field + "\x1b\\\a"
	case AlertOSC777:
		return "\x1b]777;notify;unibus;" + field + "\x1b\\\a"
	}
	return "\a"
}
