package broker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

const (
	// openWorkers serve open requests, one endpoint always by the same one.
	openWorkers = 4
	// openQueue is how many requests wait for a worker; more are told to retry.
	openQueue = 256
	// openTimeout bounds the answer to one request.
	openTimeout = 5 * time.Second
	// maxOpenRequest is well over the largest honest request, in bytes.
	maxOpenRequest = 8 << 10
)

// opener serves svc.*.open.<server>: it extends the grant of a live connection
// by the rooms of a view.
type opener struct {
	sessions *sessions
	history  *history
	guard    *guard
	conn     *nats.Conn // in the account of the users
	queues   [openWorkers]chan *nats.Msg
	served   atomic.Uint64
	silent   atomic.Uint64
}

func newOpener(s *sessions, h *history, g *guard, conn *nats.Conn) *opener {
	o := &opener{sessions: s, history: h, guard: g, conn: conn}
	for i := range o.queues {
		o.queues[i] = make(chan *nats.Msg, openQueue)
	}
	return o
}

// take hands a request to the worker of its endpoint. A reply that is not the
// endpoint's own inbox gets no answer: it would be a message in its name.
func (o *opener) take(m *nats.Msg) {
	me, err := wire.ParseOpen(m.Subject)
	if err != nil || !wire.ValidReply(m.Reply, me) {
		o.silent.Add(1)
		return
	}
	if !o.guard.mayOpen(me) {
		o.answer(m.Reply, wire.OpenReply{Error: wire.OpenRetry})
		return
	}
	select {
	case o.queues[me[0]%openWorkers] <- m:
	default:
		o.answer(m.Reply, wire.OpenReply{Error: wire.OpenRetry})
	}
}

// work serves one queue until ctx ends.
func (o *opener) work(ctx context.Context, queue <-chan *nats.Msg) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-queue:
			o.serve(ctx, m)
		}
	}
}

func (o *opener) serve(ctx context.Context, m *nats.Msg) {
	me, _ := wire.ParseOpen(m.Subject) // take has parsed it
	o.served.Add(1)
	req, err := decodeOpen(m.Data)
	if err != nil {
		o.answer(m.Reply, wire.OpenReply{Error: wire.OpenRooms})
		return
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	reply := o.sessions.open(me, req)
	o.addLast(ctx, me, reply.Granted)
	o.answer(m.Reply, reply)
}

// addLast adds the newest sequences, outside the session's lock: they are
// hints, and what follows them reaches the client live.
func (o *opener) addLast(ctx context.Context, me bus.EndpointID, granted []wire.OpenRoom) {
	for i := range granted {
		f, ok := o.sessions.room(me, granted[i].Room)
		if !ok || !f.Persist {
			continue
		}
		last, err := o.history.last(ctx, f.Shard, granted[i].Room)
		if err != nil {
			return // the next tail notice says it
		}
		granted[i].Last = last
	}
}

func (o *opener) answer(reply string, r wire.OpenReply) {
	data, err := json.Marshal(r)
	if err != nil {
		return // no such value
	}
	_ = o.conn.Publish(reply, data) // a lost answer is asked for again
}

func decodeOpen(data []byte) (req wire.OpenRequest, err error) {
	if len(data) > maxOpenRequest {
		return req, errors.New("too long for an open request")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&req); err != nil {
		return req, err
	}
	if d.More() || len(req.Rooms) > bus.MaxOpenRooms {
		return req, errors.New("not an open request")
	}
	return req, nil
}

// open grants the rooms of req to one live connection of me, under the lock
// that a removal takes too.
func (s *sessions) open(me bus.EndpointID, req wire.OpenRequest) wire.OpenReply {
	ses := s.find(me)
	if ses == nil || req.Server != s.server {
		return wire.OpenReply{Error: wire.OpenConnection}
	}
	ses.mu.Lock()
	defer ses.mu.Unlock()
	c := ses.conns[req.Client]
	switch {
	case c == nil || !s.alive(c.id):
		return wire.OpenReply{Error: wire.OpenConnection}
	case !s.dir.Fresh():
		return wire.OpenReply{Error: wire.OpenRetry}
	case !s.refresh(me, c):
		s.cut(ses, []*connection{c})
		return wire.OpenReply{Error: wire.OpenConnection}
	}
	return s.extend(ses, c, req.Rooms)
}

// extend adds rooms to a connection whose facts were just read.
func (s *sessions) extend(ses *session, c *connection, rooms []bus.RoomID) (r wire.OpenReply) {
	added := map[bus.RoomID]RoomFacts{}
	for _, room := range rooms {
		f, err := s.dir.Room(ses.me, room)
		if err != nil {
			r.Refused = append(r.Refused, wire.RefusedRoom{Room: room, Code: refusal(err)})
			continue
		}
		if _, open := c.open[room]; !open {
			added[room] = f
		}
		r.Granted = append(r.Granted, wire.OpenRoom{Room: room, Write: f.Write, Tip: f.Tip})
	}
	if len(c.open)+len(added) > bus.MaxOpenRooms {
		return wire.OpenReply{Error: wire.OpenRooms}
	}
	if len(added) > 0 {
		maps.Copy(c.open, added)
		s.register(ses.me, c, nil)
	}
	ses.publish()
	return r
}

// refusal tells a foreign room from one that cannot be judged now, and never
// a foreign one from one that does not exist.
func refusal(err error) string {
	if errors.Is(err, bus.ErrNotMember) {
		return bus.ErrNotMember.Code
	}
	return wire.OpenRetry
}
