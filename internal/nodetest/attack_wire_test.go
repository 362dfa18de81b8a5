package nodetest_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/roomlog"
	"unibus/internal/client"
	"unibus/internal/nodetest"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// tapped is a connection to the data plane with the key of a person and no
// scruples.
type tapped struct {
	*nats.Conn
	t          *testing.T
	p          *nodetest.Person
	server     wire.ServerToken
	violations chan error
	heard      chan *nats.Msg
	gone       chan struct{}
}

func tap(t *testing.T, p *nodetest.Person) *tapped {
	t.Helper()
	c := &tapped{t: t, p: p, violations: make(chan error, 1000), heard: make(chan *nats.Msg, 1000), gone: make(chan struct{})}
	nc, err := p.Dial(func(err error) { c.violations <- err }, nats.ClosedHandler(func(*nats.Conn) { close(c.gone) }))
	if err != nil {
		t.Fatalf("%s connects: %v", p.Name, err)
	}
	c.Conn, c.server = nc, wire.ServerToken(nc.ConnectedServerId())
	return c
}

// listen subscribes to a subject, plain and in the queue group of the node's
// own services.
func (c *tapped) listen(subject string) {
	c.t.Helper()
	for _, queue := range []string{"", "post"} {
		if _, err := c.ChanQueueSubscribe(subject, queue, c.heard); err != nil {
			c.t.Fatalf("subscribe to %q: %v", subject, err)
		}
	}
}

// flush waits until the server has read everything so far, and answered.
func (c *tapped) flush() {
	c.t.Helper()
	if err := c.FlushTimeout(30 * time.Second); err != nil {
		c.t.Fatalf("%s: %v", c.p.Name, err)
	}
}

// refused waits for so many violations, and demands that they are such and
// that no more come.
func (c *tapped) refused(want int) {
	c.t.Helper()
	for n := 0; n < want; n++ {
		select {
		case err := <-c.violations:
			if !errors.Is(err, nats.ErrPermissionViolation) {
				c.t.Errorf("%s: got %v, want a permission violation", c.p.Name, err)
			}
		case <-time.After(10 * time.Second):
			c.t.Errorf("%s: %d violations, want %d", c.p.Name, n, want)
			return
		}
	}
	if len(c.violations) > 0 {
		c.t.Errorf("%s: one violation too many: %v", c.p.Name, <-c.violations)
	}
}

// inbox is a reply subject that the node would answer to.
func inbox(p *nodetest.Person) string {
	return wire.InboxPrefix(p.Endpoint()) + "." + strings.ReplaceAll(nats.NewInbox()[len("_INBOX."):], ".", "")
}

// ask sends a request to the node and waits for its answer.
func (c *tapped) ask(subject string, data []byte, out any) {
	c.t.Helper()
	reply := inbox(c.p)
	sub, err := c.SubscribeSync(reply)
	must(c.t, err)
	defer func() { _ = sub.Unsubscribe() }()
	must(c.t, c.PublishRequest(subject, reply, data))
	m, err := sub.NextMsg(30 * time.Second)
	if err != nil {
		c.t.Fatalf("%s asks %s: %v", c.p.Name, subject, err)
	}
	must(c.t, json.Unmarshal(m.Data, out))
}

// open asks for rooms.
func (c *tapped) open(rooms ...bus.RoomID) (r wire.OpenReply) {
	c.t.Helper()
	id, err := c.GetClientID()
	must(c.t, err)
	c.ask(wire.OpenSubject(c.p.Endpoint(), c.server), toJSON(c.t, wire.OpenRequest{Server: c.server, Client: id, Rooms: rooms}), &r)
	return r
}

// post posts a frame.
func (c *tapped) post(room bus.RoomID, frame []byte) (r wire.PostReply) {
	c.t.Helper()
	c.ask(wire.PostSubject(c.server, room, c.p.Endpoint()), frame, &r)
	return r
}

// keys is what a member of a room knows: its epoch in force, and the newest
// entry of its log.
func keys(t *testing.T, b *nodetest.Bus, p *nodetest.Person, room bus.RoomID) (seal.Epoch, bus.Ref) {
	t.Helper()
	ep := seal.Epoch{Room: room, Suite: bus.SuiteSealed}
	var head bus.Ref
	var start *chain.Entry
	for _, e := range roomLog(t, b, p, room) {
		if slices.Contains([]chain.Op{roomlog.OpRekey, roomlog.OpAdd, roomlog.OpRemove, roomlog.OpAccept}, e.Op) {
			ep.Number, ep.Entry, start = ep.Number+1, e.Hash(), e
		}
		head = e.Head().Ref()
	}
	var k wire.Key
	callerAs(t, b, p).get(wire.KeyTarget(room, ep.Number, p.Endpoint()), &k)
	kem := p.Identity.KEMs[0]
	var err error
	ep.Secret, err = seal.OpenEnvelope(kem.Key, k.Sealed, seal.Binding{Bus: p.Identity.Bus, Room: room, Prev: start.Prev,
		Epoch: ep.Number, Actor: start.Actor, Recipient: p.Endpoint(), Serial: kem.Serial})
	must(t, err)
	return ep, head
}

