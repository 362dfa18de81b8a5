package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/internal/bus"
	"unibus/internal/client/call"
	"unibus/internal/wire"
)

// Live keeps rooms open over one connection after another: each connects,
// opens the rooms, subscribes, fills gaps from history, resends what was not
// acknowledged, and goes on until it breaks. Cursors and outboxes live on.
type Live struct {
	c         *Client
	followers map[bus.RoomID]*follower
	outboxes  map[bus.RoomID]*outbox
	state     func(bus.StateEvent)
	joined    func(bus.RoomID) // told that this user was put into a room that is not followed
	filling   func(id bus.RoomID, begun bool)
	keepEvery time.Duration // see keepNewestEvery
	mu        sync.Mutex    // of what ended the follows of rooms
	first     error         // of these
}

// NewLive makes a Live without rooms. Rooms are added before Run. State, which
// may be nil, is told what the connection does.
func (c *Client) NewLive(state func(bus.StateEvent)) *Live {
	if state == nil {
		state = func(bus.StateEvent) {}
	}
	return &Live{c: c, followers: map[bus.RoomID]*follower{}, outboxes: map[bus.RoomID]*outbox{}, state: state,
		joined: func(bus.RoomID) {}, filling: func(bus.RoomID, bool) {}, keepEvery: keepNewestEvery}
}

// Joined has told called when the node says that this user was put into a room
// that is not followed. It must not wait.
func (l *Live) Joined(told func(bus.RoomID)) { l.joined = told }

// Filling has told called when what was missed of a room begins to be read, and
// when it is there. A life that breaks in between begins again without a word.
func (l *Live) Filling(told func(id bus.RoomID, begun bool)) { l.filling = told }

// Again makes a Live that goes on where this one, whose Run has returned, left
// off, with those of its rooms that stay.
func (l *Live) Again(stays func(bus.RoomID) bool) *Live {
	next := l.c.NewLive(l.state)
	next.joined, next.filling, next.keepEvery = l.joined, l.filling, l.keepEvery
	for id, f := range l.followers {
		if stays(id) {
			next.followers[id] = f
		}
	}
	return next
}

// Follows reports whether a room is followed.
func (l *Live) Follows(id bus.RoomID) bool { return l.followers[id] != nil }

// Follow adds a room to read: events of what comes after a sequence, and of what
// its log has beyond what is known here.
func (l *Live) Follow(id bus.RoomID, after uint64, emit func(bus.Event) error) {
	f := l.c.newFollower(id, after, emit)
	f.skipLog()
	l.followers[id] = f
}

// Run lives until ctx ends, or until the bus says for good that it will not have us
// any more, or emit fails. A room of which the node shows what does not hold is told
// so, and read no more; the others go on until there is none. The first such error
// is what Run ends with, nil where there was none and ctx ended.
func (l *Live) Run(ctx context.Context) error {
	if n := len(l.rooms()); n > bus.MaxOpenRooms {
		return bus.Errorf(bus.TooLarge, "too_many_rooms", "%d rooms are too many for one connection", n).
			WithHint("name at most %d", bus.MaxOpenRooms)
	}
	var wait call.Backoff
	reached := false
	for {
		err := l.life(ctx, func() {
			wait, reached = call.Backoff{}, true
			l.state(bus.StateEvent{State: bus.StateOnline})
		})
		if ctx.Err() != nil {
			return cmp.Or(neverReached(ctx, reached, err), l.first)
		}
		if !call.Retryable(err) {
			return l.over(err)
		}
		pause := wait.Next()
		l.state(bus.StateEvent{State: bus.StateReconnecting, Attempt: wait.Tries, Next: pause})
		if errors.Is(err, call.ErrUnreachable) && !reached && l.hopeless(wait) || l.waitsForKey(err) {
			return err
		}
		if !call.Rest(ctx, pause) {
			if ctx.Err() == context.Canceled {
				return l.first
			}
			return err
		}
	}
}

// neverReached is err where the time is up and no node was reached in it: that
// says more than that it is up.
func neverReached(ctx context.Context, reached bool, err error) error {
	if !reached && bus.KindOf(context.Cause(ctx)) == bus.Timeout && errors.Is(err, call.ErrUnreachable) {
		return err
	}
	return nil
}

// over tells the readers of a revoked identity that this is the end.
func (l *Live) over(err error) error {
	if !errors.Is(err, bus.ErrRevoked) {
		return err
	}
	for _, f := range l.followers {
		_ = f.emit(bus.Event{Removed: &bus.RemovedEvent{Reason: bus.RemovedRevoked}})
	}
	return err
}

// hopeless reports whether a Live that only sends should give up on a node
// that never answered: its caller waits. A reader goes on for ever.
func (l *Live) hopeless(wait call.Backoff) bool {
	return len(l.followers) == 0 && wait.Tries > call.MaxTries
}

// waitsForKey reports whether a Live that only sends was refused a key for now: its
// caller is told whose key does not open, and does better to come again.
func (l *Live) waitsForKey(err error) bool {
	var bad *badKey
	return len(l.followers) == 0 && errors.As(err, &bad)
}

