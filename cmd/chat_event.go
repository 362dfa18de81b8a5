package cmd

import (
	"context"
	"maps"
	"slices"

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
	declined := r.info.Invited && e.Removed != nil && e.Removed.Reason == bus.RemovedClosed
	s.mu.Unlock()
	if declined { // nobody ever came into it, and nothing is there to come into
		s.forget(id)
		return nil
	}
	if m != nil && m.From == s.c.Handle() {
		s.arrived(id, m.ID)
	}
	if m != nil && m.Kind == "value" {
		return s.readElsewhere(id, m)
	}
	if e.Removed != nil || e.Fault != nil {
		s.filling(id, false)
	}
	s.unhide(id, e)
	s.tell(tui.Event{Room: id, Happened: &e})
	s.newKeys()
	if e.Epoch != nil || e.Member != nil {
		return s.inform(s.ctx, id)
	}
	return nil
}

// newKeys tells of users who were verified here and have another key since, in every
// room with them: it is said once, and no matter of the room where it was noticed.
func (s *chat) newKeys() {
	for _, k := range s.c.NewKeys(s.ctx) {
		for _, id := range s.shared(k.User) {
			s.tell(tui.Event{Room: id, Happened: newKeyEvent(k)})
		}
	}
}

func newKeyEvent(k client.NewKey) *bus.Event {
	return &bus.Event{Member: &bus.MemberEvent{User: k.User, Change: bus.MemberNewKey, Time: k.Since}}
}

// shared are the rooms that somebody is in too, or that on the screen where there is
// none.
func (s *chat) shared(with bus.Handle) (ids []bus.RoomID) {
	s.mu.Lock()
	all, looked := slices.Collect(maps.Keys(s.rooms)), s.looked
	s.mu.Unlock()
	for _, id := range all {
		members, err := s.c.KnownMembers(s.ctx, id)
		if err == nil && slices.ContainsFunc(members, func(m client.Member) bool { return m.User == with }) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return []bus.RoomID{looked}
	}
	return ids
}

// maxUnread bounds the messages that are counted in a room, 16 bytes each.
const maxUnread = 10_000

// count takes an event into a room's counts, and returns its message.
func (r *chatRoom) count(e bus.Event, self bus.Handle) *bus.Message {
	m := e.Brings()
	switch {
	case e.Undecryptable != nil:
		r.info.Last = max(r.info.Last, e.Undecryptable.Seq)
	case e.Removed != nil:
		r.info.Gone, r.info.GoneBy = e.Removed.Reason, e.Removed.By
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
