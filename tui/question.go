package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/text"
	"unibus/tui/overlay"
)

// readTime is how long a question stands there before an answer counts. What is typed
// before that was typed by somebody who has not read it, and the time begins anew:
// letters on their way to the box or to a message carry nothing out.
const readTime = 600 * time.Millisecond

// question is what a panel asks: a word and Enter answer it. A key alone would, when
// somebody types without looking.
type question struct {
	hint  string    // how it is answered, on the screen
	spoke string    // and in lines
	kept  text.Safe // what stays as it is without an answer
	// take is what an answer does; nil for what is none, and why.
	take  func(typed string) (do func(*Model) tea.Cmd, why text.Safe)
	open  bool // an answer counts
	again bool // something was typed before it did
	timed bool // it will count in a moment
}

// ask opens a question about the room on the screen, answered by yes or no.
func (m *Model) ask(title, body, kept text.Safe, yes func(*Model) tea.Cmd) tea.Cmd {
	page := &overlay.Page{Title: title, Body: body, Grave: true}
	return m.inquire(&panel{room: m.current, page: page, question: &question{hint: "type yes, Enter  Esc no", spoke: "type yes or no", kept: kept,
		take: func(typed string) (func(*Model) tea.Cmd, text.Safe) {
			switch typed {
			case "yes":
				return yes, ""
			case "no", "n":
				return func(m *Model) tea.Cmd { return m.say(kept) }, ""
			}
			return nil, "no answer: type yes or no"
		}}})
}

// inquire opens a question. It can be answered after a moment.
func (m *Model) inquire(p *panel) tea.Cmd {
	p.page.Asks = true
	p.unread()
	return m.push(p)
}

// unread has a question stand there as if it had just come.
func (p *panel) unread() {
	p.question.open, p.question.again = false, true
	p.page.Hint, p.page.Typed = "a moment, to read it", nil
	p.told, p.prompted = false, false
}

// ready has the answers to the uppermost question count once nothing was typed for a
// moment. Those that are covered are to be read anew: nobody sees which one is asked.
func (m *Model) ready() tea.Cmd {
	for _, p := range m.panels[:max(len(m.panels)-1, 0)] {
		if p.question != nil {
			p.unread()
		}
	}
	p := m.panel()
	if p == nil || p.question == nil || p.question.open || p.question.timed {
		return nil
	}
	q := p.question
	q.again, q.timed = false, true
	return m.later(readTime, then(func(m *Model) tea.Cmd {
		if q.timed = false; !q.again && m.panel() == p {
			q.open, p.page.Hint = true, q.hint
		}
		return nil
	}))
}

// counts reports whether what is typed now is for the question.
func (q *question) counts() bool {
	q.again = !q.open
	return q.open
}

// answer takes what was typed. What is no answer leaves the question there.
func (m *Model) answer(p *panel, typed string) tea.Cmd {
	if !p.question.counts() || typed == "" {
		return nil
	}
	p.page.Typed = nil
	do, why := p.question.take(typed)
	if do == nil {
		p.page.Hint = string(why)
		return nil
	}
	m.closePanel()
	return do(m)
}
