package client

import (
	"context"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// Span says which page of a room's messages is asked for: with neither bound the
// newest.
type Span struct {
	Before uint64 // only what came before this sequence, the newest of it
	After  uint64 // only what came after this sequence, the oldest of it
	Limit  int    // frames, 1 to bus.MaxPageMessages
}

// Page returns a page of what was written in a room, oldest first, and whether
// there is more in the direction that was asked for. Frames that show nothing
// are passed over: a page without events is the last one.
func (c *Client) Page(ctx context.Context, id bus.RoomID, s Span) (events []bus.Event, more bool, err error) {
	if err := c.beginRead(ctx, id); err != nil {
		return nil, false, err
	}
	for more = true; more && len(events) == 0 && err == nil; {
		events, more, err = c.onePage(ctx, id, &s)
	}
	return events, more, err
}

// onePage reads a page and moves the span behind it.
func (c *Client) onePage(ctx context.Context, id bus.RoomID, s *Span) (events []bus.Event, more bool, err error) {
	target := wire.MessagesBefore(id, s.Before, s.Limit)
	if s.After > 0 {
		target = wire.MessagesAfter(id, s.After, s.Limit)
	}
	open, first, last := c.newOpener(id), uint64(0), uint64(0)
	open.keep = c.newKeeper(id, s.After)
	end, err := c.page(ctx, target, func(m wire.StoredMessage) error {
		if last = m.Seq; first == 0 {
			first = m.Seq
			if s.After == 0 {
				open.keep.begin(first - 1)
			}
		}
		opened, err := open.open(ctx, m)
		events = append(events, opened...)
		return err
	})
	if err == nil {
		open.keep.page(*s, end, first)
	}
	open.keep.flush(ctx)
	if s.After > 0 {
		s.After = last
	} else {
		s.Before = first
	}
	return events, end.More && first > 0 && (s.After > 0 || !open.started), err
}
