package broker

import (
	"context"
	"encoding/json"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/internal/bus"
	"unibus/internal/frame"
	"unibus/internal/wire"
)

const (
	// historyReaders are the connections that read what is stored. A read runs
	// in the loop of its connection on the server and holds up all else there.
	historyReaders = 4
	// historyTimeout bounds one request: NATS answers some errors not at all.
	historyTimeout = 5 * time.Second
	// batchMessages and batchBytes bound what one request makes the server
	// queue for a reader; they must stay below maxPending.
	batchMessages = 512
	batchBytes    = 1 << 20
)

var errStored = bus.Errorf(bus.Unavailable, "history_unavailable", "stored messages cannot be reached now").
	WithHint("try again")

// getRequest is a direct get of JetStream: one message, or a batch of them.
type getRequest struct {
	Seq       uint64     `json:"seq,omitempty"`
	Last      string     `json:"last_by_subj,omitempty"`
	Next      string     `json:"next_by_subj,omitempty"`
	Batch     int        `json:"batch,omitempty"`
	MaxBytes  int        `json:"max_bytes,omitempty"`
	StartTime *time.Time `json:"start_time,omitempty"`
}

// batch is the answer to one request.
type batch struct {
	messages []stored
	pending  uint64 // messages of the request's subject behind the last of these
}

// stored is a message as the stream has it, whatever it may be.
type stored struct {
	seq     uint64
	at      time.Time
	subject string
	data    []byte
	behind  uint64 // messages of the request's subject after this one
}

// history reads stored messages through a few connections of its own.
type history struct {
	free chan *reader
	junk atomic.Uint64 // stored messages that are no frame of their room
}

// reader is one connection; it serves one request at a time.
type reader struct {
	conn    *nats.Conn
	inbox   string // answers arrive on inbox.<number of the request>
	answers chan *nats.Msg
	number  uint64
}

func newHistory(conns []*nats.Conn) (*history, error) {
	h := &history{free: make(chan *reader, len(conns))}
	for _, c := range conns {
		r := &reader{conn: c, inbox: nats.NewInbox(), answers: make(chan *nats.Msg, 2*batchMessages)}
		if _, err := c.ChanSubscribe(r.inbox+".*", r.answers); err != nil {
			return nil, err
		}
		if err := c.Flush(); err != nil {
			return nil, err
		}
		h.free <- r
	}
	return h, nil
}

// get asks one shard. A batch without a message, and a message that is not
// there, are an empty batch.
func (h *history) get(ctx context.Context, shard int, req getRequest) (batch, error) {
	ctx, cancel := context.WithTimeout(ctx, historyTimeout)
	defer cancel()
	select {
	case r := <-h.free:
		defer func() { h.free <- r }()
		return r.get(ctx, shard, req)
	case <-ctx.Done():
		return batch{}, errStored.Because(ctx.Err())
	}
}

func (r *reader) get(ctx context.Context, shard int, req getRequest) (b batch, err error) {
	body, err := json.Marshal(req)
	if err != nil {
		return b, errStored.Because(err)
	}
	r.number++
	inbox := r.inbox + "." + strconv.FormatUint(r.number, 36)
	if err := r.conn.PublishRequest("$JS.API.DIRECT.GET."+wire.StreamName(shard), inbox, body); err != nil {
		return b, errStored.Because(err)
	}
	for {
		select {
		case m := <-r.answers:
			if m.Subject != inbox {
				continue // a late answer to a request that was given up
			}
			if done, err := b.add(m, req.Batch > 0); done || err != nil {
				return b, err
			}
		case <-ctx.Done():
			return b, errStored.Because(ctx.Err())
		}
	}
}

// add takes one answer and reports whether it was the last. The header block
// of a stored message is the node's own, so that a status is the server's.
func (b *batch) add(m *nats.Msg, more bool) (done bool, err error) {
	switch status := m.Header.Get("Status"); status {
	case "":
	case "204":
		b.pending, err = strconv.ParseUint(m.Header.Get("Nats-Num-Pending"), 10, 64)
		return true, wrapStored(err)
	case "404":
		return true, nil
	default:
		return true, errStored.Because(bus.Errorf(bus.Failed, "direct_get", "direct get answered %s", status))
	}
	s, err := parseStored(m, more)
	if err != nil {
		return true, err
	}
	b.messages = append(b.messages, s)
	return !more, nil
}

func parseStored(m *nats.Msg, counted bool) (s stored, err error) {
	s.subject, s.data = m.Header.Get(nats.JSSubject), m.Data
	if s.seq, err = strconv.ParseUint(m.Header.Get(nats.JSSequence), 10, 64); err != nil {
		return s, wrapStored(err)
	}
	if s.at, err = time.Parse(time.RFC3339Nano, m.Header.Get(nats.JSTimeStamp)); err != nil {
		return s, wrapStored(err)
	}
	if counted {
		s.behind, err = strconv.ParseUint(m.Header.Get("Nats-Num-Pending"), 10, 64)
	}
	return s, wrapStored(err)
}

func wrapStored(err error) error {
	if err == nil {
		return nil
	}
	return errStored.Because(err)
}

// last returns the newest sequence of a room, 0 when nothing is stored.
func (h *history) last(ctx context.Context, shard int, room bus.RoomID) (uint64, error) {
	b, err := h.get(ctx, shard, getRequest{Last: wire.StoredSubject(shard, room)})
	if err != nil || len(b.messages) == 0 {
		return 0, err
	}
	return b.messages[0].seq, nil
}

// count returns how many messages a room has from seq on, and the sequence of
// the first of them.
func (h *history) count(ctx context.Context, shard int, room bus.RoomID, seq uint64) (n, first uint64, err error) {
	// A sequence of 0 would ask for the newest.
	b, err := h.get(ctx, shard, getRequest{Seq: max(seq, 1), Next: wire.StoredSubject(shard, room), Batch: 1})
	if err != nil || len(b.messages) == 0 {
		return 0, 0, err
	}
	return b.messages[0].behind + 1, b.messages[0].seq, nil
}

// since returns the first sequence of a room that was stored at t or later, or
// one past its newest when there is none: what is below it is older than t.
func (h *history) since(ctx context.Context, shard int, room bus.RoomID, t time.Time) (uint64, error) {
	b, err := h.get(ctx, shard, getRequest{StartTime: &t, Next: wire.StoredSubject(shard, room), Batch: 1})
	if err != nil {
		return 0, err
	}
	if len(b.messages) > 0 {
		return b.messages[0].seq, nil
	}
	last, err := h.last(ctx, shard, room)
	return last + 1, err
}

// frameOf reports whether s is a frame of room, and counts what is not: no
// post stores such a thing, but a store may have been tampered with.
func (h *history) frameOf(room bus.RoomID, s stored) bool {
	head, err := frame.Parse(s.data)
	if err != nil || head.Room != room {
		h.junk.Add(1)
		return false
	}
	return true
}

// Last is the newest stored sequence of a room, 0 when there is none.
func (b *Broker) Last(ctx context.Context, shard int, room bus.RoomID) (uint64, error) {
	return b.history.last(ctx, shard, room)
}

// Count is how many messages a room has with a sequence above after.
func (b *Broker) Count(ctx context.Context, shard int, room bus.RoomID, after uint64) (uint64, error) {
	n, _, err := b.history.count(ctx, shard, room, after+1)
	return n, err
}
