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

// doubles are the rooms of two that another one of the same two counts for:
// that with the lower id.
func (s *chat) doubles() map[bus.RoomID]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[bus.Handle]bus.RoomID{}
	out := map[bus.RoomID]bool{}
	for id, r := range s.rooms {
		if r.info.With == "" || r.info.Gone != "" {
			continue
		}
		other, known := counts[r.info.With]
		switch {
		case !known:
			counts[r.info.With] = id
		case other.Compare(id) < 0:
			out[id] = true
		default:
			counts[r.info.With], out[other] = id, true
		}
	}
	return out
}

// hide hides a room that another one stands for, unless something to read is known to
// be in it: what the node has of it is asked for once one is online.
func (s *chat) hide(ctx context.Context, id bus.RoomID, double bool) (hidden bool) {
	s.mu.Lock()
	r := s.rooms[id]
	double = double && id != s.asked && r != nil && !r.words
	looked := double && r.hidden && r.stored <= r.empty
	s.mu.Unlock()
	words := double && !looked && s.keepsWords(ctx, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r = s.rooms[id]; r == nil {
		return false
	}
	r.words = r.words || words
	r.hidden = double && !r.words
	return r.hidden
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

// doubt asks the node what is in the rooms that are hidden, of as many as a glance
// takes, and shows those in which there is something to read. What was empty is asked
// for again once more is there.
func (s *chat) doubt() {
	for id, last := range s.doubted() {
		events, more, err := s.c.Page(s.ctx, id, client.Span{Limit: bus.MaxPageMessages})
		if err != nil {
			continue // the next connection asks
		}
		s.mu.Lock()
		if r := s.rooms[id]; r != nil {
			r.empty = max(r.empty, last)
		}
		s.mu.Unlock()
		if more || slices.ContainsFunc(events, readable) {
			s.reveal(id)
		}
	}
}

// doubted are hidden rooms of which nobody looked whether they are empty, and how far
// each goes.
func (s *chat) doubted() map[bus.RoomID]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[bus.RoomID]uint64{}
	for id, r := range s.rooms {
		if r.hidden && r.stored > r.empty && len(out) < glanceRooms {
			out[id] = r.stored
		}
	}
	return out
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
	if readable(e) {
		s.reveal(id)
	}
}

// reveal shows a room that was hidden: there is something to read in it.
func (s *chat) reveal(id bus.RoomID) {
	s.mu.Lock()
	r := s.rooms[id]
	hidden := r != nil && r.hidden
	if r != nil {
		r.words, r.hidden = true, false
	}
	s.mu.Unlock()
	if hidden {
		s.show(id)
	}
}