// roomLog reads the entries of a room.
func roomLog(t *testing.T, b *nodetest.Bus, p *nodetest.Person, room bus.RoomID) (log []*chain.Entry) {
	t.Helper()
	var page wire.Entries
	callerAs(t, b, p).get(wire.RoomLogTarget(room, 0), &page)
	for _, raw := range page.Entries {
		e, err := chain.Parse(raw)
		must(t, err)
		log = append(log, e)
	}
	return log
}

// frames makes good frames of a person.
func frames(t *testing.T, b *nodetest.Bus, p *nodetest.Person, room bus.RoomID) func(text string) []byte {
	t.Helper()
	ep, head := keys(t, b, p, room)
	sender := seal.NewSender(ep, p.Endpoint(), p.Identity.Content)
	return func(text string) []byte {
		t.Helper()
		raw, err := sender.Seal(head, time.Now(), []seal.Record{textRecord(text)})
		must(t, err)
		return raw
	}
}

// watched is somebody who follows a room and takes down what he is shown.
type watched struct {
	t     *testing.T
	mu    sync.Mutex
	lines []string
	moved chan struct{}
	ended chan error
}

// watch follows a room, from now on and until the test ends.
func watch(t *testing.T, b *nodetest.Bus, p *nodetest.Person, room bus.RoomID) *watched {
	t.Helper()
	var now wire.Room
	callerAs(t, b, p).get(wire.RoomTarget(room), &now)
	w := &watched{t: t, moved: make(chan struct{}, 1), ended: make(chan error, 1)}
	online := make(chan struct{}, 100)
	o := client.ReadOptions{After: now.Last, Follow: true, State: func(s bus.StateEvent) {
		if s.State == "online" {
			online <- struct{}{}
		}
	}}
	ctx := nodetest.Context(t)
	c := p.Again()
	go func() { w.ended <- c.Read(ctx, room, o, w.note) }()
	select {
	case <-online:
	case err := <-w.ended:
		t.Fatalf("%s follows: %v", p.Name, err)
	}
	return w
}

func (w *watched) note(e bus.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, lineOf(e))
	select {
	case w.moved <- struct{}{}:
	default:
	}
	return nil
}

// lineOf is what an event says, in one line.
func lineOf(e bus.Event) string {
	switch {
	case e.Message != nil:
		return string(e.Message.From) + ": " + e.Message.Text
	case e.Undecryptable != nil:
		return "undecryptable: " + string(e.Undecryptable.Reason)
	case e.Gap != nil:
		return "gap"
	case e.Order != nil:
		return "behind"
	case e.Late != nil:
		return "late"
	case e.Removed != nil:
		return "removed: " + string(e.Removed.Reason)
	case e.Member != nil:
		return "member: " + string(e.Member.User) + " " + string(e.Member.Change)
	case e.Epoch != nil && e.Epoch.BadKeyBy != "":
		return "epoch: bad key of " + string(e.Epoch.BadKeyBy)
	case e.Epoch != nil:
		return "epoch"
	}
	return "other"
}

// until waits for a line and returns everything up to it.
func (w *watched) until(line string) []string {
	w.t.Helper()
	for deadline := time.After(30 * time.Second); ; {
		w.mu.Lock()
		if i := slices.Index(w.lines, line); i >= 0 {
			seen := w.lines[:i+1]
			w.lines = w.lines[i+1:]
			w.mu.Unlock()
			return seen
		}
		seen := slices.Clone(w.lines)
		w.mu.Unlock()
		select {
		case <-w.moved:
		case err := <-w.ended:
			w.t.Fatalf("the reading ended before %q: %v; saw %q", line, err, seen)
		case <-deadline:
			w.t.Fatalf("never saw %q; saw %q", line, seen)
		}
	}
}

// history is what a fresh reading of a room shows.
func history(t *testing.T, p *nodetest.Person, room bus.RoomID) (lines []string) {
	t.Helper()
	err := p.Again().Read(nodetest.Context(t), room, client.ReadOptions{Limit: bus.MaxPageMessages}, func(e bus.Event) error {
		lines = append(lines, lineOf(e))
		return nil
	})
	if err != nil {
		t.Errorf("%s reads: %v; after %q", p.Name, err, lines)
	}
	return lines
}
