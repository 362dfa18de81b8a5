package cmd

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/client/call"
	"unibus/tui"
)

// chatPause is how long a chat waits between tries at most.
const chatPause = 5 * time.Second

// live follows the rooms until the session ends, each time they are others anew.
func (s *chat) live() {
	s.now(tui.Conn{State: tui.Connecting})
	l := s.c.NewLive(s.connection)
	l.Joined(s.joined)
	l.Filling(s.filling)
	s.start(s.watch)
	for tries := 0; s.ctx.Err() == nil; {
		err := s.list(s.ctx)
		if err == nil {
			tries = 0
			l = s.following(l)
			err = s.follow(l)
		}
		switch {
		case s.ctx.Err() != nil:
			return
		case err == nil:
		case lost(err):
			if !s.sleep(1) { // a node may list it again at once, for ever
				return
			}
		case passes(err):
			tries++
			if !s.pause(tries, err) {
				return
			}
		default:
			s.ended(err)
			return
		}
	}
}

// passes reports whether it may go by itself: a node that is away comes back, and
// a clock that is wrong is set.
func passes(err error) bool {
	var fault *bus.Error
	_, skewed := call.ClockAhead(err)
	return skewed || errors.As(err, &fault) && fault.Retryable
}

// lost reports whether a room ended the connection: the others go on.
func lost(err error) bool {
	return errors.Is(err, bus.ErrNotMember) || errors.Is(err, bus.ErrRoomClosed) || errors.Is(err, client.ErrRemoved)
}

// pause tells that the node is away and waits before the next try.
func (s *chat) pause(tries int, err error) bool {
	ahead, _ := call.ClockAhead(err)
	s.now(tui.Conn{State: tui.Reconnecting, Attempt: tries, Next: s.env.Now().Add(chatWait(tries)), Skew: ahead, Err: err})
	return s.sleep(tries)
}

// chatWait is how long to wait before a try.
func chatWait(tries int) time.Duration {
	return min(chatPause, time.Duration(tries*tries)*100*time.Millisecond)
}

// sleep waits for the next try, and reports false when the session ends first.
func (s *chat) sleep(tries int) bool {
	timer := time.NewTimer(chatWait(tries))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// ended tells that the session is over for good.
func (s *chat) ended(err error) {
	state := tui.Ended
	if errors.Is(err, bus.ErrRevoked) {
		state = tui.Revoked
	}
	s.mu.Lock()
	s.fault = err
	s.mu.Unlock()
	s.now(tui.Conn{State: state, Err: err})
}

// connection takes what the connection does.
func (s *chat) connection(e bus.StateEvent) {
	if e.State == bus.StateReconnecting {
		s.now(tui.Conn{State: tui.Reconnecting, Attempt: e.Attempt, Next: s.env.Now().Add(e.Next)})
		return
	}
	s.now(tui.Conn{State: tui.Online})
	s.carryAll()
	s.wakeAll()
	s.start(func() {
		s.measure()
		refs := s.missed()
		s.meet()
		s.companions()
		s.newKeys() // of what was read while nobody looked
		s.glance(refs)
		s.doubt()
	})
}

// missed looks for rooms that one was put into, or out of, while nobody was there
// to be told, and returns all there are.
func (s *chat) missed() []client.RoomRef {
	refs, err := s.c.ListMyRooms(s.ctx)
	if err != nil {
		return nil // the next connection looks
	}
	s.mu.Lock()
	others := false
	listed := map[bus.RoomID]bool{}
	for _, ref := range refs {
		listed[ref.ID] = true
		r := s.rooms[ref.ID]
		others = others || r == nil || r.info.Gone != ""
	}
	for id, r := range s.rooms {
		others = others || !listed[id] && r.info.Gone == ""
	}
	s.mu.Unlock()
	if others {
		s.follows()
	}
	return refs
}

// meet tells who is on the bus.
func (s *chat) meet() {
	people, err := s.c.People(s.ctx)
	if err != nil {
		return // the next connection tells
	}
	var active []bus.Handle
	for _, p := range people {
		if !p.Revoked {
			active = append(active, p.Handle)
		}
	}
	s.tell(tui.Event{People: active})
}

// following is a Live for the rooms of now: as many as a connection takes, that
// on the screen before all others.
func (s *chat) following(before *client.Live) *client.Live {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []bus.RoomID
	for id, r := range s.rooms {
		if r.info.Gone == "" {
			ids = append(ids, id)
		}
	}
	self := s.c.Handle()
	slices.SortFunc(ids, func(a, b bus.RoomID) int {
		return cmp.Or(cmp.Compare(s.rank(b, self), s.rank(a, self)), a.Compare(b))
	})
	ids = ids[:min(len(ids), bus.MaxOpenRooms)]
	clear(s.followed)
	for _, id := range ids {
		s.followed[id] = true
	}
	l := before.Again(func(id bus.RoomID) bool { return slices.Contains(ids, id) })
	for _, id := range ids {
		if !l.Follows(id) {
			l.Follow(id, s.rooms[id].info.Last, func(e bus.Event) error { return s.happened(id, e) })
		}
	}
	return l
}

// rank is how much a room is to be followed: that on the screen, then that of
// one's own devices, those that one made or reads, and last those that strangers may
// have put one into.
func (s *chat) rank(id bus.RoomID, self bus.Handle) int {
	switch info := s.rooms[id].info; {
	case id == s.looked:
		return 3
	case s.rooms[id].hidden:
		return 0
	case info.With == self:
		return 2
	case info.By == self || info.Read > 0:
		return 1
	}
	return 0
}

// follow runs a Live until it ends, or the rooms are others.
func (s *chat) follow(l *client.Live) error {
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-s.again:
		stop()
		<-ended
		return nil
	}
}
