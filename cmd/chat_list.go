package cmd

import (
	"context"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/tui"
)

// chatBehind is how far back a room is followed from at most, in sequences: what
// is older is loaded when somebody looks.
const chatBehind = 1000

// joined looks at the rooms again, when there is a new one, or one is in again.
func (s *chat) joined(id bus.RoomID) {
	s.mu.Lock()
	r := s.rooms[id]
	known := r != nil && r.info.Gone == ""
	s.mu.Unlock()
	if !known {
		s.follows()
	}
}

// follows has the rooms listed and followed anew.
func (s *chat) follows() {
	select {
	case s.again <- struct{}{}:
	default:
	}
}

// list asks for the rooms and tells what is new of them.
func (s *chat) list(ctx context.Context) error {
	refs, err := s.c.ListMyRooms(ctx)
	if err != nil {
		return err
	}
	s.reach(refs)
	listed, err := s.factsOf(ctx, refs)
	if err != nil {
		return err
	}
	for _, facts := range listed {
		if _, err := s.add(ctx, facts); err != nil {
			return err
		}
	}
	doubles := s.doubles()
	for _, ref := range refs {
		s.listed(ctx, ref, listed[ref.ID], doubles[ref.ID])
	}
	for _, id := range s.absent(listed) {
		if err := s.missing(ctx, id); err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.newcomer = false
	s.mu.Unlock()
	return nil
}

// factsOf is what is known here of rooms that the node names.
func (s *chat) factsOf(ctx context.Context, refs []client.RoomRef) (map[bus.RoomID]client.Facts, error) {
	known, err := s.c.KnownRooms(ctx)
	if err != nil {
		return nil, err
	}
	all, out := map[bus.RoomID]client.Facts{}, map[bus.RoomID]client.Facts{}
	for _, f := range known {
		all[f.ID] = f
	}
	for _, ref := range refs {
		f, named := all[ref.ID]
		if !named { // its key is not here, or its log
			if f, err = s.c.RoomFacts(ctx, ref.ID); err != nil {
				return nil, err
			}
		}
		out[ref.ID] = f
	}
	return out, nil
}

// listed takes in a room of one's own as the node tells it.
func (s *chat) listed(ctx context.Context, ref client.RoomRef, facts client.Facts, double bool) {
	if s.hide(ctx, ref.ID, double) {
		s.tell(tui.Event{Room: ref.ID, Forgotten: true})
	}
	s.mu.Lock()
	r := s.rooms[ref.ID]
	if r == nil { // left meanwhile
		s.mu.Unlock()
		return
	}
	r.stored = max(r.stored, ref.Last)
	if r.info.Last == r.after { // nothing of it was told yet
		r.begin(ref.Last, s.newcomer && r.info.With != s.c.Handle())
	}
	again := r.back(facts)
	info := r.info
	s.mu.Unlock()
	s.tell(tui.Event{Room: ref.ID, Info: &info})
	if again {
		s.tell(tui.Event{Room: ref.ID, Happened: &bus.Event{Member: &bus.MemberEvent{User: s.c.Handle(), Change: bus.MemberAdded,
			Role: facts.Role, By: facts.By, Time: s.env.Now()}}})
	}
}

// back reports whether one is in a room again that one was out of.
func (r *chatRoom) back(f client.Facts) bool {
	if r.info.Gone == "" || f.Role == 0 {
		return false
	}
	r.info.Gone, r.info.GoneBy = "", ""
	return true
}

// reach takes in how far the node says that rooms go.
func (s *chat) reach(refs []client.RoomRef) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ref := range refs {
		if r := s.rooms[ref.ID]; r != nil {
			r.stored = max(r.stored, ref.Last)
		}
	}
}

// begin says where following begins: after what was read, but not too far back,
// and never behind what is there. Who never had a chat here is not shown everything
// as new.
func (r *chatRoom) begin(last uint64, first bool) {
	r.after, r.info.Read = min(r.after, last), min(r.info.Read, last)
	if last > chatBehind {
		r.after = max(r.after, last-chatBehind)
	}
	if first && r.info.Read == 0 {
		r.after = last
	}
	r.info.Last = r.after
}

// absent are the rooms that the node does not name, but for those of which the
// person was told that he is out.
func (s *chat) absent(listed map[bus.RoomID]client.Facts) (absent []bus.RoomID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, r := range s.rooms {
		if _, in := listed[id]; !in && r.info.Gone == "" {
			absent = append(absent, id)
		}
	}
	return absent
}

// missing finds out why a room is one's own no more, while nobody was there to be
// told. Who was put out of it is told by whom, and that nothing shows a deletion; what
// he left himself, or was deleted, goes without a word.
func (s *chat) missing(ctx context.Context, id bus.RoomID) error {
	out, err := s.c.Missing(ctx, id)
	switch {
	case bus.KindOf(err) == bus.Integrity:
		if err := s.happened(id, bus.Event{Fault: &bus.FaultEvent{Err: err}}); err != nil {
			return err
		}
		return s.happened(id, bus.Event{Removed: &bus.RemovedEvent{Reason: bus.RemovedKicked}})
	case err != nil:
		return err
	case out == nil: // it comes back when the node names it
	case out.Reason == bus.RemovedKicked, out.By == "":
		return s.happened(id, bus.Event{Removed: out})
	}
	s.forget(id)
	return nil
}
