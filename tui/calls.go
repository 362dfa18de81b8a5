package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/text"
)

// then is what a command found out; it is done in Update.
type then func(*Model) tea.Cmd

// call runs f off the screen and what it returns in Update.
func (m *Model) call(f func(ctx context.Context) then) tea.Cmd {
	ctx := m.ctx
	m.busy++
	return func() tea.Msg {
		done := f(ctx)
		return then(func(m *Model) tea.Cmd {
			m.busy--
			return done(m)
		})
	}
}

// lane is calls of which each waits for the one before: what was written first
// is sent first, and what was kept last counts.
type lane struct {
	waiting []func(ctx context.Context) then
	running bool
}

// inOrder is call behind all that was asked for in order before.
func (m *Model) inOrder(f func(ctx context.Context) then) tea.Cmd {
	m.lane.waiting = append(m.lane.waiting, f)
	if m.lane.running {
		return nil
	}
	return m.nextInOrder()
}

func (m *Model) nextInOrder() tea.Cmd {
	if m.lane.running = len(m.lane.waiting) > 0; !m.lane.running {
		return nil
	}
	f := m.lane.waiting[0]
	m.lane.waiting = m.lane.waiting[1:]
	return m.call(func(ctx context.Context) then {
		done := f(ctx)
		return func(m *Model) tea.Cmd { return tea.Batch(done(m), m.nextInOrder()) }
	})
}

// try runs a call of the session that changes something, and says what came of
// it.
func (m *Model) try(what string, done text.Safe, f func(ctx context.Context) error) tea.Cmd {
	return m.call(func(ctx context.Context) then {
		err := f(ctx)
		return func(m *Model) tea.Cmd {
			if err != nil {
				return m.fail(what, err)
			}
			return m.say(done)
		}
	})
}

// toast is a short notice in the status line.
type toast struct {
	words text.Safe
	until time.Time
	grave bool
	holds func(*Model) bool // nil, or whether the words are still true
	count int               // of the notices so far
}

const toastTime = 6 * time.Second

// say shows a notice for a moment.
func (m *Model) say(words text.Safe) tea.Cmd {
	if words != "" {
		m.notice(words, toastTime, false)
	}
	return nil
}

// warn shows a grave one, for longer.
func (m *Model) warn(words text.Safe) { m.notice(words, 2*toastTime, true) }

// fail shows what went wrong.
func (m *Model) fail(what string, err error) tea.Cmd {
	if m.ctx.Err() == nil {
		m.warn(text.Safe(what) + ": " + errorLine(err))
	}
	return nil
}

func (m *Model) notice(words text.Safe, span time.Duration, grave bool) {
	m.toast = toast{words: words, until: m.o.Now().Add(span), grave: grave, count: m.toast.count + 1}
}

// while takes the notice away when it is not true any more.
func (m *Model) while(holds func(*Model) bool) { m.toast.holds = holds }

// unsay takes the notice away.
func (m *Model) unsay() { m.toast = toast{count: m.toast.count} }
