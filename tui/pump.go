package tui

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"unibus/internal/bus"
)

const (
	// frameTime is how long what arrives is gathered before it is shown: a
	// screen shows no more.
	frameTime = 16 * time.Millisecond
	// pumpSize bounds the events that wait for a slow terminal, and pumpBytes what
	// their words weigh: others write as many and as long ones as they like.
	pumpSize  = 4096
	pumpBytes = 8 << 20
)

// batchMsg is what came in since the last one. Lost rooms have had messages
// that were not kept: the screen loads them when they are looked at.
type batchMsg struct {
	events []Event
	bytes  int // of the words in them
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
	for i := range events {
		b.bytes += wordsIn(&events[i])
	}
	if len(b.events) > pumpSize || b.bytes > pumpBytes {
		p.squeeze(b)
	}
}

// squeeze drops what came in frames: all of rooms that nobody looks at, and of the
// one on the screen the older ones. What is missing of one sender becomes one number.
// All else is kept: of that a session sends little.
func (p *pump) squeeze(b *batchMsg) {
	shown := p.seen.Load()
	spare, heavy := len(b.events)-pumpSize/2, b.bytes-pumpBytes/2
	kept := b.events[:0]
	gaps := gaps{}
	for _, e := range b.events {
		here := shown != nil && e.Room == *shown
		switch {
		case gaps.add(&e):
			spare--
		case ofFrame(e) && (!here || spare > 0 || heavy > 0):
			p.lose(b, e)
			spare--
			heavy -= wordsIn(&e)
			b.bytes -= wordsIn(&e)
		default:
			kept = append(kept, e)
		}
	}
	clear(b.events[len(kept):])
	b.events = kept
}

// wordsIn is how many bytes of words an event brings.
func wordsIn(e *Event) int {
	if m := messageOf(*e); m != nil {
		return len(m.Text)
	}
	return 0
}

// gaps are what is missing of each sender in each room.
type gaps map[gapOf]*bus.GapEvent

type gapOf struct {
	room bus.RoomID
	from bus.Handle
}

// add reports whether e is a gap that was added to an earlier one; the first one
// becomes one that can be added to.
func (g gaps) add(e *Event) bool {
	if e.Happened == nil || e.Happened.Gap == nil {
		return false
	}
	gap := *e.Happened.Gap
	of := gapOf{e.Room, gap.From}
	if known := g[of]; known != nil {
		known.Missed += min(gap.Missed, math.MaxUint32-known.Missed)
		return true
	}
	g[of], e.Happened = &gap, &bus.Event{Gap: &gap}
	return false
}

// ofFrame reports whether an event is what a frame held, or that it cannot be shown:
// a page of history has it again. Members make as many of both as they like.
func ofFrame(e Event) bool {
	return messageOf(e) != nil || e.Happened != nil && (e.Happened.Undecryptable != nil || e.Happened.Order != nil)
}

func messageOf(e Event) *bus.Message {
	if e.Happened == nil {
		return nil
	}
	return e.Happened.Brings()
}

func (p *pump) lose(b *batchMsg, e Event) {
	if e.Happened.Order != nil { // nothing to see
		return
	}
	if b.lost == nil {
		b.lost = map[bus.RoomID]tally{}
	}
	t, m := b.lost[e.Room], messageOf(e)
	if m == nil {
		m = &bus.Message{Seq: e.Happened.Undecryptable.Seq}
	}
	t.last = max(t.last, m.Seq)
	if m.Counts(p.self) {
		t.unread++
		if Mentions(m.Text, p.self) {
			t.mentions++
		}
	}
	b.lost[e.Room] = t
}
