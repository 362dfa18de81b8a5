package broker

import (
	"encoding/json"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/internal/bus"
	"unibus/internal/frame"
	"unibus/internal/wire"
)

// postTimeout is how long JetStream has for a post before its sender is told
// to send it again; its hash keeps it from being stored twice.
const postTimeout = 5 * time.Second

// How many posts wait for the one that takes them, which is a quarter of a
// second of work. More are dropped: their senders hear nothing and come again.
const (
	postQueue      = 8 << 10
	postQueueBytes = 32 << 20
)

// ackPrefix is where JetStream answers posts, in the account of control.
const ackPrefix = "ack.post."

// poster takes frames from users and stores them. One subscription and one
// connection to control keep the order in which an endpoint posted.
type poster struct {
	sessions *sessions
	dir      Directory
	guard    *guard
	quota    *quota
	waiting  waiting
	activity activity
	users    *nats.Conn // where posts come from and answers go
	ctl      *nats.Conn // where frames go and acknowledgements come from
	now      func() time.Time

	stored, duplicate, live, silent atomic.Uint64
	refused                         refusals
}

// take handles one post. A reply that is not exactly the sender's inbox gets
// no answer and stores nothing: NATS lets any publisher name any reply.
func (p *poster) take(m *nats.Msg) {
	room, me, err := wire.ParsePost(m.Subject)
	if err != nil || p.guard.barred(me) {
		p.silent.Add(1)
		return
	}
	if !wire.ValidReply(m.Reply, me) {
		p.silent.Add(1)
		p.guard.vain(me, "", len(m.Data))
		return
	}
	facts, refused := p.check(room, me, m.Data)
	if refused != "" {
		p.guard.vain(me, refused, len(m.Data))
		p.refuse(m.Reply, refused)
		return
	}
	if !facts.Persist {
		p.forward(room, facts.Account, m)
		return
	}
	p.store(room, facts, m)
}

// check says why a post may not go on, in the words of wire.PostReply. What
// passes is booked on the account's quota.
func (p *poster) check(room bus.RoomID, me bus.EndpointID, raw []byte) (f RoomFacts, refused string) {
	f, open := p.sessions.room(me, room)
	if !open || !f.Write || !f.Until.IsZero() && p.now().After(f.Until) {
		return f, wire.PostRoom
	}
	if !p.dir.Fresh() {
		return f, wire.PostRetry
	}
	h, err := frame.Parse(raw)
	if err != nil || h.Room != room || h.Endpoint != me {
		return f, wire.PostFrame
	}
	return f, p.quota.take(f.Account, len(raw), p.now())
}

// store publishes the frame to its shard under the one header that the node
// itself makes; whatever headers the sender wrote end here.
func (p *poster) store(room bus.RoomID, f RoomFacts, m *nats.Msg) {
	n := p.waiting.add(post{reply: m.Reply, room: room, account: f.Account, size: len(m.Data), since: p.now()})
	err := p.ctl.PublishMsg(&nats.Msg{
		Subject: wire.StoredSubject(f.Shard, room),
		Reply:   ackPrefix + strconv.FormatUint(n, 36),
		Header:  nats.Header{nats.MsgIdHdr: {frame.Hash(m.Data).String()}},
		Data:    m.Data,
	})
	if err != nil {
		p.finish(n, wire.PostReply{Err: wire.PostRetry})
	}
}

// forward passes the frame of a room that keeps nothing on to those who are there.
func (p *poster) forward(room bus.RoomID, a bus.AccountID, m *nats.Msg) {
	defer p.quota.give(a, len(m.Data))
	if err := p.ctl.Publish(wire.OutSubject(room), m.Data); err != nil {
		p.refuse(m.Reply, wire.PostRetry)
		return
	}
	p.live.Add(1)
	p.answer(m.Reply, wire.PostReply{})
}

// acked handles what JetStream says of one post.
func (p *poster) acked(m *nats.Msg) {
	n, err := strconv.ParseUint(m.Subject[len(ackPrefix):], 36, 64)
	if err == nil {
		p.finish(n, readAck(m))
	}
}

// finish answers a waiting post; one that was swept is left alone.
func (p *poster) finish(n uint64, r wire.PostReply) {
	w, ok := p.waiting.take(n)
	if !ok {
		return
	}
	p.quota.give(w.account, w.size)
	switch {
	case r.Err != "":
		p.refused.count(r.Err)
	case r.Duplicate:
		p.duplicate.Add(1)
	default:
		p.stored.Add(1)
		p.activity.note(w.room)
	}
	p.answer(w.reply, r)
}

// sweep tells the senders of posts that JetStream never answered to retry.
func (p *poster) sweep(now time.Time) {
	for _, w := range p.waiting.before(now.Add(-postTimeout)) {
		p.quota.give(w.account, w.size)
		p.refuse(w.reply, wire.PostRetry)
	}
}

func (p *poster) refuse(reply, why string) {
	p.refused.count(why)
	p.answer(reply, wire.PostReply{Err: why})
}

func (p *poster) answer(reply string, r wire.PostReply) {
	data, err := json.Marshal(r)
	if err != nil {
		return // no such value
	}
	_ = p.users.Publish(reply, data) // a lost answer makes the sender ask again
}

// full reports whether an error code of JetStream means that nothing more can
// be stored: the shard is at its limit or its disk failed (10077), or a limit
// of account, memory or store is reached.
func full(code int) bool {
	switch code {
	case 10077, 10002, 10023, 10028, 10047:
		return true
	}
	return false
}

// readAck reads a PubAck of JetStream. No leader (503) and all that is not
// understood mean "again": the hash makes a second time harmless.
func readAck(m *nats.Msg) wire.PostReply {
	var ack struct {
		Seq       uint64 `json:"seq"`
		Duplicate bool   `json:"duplicate"`
		Error     *struct {
			Code int `json:"err_code"`
		} `json:"error"`
	}
	if m.Header.Get("Status") != "" || json.Unmarshal(m.Data, &ack) != nil {
		return wire.PostReply{Err: wire.PostRetry}
	}
	switch {
	case ack.Error != nil && full(ack.Error.Code):
		return wire.PostReply{Err: wire.PostFull}
	case ack.Error != nil || ack.Seq == 0:
		return wire.PostReply{Err: wire.PostRetry}
	}
	return wire.PostReply{Seq: ack.Seq, Duplicate: ack.Duplicate}
}
