package client

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/internal/bus"
	"unibus/internal/client/call"
	"unibus/internal/wire"
)

// follower reads one room in order, from history and live, over any number of
// lives. It belongs to one goroutine at a time.
type follower struct {
	c     *Client
	id    bus.RoomID
	open  *opener
	held  atomic.Uint64 // newest sequence that was handed on
	log   int           // entries of the room log that were told
	emit  func(bus.Event) error
	live  chan *nats.Msg
	look  chan struct{}      // something may have changed: look at the log and the tail
	again <-chan time.Time   // not nil: a complaint that was refused may be made then
	sub   *nats.Subscription // to the room, of the life that is; nil before the first
	fault error              // why it is not read any more; guarded by Live.mu while a life lasts
}

// liveBuffer is how many live messages of a room may wait: more, and the rest
// is taken from history.
const liveBuffer = 4096

func (c *Client) newFollower(id bus.RoomID, after uint64, emit func(bus.Event) error) *follower {
	f := &follower{c: c, id: id, open: c.newOpener(id), emit: emit,
		live: make(chan *nats.Msg, liveBuffer), look: make(chan struct{}, 1)}
	f.open.keep = c.newKeeper(id, after)
	f.held.Store(after)
	return f
}

// nudge makes the follower look for what it may have missed.
func (f *follower) nudge() {
	select {
	case f.look <- struct{}{}:
	default:
	}
}

// run reads the room during one life: first what was missed, which it tells, then
// live.
func (f *follower) run(ctx context.Context, filled func()) error {
	defer f.open.keep.flush(ctx)
	if err := f.c.holdNewest(ctx, f.id); err != nil {
		return err
	}
	if err := f.catchUp(ctx); err != nil {
		return err
	}
	filled()
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-f.live:
			if err := f.take(ctx, m); err != nil {
				return err
			}
			if len(f.live) == 0 {
				f.open.keep.flush(ctx)
			}
		case <-f.look:
			if err := f.catchUp(ctx); err != nil {
				return err
			}
		case <-f.again:
			f.again = nil
			if err := f.catchUp(ctx); err != nil {
				return err
			}
		}
	}
}

// catchUp reads what was missed, complains of a key that does not open, and lets
// another device of this user in.
func (f *follower) catchUp(ctx context.Context) error {
	if err := f.fill(ctx); err != nil {
		return err
	}
	again, err := f.c.repair(ctx, f.id)
	if err != nil && !refusedRekey(err) {
		return err
	}
	if again > 0 && f.again == nil {
		f.again = time.After(again)
	}
	if err := f.c.welcome(ctx, f.id); err != nil {
		return err
	}
	return f.tellLog()
}

// take hands on a live message when its predecessor is the one held, else what
// history has after it.
func (f *follower) take(ctx context.Context, m *nats.Msg) error {
	seq, prev, at, stored := live(m)
	held := f.held.Load()
	switch {
	case !stored:
		return f.hand(ctx, wire.StoredMessage{At: f.c.now(), Frame: m.Data})
	case seq <= held:
		return nil
	case prev == held:
		return f.hand(ctx, wire.StoredMessage{Seq: seq, At: at, Frame: m.Data})
	}
	return f.fillTo(ctx, seq)
}

// fillTo reads history until it reaches a live sequence: a replica that
// answers may be a little behind.
func (f *follower) fillTo(ctx context.Context, seq uint64) error {
	var wait call.Backoff
	for {
		if err := f.fill(ctx); err != nil || f.held.Load() >= seq {
			return err
		}
		if !wait.Sleep(ctx) {
			return context.Cause(ctx)
		}
	}
}

func (f *follower) hand(ctx context.Context, m wire.StoredMessage) error {
	events, err := f.open.open(ctx, m)
	if err != nil {
		return err
	}
	if err := f.tellLog(); err != nil {
		return err
	}
	for _, e := range events {
		if err := f.emit(e); err != nil {
			return err
		}
	}
	f.reached(m.Seq)
	f.c.sawFrame(f.id, m)
	return nil
}

// handNewest hands on the newest so many messages of what is stored, and what
// came between them; all with limit 0.
func (f *follower) handNewest(ctx context.Context, frames []wire.StoredMessage, limit int) error {
	var events []bus.Event
	var err error
	for _, m := range frames {
		var more []bus.Event
		if more, err = f.open.open(ctx, m); err != nil {
			break // what was opened is shown before it
		}
		events = append(events, more...)
		f.c.sawFrame(f.id, m)
	}
	for _, e := range newest(events, limit) {
		if err := f.emit(e); err != nil {
			return err
		}
	}
	return err
}

