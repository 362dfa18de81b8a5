package client

import (
	"context"

	"unibus/internal/bus"
	"unibus/internal/profile"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// keeper collects the frames of a room that somebody reads, in order, and hands
// them to the profile in batches. What the profile does not take is read from the
// node another time: nobody is held up for it. Its methods take nil, which keeps
// nothing. It belongs to one goroutine.
type keeper struct {
	c     *Client
	id    bus.RoomID
	parts []part // the last one is still growing
}

// part is frames between which none is missing.
type part struct {
	frames []profile.Frame
	of     profile.Stretch
}

func (p part) empty() bool { return len(p.frames) == 0 && p.of.After == p.of.Through }

// newKeeper keeps what comes after a sequence.
func (c *Client) newKeeper(id bus.RoomID, after uint64) *keeper {
	if !c.keep {
		return nil
	}
	k := &keeper{c: c, id: id}
	k.begin(after)
	return k
}

// begin says that the next frame is the first after a sequence.
func (k *keeper) begin(after uint64) {
	if k == nil {
		return
	}
	if n := len(k.parts); n > 0 && k.parts[n-1].empty() {
		k.parts = k.parts[:n-1]
	}
	k.parts = append(k.parts, part{of: profile.Stretch{After: after, Through: after}})
}

// reach says that nothing more comes up to a sequence.
func (k *keeper) reach(seq uint64) {
	if k != nil {
		of := &k.parts[len(k.parts)-1].of
		of.Through = max(of.Through, seq)
	}
}

// take collects a frame. One that may open later is left out: the next reader
// asks the node for it.
func (k *keeper) take(m wire.StoredMessage, s sight) {
	switch {
	case k == nil || m.Seq == 0: // its room keeps nothing
	case s.later:
		k.reach(m.Seq - 1)
		k.begin(m.Seq)
	case len(s.events) == 0: // a repeat, or over
		k.reach(m.Seq)
	default:
		k.reach(m.Seq)
		last := &k.parts[len(k.parts)-1]
		last.frames = append(last.frames, k.frame(m, s))
	}
}

// frame is how a frame is kept and found. A node that dates it into the future
// has it kept no longer.
func (k *keeper) frame(m wire.StoredMessage, s sight) profile.Frame {
	f := profile.Frame{Seq: m.Seq, At: m.At, Raw: m.Frame, Mark: s.mark}
	if now := k.c.now(); f.At.After(now) {
		f.At = now
	}
	for _, r := range s.records {
		switch r.Kind {
		case seal.KindText, seal.KindReply, seal.KindEdit:
			f.Texts = append(f.Texts, string(r.Body))
		case seal.KindFile:
			if file := parseFile(r.Body); file != nil {
				f.Texts = append(f.Texts, file.Name)
			}
		}
		if r.Ref != nil && (r.Kind == seal.KindEdit || r.Kind == seal.KindDelete) {
			f.About = append(f.About, r.Ref.Frame)
		}
	}
	for _, e := range s.events {
		if msg := e.Brings(); msg != nil && msg.Counts(k.c.id.Handle) {
			f.Unread++
			if k.c.calls != nil && k.c.calls(msg.Text, k.c.id.Handle) {
				f.Mentions++
			}
		}
	}
	return f
}

// page says how far a page reached that the node answered a span with, the first
// frame of which has a sequence; 0 where it has none.
func (k *keeper) page(s Span, end wire.PageEnd, first uint64) {
	if k == nil {
		return
	}
	top := end.Through
	if s.Before > 0 {
		top = s.Before - 1
	}
	switch {
	case s.After > 0 && end.More:
		return
	case s.After > 0 || first > 0:
		k.reach(top)
	default:
		first = top + 1
	}
	if s.After == 0 && !end.More {
		k.parts = append(k.parts, part{of: profile.Stretch{Through: first - 1}})
	}
}

// flush hands what was collected to the profile.
func (k *keeper) flush(ctx context.Context) {
	if k == nil {
		return
	}
	ctx = context.WithoutCancel(ctx) // who ends has read it all the same
	through := uint64(0)
	for _, p := range k.parts {
		through = max(through, p.of.Through)
		if p.empty() {
			continue
		}
		if k.c.store.Keep(ctx, k.id, p.frames, p.of) != nil {
			break
		}
	}
	k.parts = nil
	k.begin(through)
}
