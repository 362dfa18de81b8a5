package cmd

import (
	"context"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/tui"
)

// happened takes an event of a room that is followed.
func (s *chat) happened(id bus.RoomID, e bus.Event) error {
	s.mu.Lock()
	r := s.rooms[id]
	if r == nil {
		s.mu.Unlock()
		return nil
	}
	m := r.count(e, s.c.Handle())
	s.mu.Unlock()
	if m != nil && m.From == s.c.Handle() {
		s.arrived(id, m.ID)
	}
	if m != nil && m.Kind == "value" {
		return s.readElsewhere(id, m)
	}
	if e.Removed != nil || e.Fault != nil {
		s.filling(id, false)
	}
	s.tell(tui.Event{Room: id, Happened: &e})
	for _, k := range s.c.NewKeys(s.ctx) {
		s.tell(tui.Event{Room: id, Happened: newKeyEvent(k)})
	}
	if e.Epoch != nil || e.Member != nil {
		return s.inform(s.ctx, id)
	}
	return nil
}

// newKeyEvent stands in the room where it was noticed first.
func newKeyEvent(k client.NewKey) *bus.Event {
	return &bus.Event{Member: &bus.MemberEvent{User: k.User, Change: bus.MemberNewKey, Time: k.Since}}
}

// maxUnread bounds the messages that are counted in a room, 16 bytes each.
const maxUnread = 10_000

// count takes an event into a room's counts, and returns its message.
func (r *chatRoom) count(e bus.Event, self bus.Handle) *bus.Message {
	m := e.Message
	if e.Late != nil {
		m = e.Late.Message
	}
	switch {
	case e.Undecryptable != nil:
		r.info.Last = max(r.info.Last, e.Undecryptable.Seq)
	case e.Removed != nil:
		r.info.Gone, r.info.GoneBy = e.Removed.Reason, e.Removed.By
	case e.Fault != nil:
		r.fault = true
	}
	if m == nil {
		return nil
	}
	fresh := m.Seq == 0 || m.Seq > r.info.Last || m.Seq == r.info.Last && m.Number > 0
	r.info.Last = max(r.info.Last, m.Seq)
	if fresh && m.Counts(self) {
		r.unread = append(r.unread, unreadMessage{m.Seq, tui.Mentions(m.Text, self)})
		r.unread = r.unread[max(0, len(r.unread)-maxUnread):]
		r.recount()
	}
	return m
}

// inform tells what is known of a room now.
func (s *chat) inform(ctx context.Context, id bus.RoomID) error {
	facts, err := s.c.RoomFacts(ctx, id)
	if err != nil {
		return err
	}
	s.mu.Lock()
	r := s.rooms[id]
	if r == nil {
		s.mu.Unlock()
		return nil
	}
	if facts.Role != 0 { // else the log says that one is out: the follow tells why
		r.learn(facts)
	}
	info := r.info
	s.mu.Unlock()
	s.tell(tui.Event{Room: id, Info: &info})
	return nil
}
