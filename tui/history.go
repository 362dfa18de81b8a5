package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
)

// load reads what the window needs and what is not here: the page that it
// begins with, older messages near its top, newer ones at its end.
func (m *Model) load(r *room) tea.Cmd {
	if r.loading || r.Invited || r.dead {
		return nil
	}
	switch {
	case !r.loaded && r.anchor > 0:
		return m.loadPage(r, Span{Before: r.anchor + 1, Limit: pageSize}, true)
	case !r.loaded:
		return m.loadPage(r, Span{Limit: pageSize}, true)
	case r.newer && (r.behind || r.list.Below() < 2):
		_, highest := r.list.Span()
		return m.loadPage(r, Span{After: highest, Limit: pageSize}, false)
	case r.older && r.list.NearTop():
		lowest, _ := r.list.Span()
		return m.loadPage(r, Span{Before: lowest, Limit: pageSize}, true)
	}
	return nil
}

func (m *Model) loadPage(r *room, s Span, above bool) tea.Cmd {
	r.loading = true
	id, turn := r.ID, r.turn
	return m.call(func(ctx context.Context) then {
		page, err := m.o.Session.History(ctx, id, s)
		return func(m *Model) tea.Cmd {
			if turn != r.turn || r.dead {
				return nil
			}
			r.loading = false
			if err != nil {
				r.loaded, r.older, r.broken = true, false, true
				if m.conn.State != Online {
					return nil // the status line says why, and it is tried again
				}
				m.fail("load messages", err)
				m.while(func(*Model) bool { return r.broken })
				return nil
			}
			m.loadedPage(r, page, above)
			if r.target != (bus.RecordRef{}) && !r.aim() {
				r.target = bus.RecordRef{} // it is hidden, or was forgotten
			}
			return nil
		}
	})
}

// loadedPage puts a page where it belongs.
func (m *Model) loadedPage(r *room, p Page, above bool) {
	first := !r.loaded
	m.fold(r).page(p.Events, above)
	r.loaded = true
	if r.fresh > 0 {
		defer r.list.MarkNew(r.fresh)
	}
	if !above {
		r.newer = p.More || newest(p.Events) < r.Last && len(p.Events) > 0
		r.list.Open(r.newer)
		if r.behind && !r.newer {
			r.behind = false
			r.list.Bottom()
		}
		if r.list.Weight() > maxShown {
			r.older = r.list.Trim(maxShown) || r.older
		}
		return
	}
	r.older = p.More && len(p.Events) > 0
	if r.list.TrimBelow(maxShown) {
		r.newer = true
		r.list.Open(true)
	}
	if !first {
		return
	}
	if r.anchor > 0 {
		r.newer = r.anchor < r.Last
		r.list.Open(r.newer)
		r.list.Show(r.anchor)
		r.anchor = 0
	}
}

// newest is the highest sequence in a page.
func newest(events []bus.Event) (seq uint64) {
	for i := range events {
		if msg := events[i].Brings(); msg != nil {
			seq = max(seq, msg.Seq)
		}
		if u := events[i].Undecryptable; u != nil {
			seq = max(seq, u.Seq)
		}
	}
	return seq
}

// reread forgets what is loaded of a room and begins at a message, or at the
// newest one with 0.
func (m *Model) reread(r *room, seq uint64) tea.Cmd {
	r.begin(seq)
	return m.load(r)
}

// begin forgets all that is loaded.
func (r *room) begin(seq uint64) {
	r.list.Clear()
	r.turn++
	r.loading, r.loaded, r.broken, r.older, r.newer, r.behind, r.anchor, r.fill = false, false, false, false, false, false, seq, nil
	r.target = bus.RecordRef{}
}

// mend has what could not be loaded tried again.
func (m *Model) mend() {
	for _, r := range m.rooms {
		r.mend()
	}
}

func (r *room) mend() {
	switch {
	case !r.broken:
	case r.list.Len() == len(r.list.Held()):
		r.loaded, r.broken = false, false
	default:
		r.older, r.broken = true, false
	}
}

// loadMembers reads who is in a room.
func (m *Model) loadMembers(r *room) tea.Cmd {
	id := r.ID
	return m.call(func(ctx context.Context) then {
		members, err := m.o.Session.Members(ctx, id)
		return func(m *Model) tea.Cmd {
			if err == nil { // else what was known before stays
				r.members = members
				m.fold(r).settleAll()
			}
			return nil
		}
	})
}

// markEvery is how often a room is marked as seen at most.
const markEvery = time.Second

// seen marks what the person sees as read, after a moment.
func (m *Model) seen() tea.Cmd {
	r := m.current
	if !m.watching() || !r.loaded {
		return nil
	}
	r.Unread, r.Mentions, r.seen = 0, 0, r.Last
	if r.marking || !r.unmarked() {
		return nil
	}
	r.marking = true
	return m.later(markEvery, then(func(m *Model) tea.Cmd { return m.mark(r) }))
}

// unmarked reports whether something was seen that the session was not told of.
func (r *room) unmarked() bool { return r.seen > max(r.Read, r.marked) }

// mark tells the session what was seen in a room, also where another is on the
// screen by now; without a word where it fails: it is told again.
func (m *Model) mark(r *room) tea.Cmd {
	r.marking = false
	if !r.unmarked() || r.dead {
		return nil
	}
	id, seq := r.ID, r.seen
	r.marked = seq
	return m.call(func(ctx context.Context) then {
		err := m.o.Session.Mark(ctx, id, seq)
		return func(*Model) tea.Cmd {
			if err != nil {
				r.marked = 0
			}
			return nil
		}
	})
}

// markLast tells the session what it was not told of, before the end.
func (m *Model) markLast() func(context.Context) error {
	last := map[bus.RoomID]uint64{}
	for id, r := range m.rooms {
		if r.unmarked() {
			last[id] = r.seen
		}
	}
	return func(ctx context.Context) error {
		for id, seq := range last {
			if err := m.o.Session.Mark(ctx, id, seq); err != nil {
				return err
			}
		}
		return nil
	}
}
