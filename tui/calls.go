package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
	"unibus/internal/text"
)

// then is what a command found out; it is done in Update.
type then func(*Model) tea.Cmd

// call runs f off the screen and what it returns in Update.
func (m *Model) call(f func(ctx context.Context) then) tea.Cmd {
	ctx, from := m.ctx, m.current
	m.busy++
	return func() tea.Msg {
		done := f(ctx)
		return then(func(m *Model) tea.Cmd {
			m.busy--
			return m.inRoomOf(from, done)
		})
	}
}

// inRoomOf takes an answer that belongs to a room.
func (m *Model) inRoomOf(r *room, done then) tea.Cmd {
	before := m.from
	m.from = r
	defer func() { m.from = before }()
	return done(m)
}

// lane is calls of which each waits for the one before: what was written first
// is sent first, and what was kept last counts.
type lane struct {
	waiting []func(ctx context.Context) then
	running bool
}

// inOrder is call behind all that was asked for in order before. Update begins it:
// nobody who asks can lose it. The command is nil.
func (m *Model) inOrder(f func(ctx context.Context) then) tea.Cmd {
	from := m.current
	m.lane.waiting = append(m.lane.waiting, func(ctx context.Context) then {
		done := f(ctx)
		return func(m *Model) tea.Cmd { return m.inRoomOf(from, done) }
	})
	return nil
}

// nextInOrder begins what waits longest, once what was before it is over.
func (m *Model) nextInOrder() tea.Cmd {
	if m.lane.running || len(m.lane.waiting) == 0 {
		return nil
	}
	f := m.lane.waiting[0]
	m.lane.waiting, m.lane.running = m.lane.waiting[1:], true
	return m.call(func(ctx context.Context) then {
		done := f(ctx)
		return func(m *Model) tea.Cmd {
			m.lane.running = false
			return done(m)
		}
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
			m.well(what)
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
	away  bool              // no node answered: being online again takes it away
	what  string            // went wrong: its success takes the notice away
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

// fail shows what went wrong, and in which room where another one is on the screen.
func (m *Model) fail(what string, err error) tea.Cmd {
	if m.ctx.Err() != nil {
		return nil
	}
	words := text.Safe(what) + ": " + errorLine(err)
	if r := m.from; r != nil && r != m.current {
		words = r.title() + ": " + words
	}
	m.warn(words)
	m.toast.what = what
	m.toast.away = bus.KindOf(err) == bus.Unavailable
	return nil
}

// well takes away what was said of something that went wrong and went well now.
func (m *Model) well(what string) {
	if m.toast.what == what {
		m.unsay()
	}
}

func (m *Model) notice(words text.Safe, span time.Duration, grave bool) {
	m.toast = toast{words: words, until: m.o.Now().Add(span), grave: grave, count: m.toast.count + 1}
}

// while takes the notice away when it is not true any more.
func (m *Model) while(holds func(*Model) bool) { m.toast.holds = holds }

// unsay takes the notice away.
func (m *Model) unsay() { m.toast = toast{count: m.toast.count} }
