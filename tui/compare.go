package tui

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
	"unibus/internal/text"
	"unibus/tui/overlay"
)

// verify shows the number to compare and keeps what was found.
func (m *Model) verify(who bus.Handle) tea.Cmd {
	return m.call(func(ctx context.Context) then {
		c, err := m.o.Session.Compare(ctx, who)
		return func(m *Model) tea.Cmd {
			if err != nil {
				return m.fail("verify "+string(line(who)), err)
			}
			return m.compare(c)
		}
	})
}

// compare asks whether the number is the same on the other side. A part of it as the
// answer would be a part that people compare, and five digits are found by trying:
// the answer is a word, or the whole number as the other side has it.
func (m *Model) compare(c Comparison) tea.Cmd {
	who := line(c.User)
	body := "Hold it against what the screen of " + who + " shows, in a call or face to face: all 12 groups.\n\n" + text.Safe(groups(c.Number)) +
		"\n\nsame: " + who + " is verified from then on. differ: what this key writes is hidden."
	p := &panel{page: &overlay.Page{Title: "Compare with " + who, Grave: c.Trust.Hidden()}}
	p.resized = func(m *Model) { p.page.Body = body + m.picture(c.QR, body) }
	p.resized(m)
	p.question = &question{hint: "type same or differ, Enter  Esc not now", spoke: "type same or differ; Enter leaves it open", kept: "nothing was decided about " + who,
		take: func(typed string) (func(*Model) tea.Cmd, text.Safe) {
			switch digits := onlyDigits(typed); {
			case typed == "same" || digits != "" && digits == onlyDigits(c.Number):
				return decided(c, true, who+" is verified"), ""
			case typed == "differ":
				return decided(c, false, who+" is hidden from now on"), ""
			case digits != "":
				return nil, "another number: look again, or differ"
			}
			return nil, "no answer: type same or differ"
		}}
	return m.inquire(p)
}

// onlyDigits is a number without its blanks; "" for what is none.
func onlyDigits(s string) string {
	s = strings.Join(strings.Fields(s), "")
	if strings.Trim(s, "0123456789") != "" {
		return ""
	}
	return s
}

// decided keeps what was found.
func decided(c Comparison, same bool, done text.Safe) func(*Model) tea.Cmd {
	return func(m *Model) tea.Cmd {
		return m.call(func(ctx context.Context) then {
			err := m.o.Session.Decide(ctx, c, same)
			return func(m *Model) tea.Cmd {
				if err != nil {
					return m.fail("verify", err)
				}
				return tea.Batch(m.judged(c, same), m.say(done))
			}
		})
	}
}

// picture is a code for a camera below a text, where all of it has place; else a word
// that it has none. In lines there is no window.
func (m *Model) picture(code string, above text.Safe) text.Safe {
	rows := strings.Split(strings.TrimSpace(code), "\n")
	l := m.layout()
	width, height := l.Main.W-3, l.Main.H-3
	switch {
	case code == "" || m.width == 0:
		return ""
	case m.cells.Width(rows[0]) > width || len(m.cells.Wrap(string(above), width))+1+len(rows) > height:
		return "\n\nThe code for a camera does not fit into this window: compare the number."
	}
	words := text.Clean(strings.Join(rows, "\n"))
	if m.theme.Name == "light" { // there blocks are dark
		words = text.Safe(strings.NewReplacer("█", " ", " ", "█", "▀", "▄", "▄", "▀").Replace(string(words)))
	}
	return "\n\n" + words
}

// judged shows what somebody wrote as it was decided now. What was hidden, or is
// from now on, is loaded anew.
func (m *Model) judged(c Comparison, same bool) tea.Cmd {
	for _, r := range m.rooms {
		if same && !c.Trust.Hidden() {
			r.list.Trust(text.Line(string(c.User)), bus.TrustVerified)
		} else {
			r.begin(r.list.Anchor())
		}
	}
	if m.current == nil {
		return nil
	}
	return m.loadMembers(m.current)
}

// groups puts a number of 12 groups into rows of four.
func groups(number string) string {
	var b strings.Builder
	for i, g := range strings.Fields(string(text.Line(number))) {
		switch {
		case i > 0 && i%4 == 0:
			b.WriteString("\n")
		case i > 0:
			b.WriteString("  ")
		}
		b.WriteString(g)
	}
	return b.String()
}
