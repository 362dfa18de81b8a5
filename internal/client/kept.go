package client

import (
	"context"
	"math"
	"net/http"
	"sync"
	"time"

	"unibus/internal/bus"
	"unibus/internal/profile"
	"unibus/internal/wire"
)

// offline is a client that has the profile alone to ask: who reads what is kept
// waits for no node, and for nobody who waits for one.
type offline struct {
	once   sync.Once
	client *Client
}

func (c *Client) local() *Client {
	c.offline.once.Do(func() {
		node := c.call.Through(func(http.RoundTripper) http.RoundTripper { return nowhere{} })
		w := newWorld(node, c.store, c.info.Org)
		w.me, w.local = c.id.Account, true
		c.offline.client = &Client{id: c.id, info: c.info, call: node, store: c.store, now: c.now, world: w,
			newest: map[bus.RoomID]seen{}, kems: kemKeys{known: c.id.KEMs}}
	})
	return c.offline.client
}

// nowhere is where an offline client's requests end: nothing that it does reaches a
// node, whatever it asks for.
type nowhere struct{}

// RoundTrip implements http.RoundTripper.
func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, ErrNotKept }

// keepsSince takes in what the profile knows of a room by now, and says since when
// the room keeps messages.
func (c *Client) keepsSince(ctx context.Context, id bus.RoomID) (time.Time, error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	r, err := c.world.syncRoom(ctx, id)
	if err != nil {
		return time.Time{}, err
	}
	return c.now().Add(-r.Retention), nil
}

// ErrNotKept is of a page that is not on this device.
var ErrNotKept = bus.Errorf(bus.NotFound, "not_kept", "what comes there is not on this device").
	WithHint("it is read from the bus when that is there")

// Kept is a page of what this client keeps of a room.
type Kept struct {
	Events  []bus.Event
	More    bool   // there is more in the direction that was asked for, here or on the node
	Through uint64 // nothing is missing up to here
}

// KeptPage is Page from what is kept, without the node. It shows nothing beyond
// a hole: NotFound, code not_kept, where what comes first is not kept.
func (c *Client) KeptPage(ctx context.Context, id bus.RoomID, s Span) (k Kept, err error) {
	l := c.local()
	oldest, err := l.keepsSince(ctx, id)
	if err != nil {
		return k, err
	}
	of, err := l.stretch(ctx, id, s)
	if err != nil {
		return k, err
	}
	p := keptPage{c: l, of: of, span: s, oldest: oldest, open: l.newOpener(id)}
	for !p.end && len(p.events) == 0 {
		if err := p.read(ctx); err != nil {
			return k, err
		}
	}
	return p.result()
}

// Reach is up to where nothing is missing of the newest that is kept of a room; 0
// where nothing is kept.
func (c *Client) Reach(ctx context.Context, id bus.RoomID) (uint64, error) {
	list, err := c.store.Stretches(ctx, id)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	return list[len(list)-1].Through, nil
}

// UnreadKept lists the frames that are kept of a room, came after a sequence and hold
// messages of others: how many, and how many of them mention this user.
func (c *Client) UnreadKept(ctx context.Context, id bus.RoomID, after uint64) ([]profile.Count, error) {
	return c.store.Unread(ctx, id, after)
}

// stretch finds where a span begins.
func (c *Client) stretch(ctx context.Context, id bus.RoomID, s Span) (profile.Stretch, error) {
	list, err := c.store.Stretches(ctx, id)
	if err != nil {
		return profile.Stretch{}, err
	}
	for i, of := range list {
		switch {
		case s.After > 0:
			if of.After <= s.After && s.After <= of.Through {
				return of, nil
			}
		case s.Before > 0:
			if of.After < s.Before && s.Before-1 <= of.Through {
				return of, nil
			}
		case i == len(list)-1:
			return of, nil
		}
	}
	return profile.Stretch{}, ErrNotKept
}

// keptPage is a page while it is read.
type keptPage struct {
	c      *Client
	of     profile.Stretch
	span   Span
	oldest time.Time
	open   *opener
	events []bus.Event
	end    bool // nothing more is kept in this direction
	last   uint64
}

// read reads so many frames, and moves the span behind them.
func (p *keptPage) read(ctx context.Context) error {
	frames, err := p.frames(ctx)
	if err != nil {
		return err
	}
	p.end = len(frames) < p.span.Limit
	for _, f := range frames {
		if f.At.Before(p.oldest) {
			continue
		}
		events, err := p.open.open(ctx, wire.StoredMessage{Seq: f.Seq, At: f.At, Frame: f.Raw})
		if err != nil {
			return err
		}
		p.events = append(p.events, events...)
	}
	if len(frames) == 0 {
		return nil
	}
	p.last = frames[len(frames)-1].Seq
	if p.span.After > 0 {
		p.span.After = p.last
	} else {
		p.span.Before = frames[0].Seq
	}
	return nil
}

func (p *keptPage) frames(ctx context.Context) ([]profile.Frame, error) {
	if p.span.After > 0 {
		return p.c.store.FramesAfter(ctx, p.open.id, p.of, p.span.After, p.span.Limit)
	}
	before := p.span.Before
	if before == 0 {
		before = math.MaxUint64
	}
	return p.c.store.FramesBefore(ctx, p.open.id, p.of, before, p.span.Limit)
}

func (p *keptPage) result() (Kept, error) {
	switch {
	case p.span.After > 0 && !p.end:
		return Kept{p.events, true, p.last}, nil
	case p.span.After > 0:
		return Kept{p.events, false, p.of.Through}, nil
	case p.end && p.of.After > 0 && len(p.events) == 0:
		return Kept{}, ErrNotKept
	}
	return Kept{p.events, !p.end || p.of.After > 0, p.of.Through}, nil
}
