package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/tui"
)

// chat is the tui.Session over a client: one connection follows the rooms, and
// one more for each room that is being written to.
type chat struct {
	env     *Env
	c       *client.Client
	timeout time.Duration // of transfers that do not move
	ctx     context.Context
	stop    context.CancelFunc

	starting sync.Mutex // held while something is started
	running  sync.WaitGroup
	settled  bool // nothing begins any more

	events chan []tui.Event
	gate   sync.RWMutex // held while something is told, and for good to close events
	closed bool

	again  chan struct{} // the rooms to follow are others now
	toTell chan struct{} // something was read

	connected sync.Mutex // held while the connection is told of
	conn      tui.Conn   // as it was told last
	name      string     // of the node, once it said so

	filled sync.Mutex // held while a gap is told of
	gaps   map[bus.RoomID]*gap

	asked bus.RoomID // the room that the person named; zero: none

	keeping sync.Mutex // held while kept is written: an older state never comes last

	mu        sync.Mutex // guards all below
	rooms     map[bus.RoomID]*chatRoom
	posts     map[bus.RoomID]*post
	transfers map[bus.RecordID]context.CancelCauseFunc
	kept      chatKept
	looked    bus.RoomID // that is on the screen
	followed  map[bus.RoomID]bool
	others    bool  // this user has other devices
	newcomer  bool  // there was no chat before, and the rooms were not listed yet
	fault     error // why the session ended
}

var _ tui.Session = (*chat)(nil)

// chatRoom is a room on the screen. It is told of by value.
type chatRoom struct {
	info   tui.Room
	after  uint64          // where following it begins
	stored uint64          // the newest sequence that the node named
	unread []unreadMessage // that the counts are made of, oldest first
	hidden bool            // another room of the same two counts, and nothing to read is known in this one
	words  bool            // something to read was found in it
	empty  uint64          // nothing to read is in it up to there
}

// unreadMessage is a message that counts.
type unreadMessage struct {
	seq     uint64
	mention bool
}

// chatKept is what the profile remembers of the chat.
type chatKept struct {
	Memory tui.Memory
	Opened map[bus.RoomID]bool   // rooms that the person has come into
	Told   client.Marks          // that one's other devices know
	Left   map[bus.RoomID]uint64 // up to where rooms were here that one left: that is not new to who is in again
	Begun  bool                  // there was a chat before
}

// chatState is the name under which it is kept.
const chatState = "chat"

// eventsAhead is how many batches the screen may be behind.
const eventsAhead = 64

func newChat(ctx context.Context, env *Env, c *client.Client, timeout time.Duration, asked bus.RoomID) *chat {
	s := &chat{env: env, c: c, timeout: timeout, asked: asked, events: make(chan []tui.Event, eventsAhead),
		again: make(chan struct{}, 1), toTell: make(chan struct{}, 1), rooms: map[bus.RoomID]*chatRoom{}, posts: map[bus.RoomID]*post{},
		kept:      chatKept{Left: map[bus.RoomID]uint64{}},
		transfers: map[bus.RecordID]context.CancelCauseFunc{}, gaps: map[bus.RoomID]*gap{}, followed: map[bus.RoomID]bool{}}
	s.ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	return s
}

// Resume implements tui.Session.
func (s *chat) Resume(ctx context.Context) (start tui.Start, err error) {
	if err := s.recall(ctx); err != nil {
		return start, err
	}
	known, err := s.c.KnownRooms(ctx)
	if err != nil {
		return start, err
	}
	start.Self, start.Memory = s.c.Handle(), s.kept.Memory
	for _, f := range known {
		r, err := s.add(ctx, f)
		if err != nil {
			return start, err
		}
		start.Rooms = append(start.Rooms, r)
		waiting, err := s.waiting(ctx, f.ID)
		if err != nil {
			return start, err
		}
		start.Outgoing = append(start.Outgoing, waiting...)
	}
	doubles := s.doubles()
	start.Rooms = slices.DeleteFunc(start.Rooms, func(r tui.Room) bool { return s.hide(ctx, r.ID, doubles[r.ID]) })
	if start.People, err = s.c.KnownPeople(ctx); err != nil {
		return start, err
	}
	s.start(s.live)
	s.start(s.tellRead)
	for _, o := range start.Outgoing {
		s.wake(o.Room)
	}
	return start, nil
}

func (s *chat) recall(ctx context.Context) error {
	raw, err := s.c.Recall(ctx, chatState)
	if err != nil {
		return err
	}
	if raw != nil {
		if err := json.Unmarshal(raw, &s.kept); err != nil {
			s.kept = chatKept{} // of another version: where one was is no great loss
		}
	}
	if s.kept.Opened == nil {
		s.kept.Opened = map[bus.RoomID]bool{}
	}
	if s.kept.Left == nil {
		s.kept.Left = map[bus.RoomID]uint64{}
	}
	if s.kept.Told == nil {
		s.kept.Told = client.Marks{}
	}
	s.newcomer = !s.kept.Begun
	if s.asked != (bus.RoomID{}) {
		s.kept.Opened[s.asked] = true
	}
	return nil
}

