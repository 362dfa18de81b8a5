package cmd

import (
	"context"
	"errors"
	"slices"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/tui"
)

// History implements tui.Session.
func (s *chat) History(ctx context.Context, room bus.RoomID, at tui.Span) (tui.Page, error) {
	p, err := s.written(ctx, room, at)
	if err != nil {
		return p, err
	}
	if woven, err := s.woven(ctx, room, at, p); err == nil { // else the messages are there all the same
		p.Events = woven
	}
	return p, nil
}

// woven is a page with what happened between its messages.
func (s *chat) woven(ctx context.Context, room bus.RoomID, at tui.Span, p tui.Page) ([]bus.Event, error) {
	empty := !slices.ContainsFunc(p.Events, func(e bus.Event) bool { return e.Brings() != nil })
	if empty && (p.More || at.After > 0) {
		return p.Events, nil // nobody could ask for what comes behind it
	}
	var above, below client.Seam
	switch {
	case at.After > 0:
		above.Message = s.beside(ctx, room, client.Span{Before: at.After + 1, Limit: 1})
		below.End = !p.More
	case at.Before > 0:
		below.Message = s.beside(ctx, room, client.Span{Before: at.Before + 1, Limit: 1})
		above.End = !p.More
	default:
		above.End, below.End = !p.More, true
	}
	return s.c.Weave(ctx, room, p.Events, above, below)
}

// beside is a message next to a page, nil where none is kept here.
func (s *chat) beside(ctx context.Context, room bus.RoomID, at client.Span) *bus.Message {
	kept, err := s.c.KeptPage(ctx, room, at)
	if i := slices.IndexFunc(kept.Events, func(e bus.Event) bool { return e.Brings() != nil }); err == nil && i >= 0 {
		return kept.Events[i].Brings()
	}
	return nil
}

// written is a page of messages. What is kept here is shown at once; where it
// does not reach the node is asked, unless that is known to be away.
func (s *chat) written(ctx context.Context, room bus.RoomID, at tui.Span) (tui.Page, error) {
	s.mu.Lock()
	r := s.rooms[room]
	known := r != nil
	gone := known && r.info.Gone != ""
	s.mu.Unlock()
	if !known {
		return tui.Page{}, bus.ErrNotMember
	}
	span := client.Span{Before: at.Before, After: at.After, Limit: min(max(at.Limit, 1), bus.MaxPageMessages)}
	kept, err := s.c.KeptPage(ctx, room, span)
	switch {
	case gone && errors.Is(err, client.ErrNotKept): // and nobody has the rest for us
		return tui.Page{}, nil
	case err == nil && (gone || s.suffices(room, at, kept)):
		return tui.Page{Events: kept.Events, More: kept.More}, nil
	case gone:
		return tui.Page{}, err
	case s.away():
		return tui.Page{}, errAway
	}
	events, more, refused := s.c.Page(ctx, room, span)
	if bus.KindOf(refused) == bus.Unavailable && err == nil {
		return tui.Page{Events: kept.Events, More: kept.More}, nil
	}
	return tui.Page{Events: events, More: more}, refused
}

var errAway = bus.Errorf(bus.Unavailable, "unreachable", "these messages are not on this device, and the bus is away").
	WithHint("they are loaded when it is back")

// suffices reports whether a page of what is kept is what the node would show, or
// all there is while it does not answer. What comes behind it is told as it
// happens.
func (s *chat) suffices(room bus.RoomID, at tui.Span, kept client.Kept) bool {
	online := s.state() == tui.Online
	s.mu.Lock()
	defer s.mu.Unlock()
	if !online || at.Before > 0 || at.After > 0 && kept.More {
		return true
	}
	r := s.rooms[room]
	return r != nil && kept.Through >= r.info.Last
}

// away reports whether it is known that no node answers.
func (s *chat) away() bool { return s.state() == tui.Reconnecting }

// Search implements tui.Session.
func (s *chat) Search(ctx context.Context, q tui.Query) ([]bus.Message, error) {
	return s.c.Search(ctx, client.Search{Room: q.Room, Words: q.Words, Limit: q.Limit})
}