// life is one connection from its beginning to its end.
func (l *Live) life(ctx context.Context, online func()) error {
	if err := l.c.tidyKeys(ctx); err != nil { // first: an endpoint that is asleep has no rooms to open
		return err
	}
	n, err := l.c.connect(ctx)
	if err != nil {
		return err
	}
	defer n.close()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	reply, err := n.open(ctx, l.rooms())
	if err != nil {
		return err
	}
	if err := l.refused(ctx, reply); err != nil {
		return err
	}
	if err := l.subscribe(n, reply); err != nil {
		return errLife.Because(err)
	}
	online()
	return l.serve(ctx, stop, n, reply)
}

func (l *Live) rooms() (ids []bus.RoomID) {
	for id, f := range l.followers {
		if f.fault == nil {
			ids = append(ids, id)
		}
	}
	for id := range l.outboxes {
		if l.followers[id] == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// refused ends the Live when one of its rooms is lost for good.
func (l *Live) refused(ctx context.Context, reply wire.OpenReply) error {
	if len(reply.Refused) == 0 {
		return nil
	}
	id := reply.Refused[0].Room
	if f := l.followers[id]; f != nil {
		return l.ended(ctx, f, bus.ErrNotMember)
	}
	return l.lost(ctx, id, bus.ErrNotMember)
}

// lost finds out what it means that the node says of one of our rooms that we
// are not in it, or that it was deleted. Other errors are what they are.
func (l *Live) lost(ctx context.Context, id bus.RoomID, err error) error {
	if !noRoom(err) {
		return err
	}
	f := l.followers[id]
	if f == nil { // only sent to
		f = l.c.newFollower(id, 0, func(bus.Event) error { return nil })
	}
	return f.removed(ctx)
}

func noRoom(err error) bool {
	return errors.Is(err, bus.ErrNotMember) || errors.Is(err, bus.ErrRoomClosed)
}

// subscribe listens to every granted room, and to the notices, before history
// is read: nothing falls between the two.
func (l *Live) subscribe(n *conn, reply wire.OpenReply) error {
	for _, g := range reply.Granted {
		if f := l.followers[g.Room]; f != nil {
			drain(f.live)
			sub, err := n.nc.ChanSubscribe(wire.OutSubject(g.Room), f.live)
			if err != nil {
				return err
			}
			f.sub = sub
		}
	}
	if _, err := n.nc.Subscribe(wire.EventWildcard(n.me), l.notice); err != nil {
		return err
	}
	return n.nc.FlushTimeout(replyWait)
}

// drain empties what is left of the life before.
func drain(ch chan *nats.Msg) {
	for {
		select {
		case <-ch:
		default:
			return
		}
	}
}

// serve runs the followers and outboxes until the life ends, and returns the
// first error that says why.
func (l *Live) serve(ctx context.Context, stop context.CancelCauseFunc, n *conn, reply wire.OpenReply) error {
	var running sync.WaitGroup
	fail := func(err error) {
		if err != nil {
			stop(err)
		}
	}
	for _, f := range l.followers {
		if f.fault == nil {
			running.Go(func() { fail(l.ended(ctx, f, f.run(ctx, l.fillingTo(f, reply)))) })
		}
	}
	for _, g := range reply.Granted {
		if o := l.outboxes[g.Room]; o != nil {
			running.Go(func() { fail(l.lost(ctx, g.Room, o.run(ctx, n, g))) })
		}
	}
	running.Go(func() { fail(l.keepKey(ctx)) })
	running.Go(func() { l.keepNewest(ctx) })
	select {
	case <-n.dead:
		stop(errLife)
		// A node that goes away waits for connections that nobody uses.
		l.c.call.HTTP.CloseIdleConnections()
	case <-ctx.Done():
	}
	running.Wait()
	return context.Cause(ctx)
}

// fillingTo tells that a room is being read on, where there is something to read,
// and returns what tells that it was.
func (l *Live) fillingTo(f *follower, reply wire.OpenReply) (filled func()) {
	for _, g := range reply.Granted {
		if g.Room == f.id && g.Last > f.held.Load() {
			l.filling(f.id, true)
			return func() { l.filling(f.id, false) }
		}
	}
	return func() {}
}

// notice takes a hint of the node to look. It is never believed.
func (l *Live) notice(m *nats.Msg) {
	switch wire.Notice(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]) {
	case wire.NoticeTail:
		var tail wire.Tail
		if json.Unmarshal(m.Data, &tail) != nil {
			return
		}
		for _, r := range tail.Rooms {
			if f := l.followers[r.Room]; f != nil && r.Last > f.held.Load() {
				f.nudge()
			}
		}
	case wire.NoticeLog, wire.NoticeJoined, wire.NoticeLeft:
		var about wire.RoomNotice
		if json.Unmarshal(m.Data, &about) != nil {
			return
		}
		for id, f := range l.followers {
			if id == about.Room {
				f.nudge()
			}
		}
		if o := l.outboxes[about.Room]; o != nil {
			o.nudge()
		}
		if !l.Follows(about.Room) {
			l.joined(about.Room)
		}
	}
}