// add takes a room in as it is known here.
func (s *chat) add(ctx context.Context, f client.Facts) (tui.Room, error) {
	s.mu.Lock()
	known := s.rooms[f.ID] != nil
	s.mu.Unlock()
	var begun chatRoom
	if !known {
		var err error
		if begun, err = s.begun(ctx, f); err != nil {
			return tui.Room{}, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[f.ID]
	if r == nil {
		r = &begun
		if s.newcomer || f.With != "" || f.By == s.c.Handle() {
			s.kept.Opened[f.ID] = true
		}
		r.info.Invited = !s.kept.Opened[f.ID]
		s.rooms[f.ID] = r
	}
	r.learn(f)
	return r.info, nil
}

// begun is a room as the profile leaves it: with what was read of it, what is
// unread, and up to where it need not be asked for.
func (s *chat) begun(ctx context.Context, f client.Facts) (r chatRoom, err error) {
	mark, err := s.c.Mark(ctx, f.ID)
	if err != nil {
		return r, err
	}
	s.mu.Lock()
	left := s.kept.Left[f.ID]
	delete(s.kept.Left, f.ID)
	s.mu.Unlock()
	if left > mark {
		if mark = left; f.Gone == "" {
			err = s.c.SetMark(ctx, f.ID, mark)
		}
	}
	if err != nil {
		return r, err
	}
	r = chatRoom{info: tui.Room{ID: f.ID, Last: mark, Read: mark}, after: mark}
	if f.With == s.c.Handle() {
		return r, nil // what one's devices tell each other is heard by whoever follows it
	}
	reach, err := s.c.Reach(ctx, f.ID)
	if err != nil {
		return r, err
	}
	r.after = max(mark, reach)
	r.info.Last = r.after
	if s.newcomer && mark == 0 {
		return r, nil // what commands read here before is not new
	}
	unread, err := s.c.UnreadKept(ctx, f.ID, mark)
	for _, u := range unread {
		for i := range u.Unread {
			r.unread = append(r.unread, unreadMessage{u.Seq, i < u.Mentions})
		}
		r.unread = r.unread[max(0, len(r.unread)-maxUnread):]
	}
	r.recount()
	return r, err
}

// learn takes in what is known of a room now.
func (r *chatRoom) learn(f client.Facts) {
	i := &r.info
	i.Name, i.With, i.By, i.Role, i.Clear = f.Name, f.With, f.By, f.Role, f.Clear
	i.Epoch, i.EpochSince = f.Epoch, f.Since
	if f.Gone != "" {
		i.Gone, i.GoneBy = f.Gone, f.GoneBy
	}
	i.Members, i.Unverified, i.Changed, i.Rejected = f.Members, f.Unverified, f.Changed, f.Rejected
}

// Events implements tui.Session.
func (s *chat) Events() <-chan []tui.Event { return s.events }

// tell hands events to the screen, and waits while it is behind.
func (s *chat) tell(events ...tui.Event) {
	s.gate.RLock()
	defer s.gate.RUnlock()
	if events = slices.DeleteFunc(events, s.hides); s.closed || len(events) == 0 {
		return
	}
	select {
	case s.events <- events:
	case <-s.ctx.Done():
	}
}

// Keep implements tui.Session.
func (s *chat) Keep(ctx context.Context, m tui.Memory) error {
	s.mu.Lock()
	s.kept.Memory = m
	s.mu.Unlock()
	return s.keep(ctx)
}

func (s *chat) keep(ctx context.Context) error {
	s.keeping.Lock()
	defer s.keeping.Unlock()
	s.mu.Lock()
	s.kept.Begun = true
	raw, err := json.Marshal(s.kept)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.c.Remember(ctx, chatState, raw)
}

// lastWords is how long the end of a chat waits for what was written last.
const lastWords = 3 * time.Second

// close ends the session, and says why it had ended before.
func (s *chat) close() error {
	s.start(func() {
		for range s.events { // nobody looks any more, and who tells must not wait
		}
	})
	ctx, cancel := context.WithTimeout(s.ctx, lastWords)
	_ = s.tellMarks(ctx) // else the next chat does
	cancel()
	s.drain(lastWords)
	s.end()
	s.settle()
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(s.fault, context.Canceled) {
		return nil
	}
	return s.fault
}

// start runs f as a part of the session; not once that is over, when nobody waits for
// it any more.
func (s *chat) start(f func()) {
	s.starting.Lock()
	defer s.starting.Unlock()
	if !s.settled {
		s.running.Go(f)
	}
}

// settle waits for all that was begun.
func (s *chat) settle() {
	s.starting.Lock()
	s.settled = true
	s.starting.Unlock()
	s.running.Wait()
}

// end closes Events, once nobody tells anything any more.
func (s *chat) end() {
	s.stop()
	s.gate.Lock()
	defer s.gate.Unlock()
	if !s.closed {
		s.closed = true
		close(s.events)
	}
}
