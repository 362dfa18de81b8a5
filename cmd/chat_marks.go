package cmd

import (
	"context"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/tui"
)

// marksPause is how long what was read is gathered before one's other devices are
// told of it.
const marksPause = 2 * time.Second

// Mark implements tui.Session.
func (s *chat) Mark(ctx context.Context, room bus.RoomID, seq uint64) error {
	if err := s.readTo(ctx, room, seq); err != nil {
		return err
	}
	s.marked()
	return nil
}

// readTo takes in up to where a room was read, here or on another device.
func (s *chat) readTo(ctx context.Context, room bus.RoomID, seq uint64) error {
	if err := s.c.SetMark(ctx, room, seq); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rooms[room]; r != nil {
		r.read(seq)
	}
	return nil
}

// read drops what was counted up to a sequence.
func (r *chatRoom) read(seq uint64) {
	r.info.Read = max(r.info.Read, seq)
	r.unread = slices.DeleteFunc(r.unread, func(u unreadMessage) bool { return u.seq <= r.info.Read })
	r.recount()
}

func (r *chatRoom) recount() {
	r.info.Unread, r.info.Mentions = len(r.unread), 0
	for _, u := range r.unread {
		if u.mention {
			r.info.Mentions++
		}
	}
}

// marked has what was read told, after a pause.
func (s *chat) marked() {
	select {
	case s.toTell <- struct{}{}:
	default:
	}
}

// tellRead tells one's other devices what was read, until the session ends. What
// does not get through is told with the next, also after a restart.
func (s *chat) tellRead() {
	for {
		select {
		case <-s.toTell:
		case <-s.ctx.Done():
			return
		}
		pause := time.NewTimer(marksPause)
		select {
		case <-pause.C:
			_ = s.tellMarks(s.ctx)
		case <-s.ctx.Done():
			pause.Stop()
			return
		}
	}
}

// companions finds out whether this user has another device to tell, and tells it
// what it missed.
func (s *chat) companions() {
	listed, err := s.c.Endpoints(s.ctx, s.c.Handle())
	if err != nil {
		return // the next connection tells
	}
	others := slices.ContainsFunc(listed, func(e client.Endpoint) bool {
		return e.Kind == "device" && !e.Mine && (e.State == client.EndpointLive || e.State == client.EndpointAsleep)
	})
	s.mu.Lock()
	s.others = others
	s.mu.Unlock()
	s.marked()
}

// tellMarks puts the marks that nobody was told into the room with oneself, where
// there is somebody to tell and the bus is there.
func (s *chat) tellMarks(ctx context.Context) error {
	news := s.untold()
	if len(news) == 0 {
		return nil
	}
	own, err := s.ownRoom(ctx)
	if err != nil {
		return err
	}
	for _, r := range news.Records() {
		if err := s.queue(ctx, own, r); err != nil {
			return err
		}
	}
	s.told(news)
	return s.keep(ctx)
}

// untold is what was read and not told yet.
func (s *chat) untold() client.Marks {
	online := s.state() == tui.Online
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.others || !online {
		return nil
	}
	news := client.Marks{}
	for id, r := range s.rooms {
		if r.info.Read > s.kept.Told[id] && r.info.With != s.c.Handle() {
			news[id] = r.info.Read
		}
	}
	return news
}

// told keeps what one's devices know.
func (s *chat) told(marks client.Marks) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, seq := range marks {
		s.kept.Told[id] = max(s.kept.Told[id], seq)
	}
}

// ownRoom is the room with oneself, made where there is none. Where two devices
// made one at once the lower id counts for both.
func (s *chat) ownRoom(ctx context.Context) (bus.RoomID, error) {
	s.mu.Lock()
	var own []bus.RoomID
	for id, r := range s.rooms {
		if r.info.With == s.c.Handle() && r.info.Gone == "" {
			own = append(own, id)
		}
	}
	s.mu.Unlock()
	if len(own) > 0 {
		return slices.MinFunc(own, bus.RoomID.Compare), nil
	}
	return s.Direct(ctx, s.c.Handle())
}

// readElsewhere takes in what another device of this person tells. In any other
// room, and from anybody else, such a value is nothing.
func (s *chat) readElsewhere(id bus.RoomID, m *bus.Message) error {
	marks, ok := client.ParseMarks(m.Value)
	s.mu.Lock()
	own := s.rooms[id] != nil && s.rooms[id].info.With == s.c.Handle()
	s.mu.Unlock()
	if !ok || !own || m.From != s.c.Handle() {
		return nil
	}
	marks = s.believed(marks)
	s.told(marks)
	for room, seq := range marks {
		if err := s.readTo(s.ctx, room, seq); err != nil {
			return err
		}
		s.show(room)
	}
	return s.c.SetMark(s.ctx, id, m.Seq)
}

// believed cuts marks down to what is stored. Whoever has a device of this person,
// until it is revoked, could else mark as read for good what nobody has written yet.
func (s *chat) believed(marks client.Marks) client.Marks {
	within, ahead := s.within(marks)
	if !ahead {
		return within
	}
	if refs, err := s.c.ListMyRooms(s.ctx); err == nil { // else the next mark is believed
		s.reach(refs)
		within, _ = s.within(marks)
	}
	return within
}

// within cuts marks down to what is known to be stored, and reports whether one was
// ahead of that. A room that is not known has nothing to mark.
func (s *chat) within(marks client.Marks) (cut client.Marks, ahead bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cut = client.Marks{}
	for id, seq := range marks {
		r := s.rooms[id]
		if r == nil {
			continue
		}
		most := max(r.stored, r.info.Last)
		ahead = ahead || seq > most
		if seq = min(seq, most); seq > 0 {
			cut[id] = seq
		}
	}
	return cut, ahead
}

// show tells a room's facts as they are kept here.
func (s *chat) show(id bus.RoomID) {
	s.mu.Lock()
	r := s.rooms[id]
	if r == nil {
		s.mu.Unlock()
		return
	}
	info := r.info
	s.mu.Unlock()
	s.tell(tui.Event{Room: id, Info: &info})
}
