package client

import (
	"context"
	"slices"

	"unibus/internal/bus"
)

// Seam is where a page of a room ends: at the room's own end, or before or after a
// message of the next page. Zero: it is not known what is there.
type Seam struct {
	End     bool
	Message *bus.Message
}

// Weave puts between the messages of a page what happened in the room since this user
// came: who joined and left, and its keys, from what is verified here. An epoch begins
// before its first message, all else goes by the time. What belongs behind a seam is
// left out.
func (c *Client) Weave(ctx context.Context, id bus.RoomID, page []bus.Event, above, below Seam) ([]bus.Event, error) {
	l := c.local()
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	r, err := l.world.syncRoom(ctx, id)
	if err != nil {
		return page, err
	}
	var out []bus.Event
	done := 0
	for _, ch := range r.witnessed(c.id.Account) {
		at := slices.IndexFunc(page, func(e bus.Event) bool { return ch.precedes(e.Brings()) })
		if at < 0 && !below.End && !ch.precedes(below.Message) {
			break // and so do all that follow
		}
		if at < 0 {
			at = len(page)
		}
		if !slices.ContainsFunc(page[:at], func(e bus.Event) bool { return e.Brings() != nil }) && !above.End &&
			(above.Message == nil || ch.precedes(above.Message)) {
			continue
		}
		at = max(at, done)
		out = append(out, page[done:at]...)
		out, done = append(out, l.world.changeEvents(ch)...), at
	}
	return append(out, page[done:]...), nil
}

// precedes reports whether a change comes before a message.
func (ch change) precedes(m *bus.Message) bool {
	switch {
	case m == nil:
		return false
	case m.Epoch == ch.epoch && !ch.started:
		return !m.Time.Before(ch.entry.Time)
	}
	return m.Epoch >= ch.epoch
}

// witnessed are the changes while an account was in the room, but for its creation.
func (r *room) witnessed(id bus.AccountID) (out []change) {
	in := false
	for i, ch := range r.changes {
		for _, m := range ch.added {
			in = in || m.Account == id
		}
		if in && i > 0 && !(ch.started && ch.epoch == 1) {
			out = append(out, ch)
		}
		in = in && !slices.Contains(ch.dropped, id)
	}
	return out
}
