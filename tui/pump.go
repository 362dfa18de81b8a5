package tui

import (
	"context"
	"sync/atomic"
	"time"

	"unibus/internal/bus"
)

const (
	// frameTime is how long what arrives is gathered before it is shown: a
	// screen shows no more.
	frameTime = 16 * time.Millisecond
	// pumpSize bounds the events that wait for a slow terminal.
	pumpSize = 4096
)

// batchMsg is what came in since the last one. Lost rooms have had messages
// that were not kept: the screen loads them when they are looked at.
type batchMsg struct {
	events []Event
	lost   map[bus.RoomID]tally
	ended  bool
}

// tally counts what of a room was not kept.
type tally struct {
	unread, mentions int
	last             uint64
}

// pump takes events from a session, as fast as they come, and hands them to the
// program in batches. A terminal that is slow costs messages on the screen,
// never memory and never the connection.
type pump struct {
	in   <-chan []Event
	self bus.Handle
	send func(batchMsg) // waits until the program has drawn
	seen atomic.Pointer[bus.RoomID]
}

// show says which room is on the screen: what happens there is kept longest.
func (p *pump) show(room bus.RoomID) { p.seen.Store(&room) }

// run lives until ctx ends or the session does. Handing on waits for the
// program in a goroutine of its own, of which there is one at a time.
func (p *pump) run(ctx context.Context) {
	var wait batchMsg
	free := make(chan struct{}, 1)
	free <- struct{}{}
	frame := time.NewTicker(frameTime)
	defer frame.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case events, ok := <-p.in:
			if wait.ended = !ok; !ok {
				p.last(ctx, wait, free)
				return
			}
			p.gather(&wait, events)
		case <-frame.C:
			if len(wait.events) == 0 && len(wait.lost) == 0 {
				continue
			}
			select {
			case <-free:
				go func(b batchMsg) {
					p.send(b)
					free <- struct{}{}
				}(wait)
				wait = batchMsg{}
			default: // the program is still drawing
			}
		}
	}
}

// last hands on what is left when the session has ended.
func (p *pump) last(ctx context.Context, b batchMsg, free <-chan struct{}) {
	select {
	case <-free:
		p.send(b)
	case <-ctx.Done():
	}
}

// gather adds events to a batch and keeps it within bounds.
func (p *pump) gather(b *batchMsg, events []Event) {
	b.events = append(b.events, events...)
	if len(b.events) > pumpSize {
		p.squeeze(b)
	}
}

// squeeze drops messages: all of rooms that nobody looks at, and of the one on
// the screen the older ones. What is no message is kept: of that a session
// sends little.
func (p *pump) squeeze(b *batchMsg) {
	shown := p.seen.Load()
	spare := len(b.events) - pumpSize/2
	kept := b.events[:0]
	for _, e := range b.events {
		here := shown != nil && e.Room == *shown
		if message := messageOf(e); message != nil && (!here || spare > 0) {
			p.lose(b, e.Room, message)
			spare--
			continue
		}
		kept = append(kept, e)
	}
	clear(b.events[len(kept):])
	b.events = kept
}

func messageOf(e Event) *bus.Message {
	switch {
	case e.Happened == nil:
		return nil
	case e.Happened.Late != nil:
		return e.Happened.Late.Message
	}
	return e.Happened.Message
}

func (p *pump) lose(b *batchMsg, room bus.RoomID, m *bus.Message) {
	if b.lost == nil {
		b.lost = map[bus.RoomID]tally{}
	}
	t := b.lost[room]
	t.last = max(t.last, m.Seq)
	if counts(m, p.self) {
		t.unread++
		if Mentions(m.Text, p.self) {
			t.mentions++
		}
	}
	b.lost[room] = t
}

// counts reports whether a message is one that can be unread.
func counts(m *bus.Message, self bus.Handle) bool {
	return m.From != self && (m.Kind == "text" || m.Kind == "reply" || m.Kind == "file")
}
