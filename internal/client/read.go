package client

import (
	"context"
	"sync"
	"time"

	"unibus/internal/bus"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// ReadOptions says what of a room to read.
type ReadOptions struct {
	After  uint64    // only what came after this sequence
	Whole  bool      // from the first message on; not with After
	Since  time.Time // only what the node stored since then
	Limit  int       // the newest so many, when none of them is set
	Follow bool      // go on until ctx ends
	State  func(bus.StateEvent)
}

// Read hands the events of a room to emit, oldest first. With Follow it goes
// on with what comes, over lost connections, without a gap or a repeat; it
// returns nil when ctx ends.
func (c *Client) Read(ctx context.Context, id bus.RoomID, o ReadOptions, emit func(bus.Event) error) error {
	f := c.newFollower(id, o.After, emit)
	if err := c.beginFollow(ctx, f, o); err != nil || !o.Follow {
		return err
	}
	l := c.NewLive(o.State)
	l.followers[id] = f
	return l.Run(ctx)
}

// Tail hands the events of several rooms to emit, one at a time, from now on. A room
// of which the node shows what does not hold ends alone; see Live.Run.
func (c *Client) Tail(ctx context.Context, rooms []bus.RoomID, o ReadOptions, emit func(bus.RoomID, bus.Event) error) error {
	l := c.NewLive(o.State)
	var one sync.Mutex
	for _, id := range rooms {
		l.followers[id] = c.newFollower(id, 0, func(e bus.Event) error {
			one.Lock()
			defer one.Unlock()
			return emit(id, e)
		})
	}
	for _, id := range rooms {
		f := l.followers[id]
		err := c.beginFollow(ctx, f, o)
		if ofOneRoom(err) {
			err = l.spoilt(f, err)
		}
		if err != nil {
			return err
		}
	}
	return l.Run(ctx)
}

func (c *Client) beginFollow(ctx context.Context, f *follower, o ReadOptions) error {
	if err := c.beginRead(ctx, f.id); err != nil {
		return err
	}
	f.skipLog()
	return c.history(ctx, f, o)
}

// beginRead reads a room's log on, for somebody who may read its messages.
func (c *Client) beginRead(ctx context.Context, id bus.RoomID) error {
	if err := c.refresh(ctx, id); err != nil {
		return err
	}
	if err := c.erase(ctx); err != nil {
		return err
	}
	if err := c.mayRead(id); err != nil {
		return err
	}
	return c.holdNewest(ctx, id)
}

// history reads what is there already, and leaves the follower where that ends.
func (c *Client) history(ctx context.Context, f *follower, o ReadOptions) error {
	if o.After > 0 || o.Whole {
		return f.fill(ctx)
	}
	messages, through, err := c.newestPage(ctx, f.id, o)
	if err != nil {
		return err
	}
	limit := 0
	if o.Since.IsZero() {
		limit = o.Limit
	}
	f.open.keep.begin(ahead(messages, through))
	err = f.handNewest(ctx, messages, limit)
	f.reached(through)
	if err == nil {
		f.open.keep.reach(through)
	}
	f.open.keep.flush(ctx)
	return err
}

// ahead is the sequence behind which messages begin that reach through another.
func ahead(messages []wire.StoredMessage, through uint64) uint64 {
	if len(messages) == 0 {
		return through
	}
	return messages[0].Seq - 1
}

// newestPage collects the newest frames: so many, or back to a time. Through is
// the room's newest sequence, whatever is in them.
func (c *Client) newestPage(ctx context.Context, id bus.RoomID, o ReadOptions) (out []wire.StoredMessage, through uint64, err error) {
	limit := min(max(o.Limit, 0), bus.MaxPageMessages)
	if !o.Since.IsZero() {
		limit = bus.MaxPageMessages
	}
	if limit == 0 {
		newest, err := c.look(ctx, id)
		return nil, newest.seq, err
	}
	for before := uint64(0); ; before = out[0].Seq {
		var page []wire.StoredMessage
		end, err := c.page(ctx, wire.MessagesBefore(id, before, limit), func(m wire.StoredMessage) error {
			page = append(page, m)
			return nil
		})
		if err != nil {
			return nil, 0, err
		}
		out, through = append(page, out...), max(through, end.Through)
		if !end.More || len(page) == 0 || enough(out, limit, o.Since) {
			return since(out, o.Since), through, nil
		}
	}
}

// enough reports whether frames reach back far enough: to a time, or to so many.
func enough(frames []wire.StoredMessage, limit int, from time.Time) bool {
	if from.IsZero() {
		return len(frames) >= limit
	}
	return frames[0].At.Before(from)
}

func since(messages []wire.StoredMessage, from time.Time) []wire.StoredMessage {
	for len(messages) > 0 && messages[0].At.Before(from) {
		messages = messages[1:]
	}
	return messages
}

// SendOne sends one record and waits until the node has stored it.
func (c *Client) SendOne(ctx context.Context, id bus.RoomID, r seal.Record) (Ack, error) {
	l := c.NewLive(nil)
	box := l.Post(id, 0)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	acks := make(chan Ack, 1)
	if err := box.Send(ctx, r, acks); err != nil {
		return Ack{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	select {
	case a := <-acks:
		stop()
		<-ended
		return a, a.Err
	case err := <-ended:
		if err == nil {
			err = context.Cause(ctx)
		}
		return Ack{}, err
	}
}
