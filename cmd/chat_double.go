package cmd

import (
	"context"
	"errors"
	"slices"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/tui"
)

// Two devices of one person at once, or two people, may each make the room of the
// same two. That with the lower id counts for all of them. The other one is not shown
// while there is nothing in it to read. It stays where it is: nobody who deletes it
// can know that no device writes in it at that moment.

// doubles reports whether another room of the same two counts. s.mu is held.
func (s *chat) doubles(id bus.RoomID) bool {
	r := s.rooms[id]
	if r == nil || r.info.With == "" || r.info.Gone != "" {
		return false
	}
	for other, o := range s.rooms {
		if o.info.With == r.info.With && o.info.Gone == "" && other.Compare(id) < 0 {
			return true
		}
	}
	return false
}

// hide hides a room that another one stands for, unless something to read is in it.
func (s *chat) hide(ctx context.Context, id bus.RoomID, reads func(context.Context, bus.RoomID) bool) (hidden bool) {
	s.mu.Lock()
	double := s.doubles(id)
	s.mu.Unlock()
	hidden = double && id != s.asked && !reads(ctx, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rooms[id]; r != nil {
		r.hidden = hidden
	}
	return hidden
}

// keepsWords reports whether there is something to read in what is kept here of a
// room, or waits to be sent there. Where nothing is kept there is nothing to show yet.
func (s *chat) keepsWords(ctx context.Context, id bus.RoomID) bool {
	if waiting, err := s.waiting(ctx, id); err != nil || len(waiting) > 0 {
		return true
	}
	kept, err := s.c.KeptPage(ctx, id, client.Span{Limit: bus.MaxPageMessages})
	if errors.Is(err, client.ErrNotKept) {
		return false
	}
	return err != nil || kept.More || slices.ContainsFunc(kept.Events, readable)
}

// hasWords asks the node as well.
func (s *chat) hasWords(ctx context.Context, id bus.RoomID) bool {
	if s.keepsWords(ctx, id) {
		return true
	}
	events, more, err := s.c.Page(ctx, id, client.Span{Limit: bus.MaxPageMessages})
	return err != nil || more || slices.ContainsFunc(events, readable)
}

// readable reports whether an event is something that a person reads: what his
// devices tell each other is nothing.
func readable(e bus.Event) bool {
	m := e.Brings()
	return m != nil && m.Kind != "value" || e.Undecryptable != nil
}

// hides reports whether an event is of a room that is not shown.
func (s *chat) hides(e tui.Event) bool {
	if e.Room == (bus.RoomID{}) || e.Forgotten {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[e.Room]
	return r != nil && r.hidden
}

// unhide shows a room in which there is something to read now.
func (s *chat) unhide(id bus.RoomID, e bus.Event) {
	s.mu.Lock()
	r := s.rooms[id]
	found := r != nil && r.hidden && readable(e)
	if found {
		r.hidden = false
	}
	s.mu.Unlock()
	if found {
		s.show(id)
	}
}
