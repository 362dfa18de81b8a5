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
	p.page.Asks, p.page.Hint = true, "a moment, to read it"
	m.push(p)
	return m.ready(p)
}

// ready has answers count once nothing was typed for a moment.
func (m *Model) ready(p *panel) tea.Cmd {
	p.question.again = false
	return m.later(readTime, then(func(m *Model) tea.Cmd {
		if p.question.again {
			return m.ready(p)
		}
		p.question.open, p.page.Hint = true, p.question.hint
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
