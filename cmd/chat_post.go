package cmd

import (
	"context"
	"maps"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/tui"
)

// post sends what waits in the outbox of one room, over a connection of its own
// that stays open for a while.
type post struct {
	look    chan struct{}
	files   chan struct{}
	queued  map[bus.RecordID]bool // of the outbox; guarded by chat.mu, as all below
	flying  map[bus.RecordID]bool // handed to the connection, and not answered yet
	refused map[bus.RecordID]bool // for good: only the person has them sent again
	over    map[bus.RecordID]bool // sent or dropped: never handed over again
}

const (
	// postIdle is how long a connection to send with stays open after the last
	// message.
	postIdle = time.Minute
	// postAhead is how many records may be under way.
	postAhead = 64
)

// post returns the post of a room, and begins it.
func (s *chat) post(room bus.RoomID) *post {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.posts[room]
	if p == nil {
		p = &post{look: make(chan struct{}, 1), files: make(chan struct{}, 1), queued: map[bus.RecordID]bool{}, flying: map[bus.RecordID]bool{},
			refused: map[bus.RecordID]bool{}, over: map[bus.RecordID]bool{}}
		s.posts[room] = p
		s.start(func() { s.deliver(room, p) })
		s.start(func() { s.carry(room, p) })
	}
	return p
}

// wake has the outbox of a room looked at.
func (s *chat) wake(room bus.RoomID) {
	p := s.post(room)
	p.carry()
	select {
	case p.look <- struct{}{}:
	default:
	}
}

// wakeAll has every outbox looked at: the bus is there again.
func (s *chat) wakeAll() {
	s.mu.Lock()
	rooms := slices.Collect(maps.Keys(s.posts))
	s.mu.Unlock()
	for _, room := range rooms {
		s.wake(room)
	}
}

// deliver sends until the session ends. Where the bus is away it waits.
func (s *chat) deliver(room bus.RoomID, p *post) {
	for tries := 0; ; {
		select {
		case <-p.look:
		case <-s.ctx.Done():
			return
		}
		err := s.postLife(room, p)
		s.mu.Lock()
		clear(p.flying)
		s.mu.Unlock()
		switch {
		case s.ctx.Err() != nil:
			return
		case err == nil:
			tries = 0
		case passes(err):
			tries++
			if !s.sleep(tries) {
				return
			}
			s.wake(room)
		default:
			s.refuseAll(room, p, err)
		}
	}
}

// postLife sends what waits until nothing came for a while. An error says why
// the connection ended.
func (s *chat) postLife(room bus.RoomID, p *post) error {
	l := s.c.NewLive(nil)
	box := l.Post(room, 0)
	ctx, stop := context.WithCancel(s.ctx)
	ended := make(chan error, 1)
	s.running.Go(func() { ended <- l.Run(ctx) })
	defer stop()
	acks := make(chan client.Ack, postAhead)
	idle := time.NewTimer(postIdle)
	defer idle.Stop()
	for {
		if err := s.hand(ctx, room, p, box, acks); err != nil {
			return err
		}
		select {
		case a := <-acks:
			s.answered(room, p, a)
			idle.Reset(postIdle)
		case <-p.look:
			idle.Reset(postIdle)
		case err := <-ended:
			return err
		case <-idle.C:
			stop()
			return <-ended
		}
	}
}

// hand gives what waits to the connection, in its order. A file takes its turn
// once it is uploaded: nothing else waits for that. While the bus is away all of it
// stays here: what was handed over cannot be taken back any more.
func (s *chat) hand(ctx context.Context, room bus.RoomID, p *post, box *client.Outbox, acks chan<- client.Ack) error {
	queued, err := s.c.Queued(ctx, room)
	if err != nil {
		return err
	}
	for _, q := range queued {
		if q.File != nil || s.away() {
			s.waits(p, q.Record.ID)
			continue
		}
		if !s.next(p, q.Record.ID) {
			continue
		}
		if err := box.Send(ctx, q.Record, acks); err != nil {
			return err
		}
	}
	return nil
}

// waits counts what is in the outbox, and not to be sent yet.
func (s *chat) waits(p *post, id bus.RecordID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.queued[id] = !p.over[id]
}

// next reports whether a record is to be sent now.
func (s *chat) next(p *post, id bus.RecordID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.queued[id] = !p.over[id]
	if p.over[id] || p.flying[id] || p.refused[id] || len(p.flying) == postAhead {
		return false
	}
	p.flying[id] = true
	return true
}

// answered takes what became of a record. What came back before that was under way
// until now: there is room for so many answers, and nothing goes ahead of what waits.
func (s *chat) answered(room bus.RoomID, p *post, a client.Ack) {
	s.mu.Lock()
	delete(p.flying, a.ID)
	s.mu.Unlock()
	if a.Err != nil {
		s.refuse(room, p, a.ID, a.Err)
		return
	}
	s.arrived(room, a.ID)
}

// arrived takes a record that the node has out of the outbox: it said so, or the
// message came back.
func (s *chat) arrived(room bus.RoomID, id bus.RecordID) {
	s.mu.Lock()
	p := s.posts[room]
	queued := p != nil && p.queued[id]
	if queued {
		p.end(id)
	}
	s.mu.Unlock()
	if !queued {
		return
	}
	if err := s.c.Unqueue(context.WithoutCancel(s.ctx), id); err != nil {
		return // it is sent again under its id, and shown once
	}
	s.tell(tui.Event{Room: room, Outgoing: &tui.Outgoing{Draft: tui.Draft{Room: room, ID: id}, State: tui.OutgoingSent}})
}

// end has a record handed over no more.
func (p *post) end(id bus.RecordID) {
	p.over[id] = true
	delete(p.queued, id)
	delete(p.refused, id)
}

func (s *chat) refuse(room bus.RoomID, p *post, id bus.RecordID, err error) {
	s.mu.Lock()
	delete(p.flying, id)
	p.refused[id] = true
	s.mu.Unlock()
	s.tell(tui.Event{Room: room, Outgoing: &tui.Outgoing{Draft: tui.Draft{Room: room, ID: id}, State: tui.OutgoingFailed, Err: err}})
}

// refuseAll gives up what waits: nothing can be written to the room.
func (s *chat) refuseAll(room bus.RoomID, p *post, err error) {
	s.mu.Lock()
	var ids []bus.RecordID
	for id, queued := range p.queued {
		if queued && !p.refused[id] {
			ids = append(ids, id)
		}
	}
	s.mu.Unlock()
	for _, id := range ids {
		s.refuse(room, p, id, err)
	}
}

// drain waits until what was written is sent, where the bus may take it soon.
func (s *chat) drain(limit time.Duration) {
	check := time.NewTicker(10 * time.Millisecond)
	defer check.Stop()
	end := time.NewTimer(limit)
	defer end.Stop()
	for s.sending() {
		select {
		case <-check.C:
		case <-end.C:
			return
		}
	}
}

// unsent is how much waits to be sent and was not refused; marks is whether what
// only one's own devices are told of counts too.
func (s *chat) unsent(marks bool) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for room, p := range s.posts {
		if r := s.rooms[room]; !marks && r != nil && r.info.With == s.c.Handle() {
			continue
		}
		for id, queued := range p.queued {
			if queued && !p.refused[id] {
				n++
			}
		}
	}
	return n
}

// sending reports whether something is on its way, and the bus is not away.
func (s *chat) sending() bool {
	state := s.state()
	return (state == tui.Connecting || state == tui.Online) && s.unsent(true) > 0
}
