package client

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/internal/bus"
	"unibus/internal/client/call"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// Ack is what became of one record: where it is stored, or why not.
type Ack struct {
	ID     bus.RecordID
	Seq    uint64 // of its frame
	Number int    // in its frame, from 0
	Of     int    // records in its frame
	Err    error
}

// outbox sends the records of one room in order: it coalesces what waits into
// frames, keeps a window of them in flight, and after any failure goes back to
// the oldest that was not acknowledged. It lives over any number of lives, and
// belongs to one goroutine at a time.
type outbox struct {
	c       *Client
	id      bus.RoomID
	in      chan letter
	linger  time.Duration
	waiting []letter  // not in a frame yet
	size    int       // of waiting, in bytes of records
	parcels []*parcel // oldest first
	sender  *seal.Sender
	epoch   bus.Epoch
	renewed time.Time // when the epoch was looked after
	look    chan struct{}
	wait    call.Backoff
	pause   <-chan time.Time // not nil: nothing is posted before it fires

	notAfter time.Time // nothing is posted in the epoch from then on
}

const (
	// window is how many frames may be unacknowledged: enough to hide the
	// fsync of the node, far below its cap of pending posts.
	window = 128
	// answerWait is how long the node's answer to a post may take: longer than
	// the node itself waits for its store before it says "again".
	answerWait = 7 * time.Second
	// Linger is how long a fast producer's record waits for others.
	Linger = 2 * time.Millisecond
	// batch is where a frame is closed: what is left of bus.MaxRecords is room
	// for the largest steps of padding.
	batch = bus.MaxRecords - 1024
)

// Post adds a room to send to, and returns where its records go in. Linger 0
// sends each record at once.
func (l *Live) Post(id bus.RoomID, linger time.Duration) *Outbox {
	o := &outbox{c: l.c, id: id, in: make(chan letter, window), linger: linger, look: make(chan struct{}, 1)}
	l.outboxes[id] = o
	return &Outbox{o: o}
}

// Outbox takes records for one room. It is safe for concurrent use.
type Outbox struct{ o *outbox }

// Send queues a record; its Ack arrives on done, which must have room for it.
// It waits while the outbox is full.
func (b *Outbox) Send(ctx context.Context, r seal.Record, done chan<- Ack) error {
	select {
	case b.o.in <- letter{r, done}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// NewRecordID makes a record's id: random, or always the same for a key that
// the sender chose, so that what is sent twice is shown once.
func NewRecordID(key string) (id bus.RecordID) {
	if key == "" {
		_, _ = rand.Read(id[:])
		return id
	}
	sum := sha256.Sum256([]byte("unibus/1 record id\x00" + key))
	copy(id[:], sum[:])
	return id
}

func (o *outbox) nudge() {
	select {
	case o.look <- struct{}{}:
	default:
	}
}

// answered is the node's answer to a parcel.
type answered struct {
	p     *parcel
	reply wire.PostReply
}

// run sends during one life. It returns an error that ends the Live when the
// room cannot be written to any more.
func (o *outbox) run(ctx context.Context, n *conn, g wire.OpenRoom) error {
	if err := o.prepare(ctx, g); err != nil {
		return err
	}
	for _, p := range o.parcels {
		p.posted = false
	}
	o.pause = nil
	answers := make(chan answered, 2*window)
	overdue := time.NewTimer(answerWait)
	defer overdue.Stop()
	for {
		if err := o.keepUp(ctx); err != nil {
			return err
		}
		if err := o.post(n, answers); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case l := <-o.intake():
			o.collect(ctx, l)
		case <-o.look:
			if err := o.refresh(ctx); err != nil {
				return err
			}
		case <-o.pause:
			o.pause = nil
		case <-overdue.C:
			left := o.patience()
			if left <= 0 {
				return errLife // a post or its answer was lost
			}
			overdue.Reset(left)
		case a := <-answers:
			if err := o.settle(ctx, a); err != nil {
				return err
			}
		}
	}
}

// intake takes no more letters while the window is full: the producer waits.
func (o *outbox) intake() <-chan letter {
	if len(o.parcels) >= window {
		return nil
	}
	return o.in
}

// collect gathers the letters that follow l closely, until a frame is full.
func (o *outbox) collect(ctx context.Context, l letter) {
	o.add(l)
	if o.linger == 0 {
		return
	}
	timer := time.NewTimer(o.linger)
	defer timer.Stop()
	for o.size < batch {
		select {
		case l := <-o.in:
			o.add(l)
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (o *outbox) add(l letter) {
	o.waiting = append(o.waiting, l)
	o.size += l.record.Size()
}

// post seals what waits and publishes every parcel that is not under way,
// oldest first.
func (o *outbox) post(n *conn, answers chan<- answered) error {
	for len(o.waiting) > 0 {
		o.pack()
	}
	if o.pause != nil {
		return nil
	}
	for i := 0; i < len(o.parcels); i++ {
		p := o.parcels[i]
		if p.posted {
			continue
		}
		if err := o.seal(p); err != nil {
			o.drop(p, err)
			i--
			continue
		}
		p.posted, p.since = true, time.Now()
		err := n.ask(wire.PostSubject(n.server, o.id, n.me), p.raw, func(m *nats.Msg) { answers <- answered{p, readReply(m)} })
		if err != nil {
			return errLife.Because(err)
		}
	}
	return nil
}

func readReply(m *nats.Msg) (r wire.PostReply) {
	if noResponders(m) || json.Unmarshal(m.Data, &r) != nil {
		return wire.PostReply{Err: wire.PostRetry}
	}
	return r
}

// settle takes an answer. After a refusal for now everything that was refused
// is posted again from the oldest on: at once the first time, then after a
// wait that grows.
func (o *outbox) settle(ctx context.Context, a answered) error {
	switch a.reply.Err {
	case "":
		o.wait = call.Backoff{}
		o.done(a.p, a.reply.Seq)
		o.c.opened(o.id, wire.StoredMessage{Seq: a.reply.Seq, At: o.c.now(), Frame: a.p.raw})
		return o.c.countSent(ctx, o.id, a.p.epoch, a.reply.Seq)
	case wire.PostRetry, wire.PostBusy, wire.PostRate:
		a.p.posted = false
		if o.pause == nil {
			o.pause = time.After(o.wait.Next())
		}
		return nil
	case wire.PostRoom:
		return errLife // the grant is gone: the next life finds out why
	case wire.PostFull:
		o.drop(a.p, bus.Errorf(bus.Full, "full", "the node has no space left for messages").WithHint("tell an admin"))
		return nil
	}
	o.drop(a.p, bus.Errorf(bus.Failed, "not_taken", "the node does not take this message (%.20s)", a.reply.Err).WithHint("see whether you are still in the room: unibus room list"))
	return nil
}
