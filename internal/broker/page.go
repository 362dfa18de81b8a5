package broker

import (
	"context"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// maxPageBytes bounds the frames of one page in the node's memory; the first
// message over it is still in it.
const maxPageBytes = 4 << 20

// PageQuery asks for messages with After < sequence < Before; Before 0 is no
// bound. When there are more than Limit, the oldest are meant if After is set
// or Forward is, else the newest. Limit is 1 to bus.MaxPageMessages, which is
// also what 0 means.
type PageQuery struct {
	After, Before uint64
	Limit         int
	Forward       bool // from the oldest although After is 0
}

// Page is a part of a room's messages in order, at most Limit and about 4 MiB
// of them. Between its first message and Through nothing is missing; More says
// that there is more on the far side, older or newer as the query went.
type Page struct {
	Messages []wire.StoredMessage
	wire.PageEnd
}

// Page reads stored messages of a room; see PageQuery. Errors are of kind
// Unavailable.
func (b *Broker) Page(ctx context.Context, shard int, room bus.RoomID, q PageQuery) (Page, error) {
	return b.history.page(ctx, shard, room, q)
}

// page reads one page of a room.
func (h *history) page(ctx context.Context, shard int, room bus.RoomID, q PageQuery) (Page, error) {
	if q.Limit <= 0 || q.Limit > bus.MaxPageMessages {
		q.Limit = bus.MaxPageMessages
	}
	w := window{room: room, limit: q.Limit, oldest: q.Forward || q.After > 0, through: q.After, keep: h.frameOf}
	if w.oldest {
		err := h.scan(ctx, shard, q.After+1, q.Before, &w)
		return w.page(0), err
	}
	end, err := h.end(ctx, shard, room, q.Before)
	if err != nil || end == 0 {
		return Page{}, err
	}
	count := func(seq uint64) (uint64, uint64, error) { return h.count(ctx, shard, room, seq) }
	from, older, err := seek(count, end, uint64(q.Limit))
	if err != nil || from == 0 {
		return Page{}, err
	}
	err = h.scan(ctx, shard, from, end, &w)
	return w.page(older), err
}

// end returns the sequence below which a page of the newest messages lies:
// before itself, or one past the room's last; 0 when nothing is stored.
func (h *history) end(ctx context.Context, shard int, room bus.RoomID, before uint64) (uint64, error) {
	if before > 0 {
		return before, nil
	}
	last, err := h.last(ctx, shard, room)
	if err != nil || last == 0 {
		return 0, err
	}
	return last + 1, nil
}

// scan feeds w the messages of its room from a sequence on, until w has
// enough, or before is reached, or nothing is left.
func (h *history) scan(ctx context.Context, shard int, from, before uint64, w *window) error {
	for {
		req := getRequest{Seq: from, Next: wire.StoredSubject(shard, w.room), Batch: w.want(), MaxBytes: batchBytes}
		b, err := h.get(ctx, shard, req)
		if err != nil {
			return err
		}
		for _, s := range b.messages {
			if before > 0 && s.seq >= before {
				return nil
			}
			if !w.add(s) {
				return nil
			}
			from = s.seq + 1
		}
		if b.pending == 0 || len(b.messages) == 0 {
			return nil
		}
	}
}

// window collects a page while messages pass in order: the oldest ones until
// it is full, or the newest ones, letting go of what came first.
type window struct {
	room   bus.RoomID
	limit  int
	oldest bool
	keep   func(bus.RoomID, stored) bool

	messages []wire.StoredMessage
	bytes    int
	through  uint64
	dropped  uint64 // messages let go at the old end
	full     bool
}

// want is how many messages to ask for next. One more than fits says whether
// there is more.
func (w *window) want() int {
	if !w.oldest {
		return batchMessages
	}
	return min(w.limit-len(w.messages)+1, batchMessages)
}

// add takes the next message and reports whether to go on.
func (w *window) add(s stored) bool {
	if w.oldest && (len(w.messages) == w.limit || w.bytes >= maxPageBytes) {
		w.full = true
		return false
	}
	w.through = s.seq
	if !w.keep(w.room, s) {
		return true
	}
	w.messages = append(w.messages, wire.StoredMessage{Seq: s.seq, At: s.at, Frame: s.data})
	w.bytes += len(s.data)
	for len(w.messages) > w.limit || w.bytes-len(w.messages[0].Frame) >= maxPageBytes {
		w.bytes -= len(w.messages[0].Frame)
		w.messages = w.messages[1:]
		w.dropped++
	}
	return true
}

// page ends the window; older is how many messages lie before its start.
func (w *window) page(older uint64) Page {
	more := w.full || older+w.dropped > 0
	return Page{Messages: w.messages, PageEnd: wire.PageEnd{Through: w.through, More: more}}
}