// newest cuts events down to the last so many messages and what came between:
// a frame may hold hundreds.
func newest(events []bus.Event, limit int) []bus.Event {
	for i := len(events) - 1; i >= 0; i-- {
		if events[i].Message != nil || events[i].Late != nil {
			if limit--; limit == 0 {
				return events[i:]
			}
		}
	}
	return events
}

// reached moves the cursor on; only the follower's own goroutine does.
func (f *follower) reached(seq uint64) { f.held.Store(max(f.held.Load(), seq)) }

// fill reads history after the message held, page by page, and then tells what
// the room's log has new.
func (f *follower) fill(ctx context.Context) error {
	for {
		before := f.held.Load()
		end, err := f.c.page(ctx, wire.MessagesAfter(f.id, f.held.Load(), bus.MaxPageMessages), func(m wire.StoredMessage) error {
			if m.Seq <= f.held.Load() {
				return nil
			}
			return f.hand(ctx, m)
		})
		if err != nil {
			return err
		}
		f.reached(end.Through)
		f.open.keep.reach(end.Through)
		f.open.keep.flush(ctx)
		if !end.More || f.held.Load() == before { // more, and never any of it, is a lie
			break
		}
	}
	if err := f.c.refresh(ctx, f.id); err != nil {
		return err
	}
	return f.tellLog()
}

// refresh reads the room's log on, and hands keys on to who came.
func (c *Client) refresh(ctx context.Context, id bus.RoomID) error {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	r, err := c.world.syncRoom(ctx, id)
	if err == nil {
		c.handOn(ctx, r)
	}
	return err
}

// page reads one page of history.
func (c *Client) page(ctx context.Context, target string, each func(wire.StoredMessage) error) (wire.PageEnd, error) {
	res, err := c.call.Do(ctx, call.Request{Method: http.MethodGet, Target: target})
	if err != nil {
		return wire.PageEnd{}, err
	}
	defer res.Body.Close()
	return wire.ReadPage(res.Body, each)
}

// tellLog emits what entries did that were verified since it was told last.
func (f *follower) tellLog() error {
	for _, e := range f.newChanges() {
		if err := f.emit(e); err != nil {
			return err
		}
	}
	return nil
}

func (f *follower) newChanges() (out []bus.Event) {
	f.c.world.mu.Lock()
	defer f.c.world.mu.Unlock()
	r := f.c.world.rooms[f.id]
	if r == nil {
		return nil
	}
	for _, ch := range r.changes[min(f.log, len(r.changes)):] {
		out = append(out, f.c.world.changeEvents(ch)...)
	}
	f.log = len(r.changes)
	return out
}

// skipLog leaves out what happened before the reading began.
func (f *follower) skipLog() {
	f.c.world.mu.Lock()
	defer f.c.world.mu.Unlock()
	if r := f.c.world.rooms[f.id]; r != nil {
		f.log = len(r.changes)
	}
}

// changeEvents says in events what one entry did.
func (w *world) changeEvents(ch change) (out []bus.Event) {
	e := w.describe(ch)
	member := func(user bus.Handle, what bus.MemberChange, role bus.RoomRole) {
		out = append(out, bus.Event{Member: &bus.MemberEvent{User: user, Change: what, Role: role, By: e.By, Time: ch.entry.Time}})
	}
	for _, m := range ch.added {
		word := bus.MemberAdded
		if m.Account == ch.entry.Account {
			word = bus.MemberJoined
		}
		member(w.handle(m.Account), word, m.Role)
	}
	for i := range e.Invited {
		member(e.Invited[i], bus.MemberInvited, ch.invited[i].Role)
	}
	for _, m := range ch.roles {
		member(w.handle(m.Account), bus.MemberRole, m.Role)
	}
	for _, id := range ch.dropped {
		word := bus.MemberRemoved
		if id == ch.entry.Account {
			word = bus.MemberLeft
		}
		member(w.handle(id), word, 0)
	}
	slices.SortStableFunc(out, func(a, b bus.Event) int { return cmp.Compare(a.Member.User, b.Member.User) }) // an entry has them by ids
	if ch.started {
		out = append(out, bus.Event{Epoch: &bus.EpochEvent{Epoch: ch.epoch, By: e.By, Op: e.Op, Time: ch.entry.Time, BadKeyBy: e.BadKeyBy}})
	}
	return out
}
