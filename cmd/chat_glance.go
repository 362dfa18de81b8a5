package cmd

import (
	"cmp"
	"slices"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/tui"
)

const (
	// glanceRooms and glanceFrames bound what is read of rooms that are not followed
	// each time that they are looked into: anybody can put one into rooms and fill
	// them. What is unread beyond that is not counted.
	glanceRooms  = bus.MaxOpenRooms
	glanceFrames = 50
)

// glance looks into the rooms that a connection does not take, where the node says
// that there is something new: it is counted, and kept here.
func (s *chat) glance(refs []client.RoomRef) {
	for _, ref := range s.unseen(refs) {
		events, _, err := s.c.Page(s.ctx, ref.ID, client.Span{Limit: glanceFrames})
		if err != nil {
			continue // the person is told when he looks
		}
		s.mu.Lock()
		r := s.rooms[ref.ID]
		if r == nil || s.followed[ref.ID] {
			s.mu.Unlock()
			continue
		}
		before := r.info.Last
		for _, e := range events {
			if m := e.Brings(); m != nil && m.Seq > before {
				r.count(e, s.c.Handle())
			}
		}
		r.info.Last = max(r.info.Last, ref.Last)
		info := r.info
		s.mu.Unlock()
		s.tell(tui.Event{Room: ref.ID, Info: &info})
	}
}

// unseen are those of some rooms that are not followed and have something new, those
// first that one is likely to have come into by oneself.
func (s *chat) unseen(refs []client.RoomRef) (out []client.RoomRef) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ref := range refs {
		if r := s.rooms[ref.ID]; r != nil && !s.followed[ref.ID] && r.info.Gone == "" && ref.Last > r.info.Last {
			out = append(out, ref)
		}
	}
	self := s.c.Handle()
	slices.SortStableFunc(out, func(a, b client.RoomRef) int { return cmp.Compare(s.rank(b.ID, self), s.rank(a.ID, self)) })
	return out[:min(len(out), glanceRooms)]
}
