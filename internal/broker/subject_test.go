package broker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"unibus/internal/wire"
)

// Attack: a member of one room subscribes to everything that is not his, plain
// and in a queue group. Checked: a violation for each, and nothing captured
// while others write.
func TestForeignSubscriptionsAreRefused(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice, bob, mine, his := n.person(), n.person(), newRoom(), newRoom()
	n.add(alice, mine, memberFacts)
	n.add(bob, his, memberFacts)
	a, b := n.connect(alice), n.connect(bob)
	b.open(his)
	a.open(mine)
	me, you := alice.id.String(), bob.id.String()
	var caught []chan *nats.Msg
	subjects := []string{">", "*", "*.*", "*.>", "out.>", "out.*", "out." + his.String(), "out." + mine.String() + ".>",
		"in.>", "in.*.*.*", "in." + string(n.Server()) + ".*.*", wire.PostSubject(n.Server(), mine, alice.id),
		"rm.>", "rm.0.*", "rm.0." + mine.String(), "svc.>", "svc." + me + ".>", "svc." + me + ".open." + string(n.Server()),
		"ev.>", "ev.*.*", "ev." + you + ".>", "_INBOX.>", "_INBOX_" + you + ".>", "_INBOX_*.>", "ack.>", "ack.post.*",
		"$SYS.>", "$SYS.REQ.>", "$JS.>", "$JS.API.>", "$JS.EVENT.>", "$JS.ACK.>", "$KV.>", "$O.>", "$JSC.>", "_R_.>", "_GR_.>",
		"$MQTT.>", "$MQTT.sub.x", "$G.>", "$NRG.>", "$SRV.>"}
	for _, s := range subjects {
		caught = append(caught, a.subscribe(s))
		queued := make(chan *nats.Msg, 100)
		if _, err := a.ChanQueueSubscribe(s, "post", queued); err != nil {
			t.Fatal(err)
		}
		caught = append(caught, queued)
	}
	a.flush()
	b.post(his, bob.frame(his, 10))
	n.Notify(bob.id, wire.NoticeLog, wire.RoomNotice{})
	a.post(mine, alice.frame(mine, 10))
	a.flush()
	for _, c := range caught {
		quiet(t, c)
	}
	if got := len(a.violations); got != 2*len(subjects) {
		t.Errorf("%d violations for %d subscriptions", got, 2*len(subjects))
	}
}

// Attack: the same member publishes to everything that is not his. Checked: a
// violation for each, nothing stored, nothing delivered.
func TestForeignPublicationsAreRefused(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice, bob, mine, his := n.person(), n.person(), newRoom(), newRoom()
	for _, p := range []*person{alice, bob} {
		n.add(p, mine, memberFacts)
	}
	n.add(bob, his, memberFacts)
	a, b := n.connect(alice), n.connect(bob)
	b.open(his, mine)
	caught := []chan *nats.Msg{b.subscribe("out." + his.String()), b.subscribe("out." + mine.String()),
		b.subscribe(wire.EventWildcard(bob.id)), b.subscribe(wire.InboxWildcard(bob.id))}
	a.open(mine)
	you, server := bob.id.String(), string(n.Server())
	subjects := []string{"out." + mine.String(), "out." + his.String(), "rm.0." + mine.String(), "rm.0." + his.String(),
		wire.PostSubject(n.Server(), his, alice.id), wire.PostSubject(n.Server(), his, bob.id), wire.PostSubject(n.Server(), mine, bob.id),
		"in.OTHER." + mine.String() + "." + alice.id.String(), "svc." + you + ".open." + server, "svc." + alice.id.String() + ".open.OTHER",
		"ev." + you + ".revoked", "ev." + alice.id.String() + ".joined", "_INBOX_" + you + ".x", "_INBOX_" + alice.id.String() + ".x",
		"ack.post.0", "$JS.API.STREAM.PURGE.S0", "$JS.API.STREAM.DELETE.S0", "$JS.API.STREAM.CREATE.X", "$JS.API.STREAM.NAMES",
		"$JS.API.DIRECT.GET.S0", "$JS.API.CONSUMER.CREATE.S0", "$JS.API.INFO", "$JS.ACK.S0.x.1.1.1.1.0", "$JS.FC.S0.x",
		"$KV.members.x", "$O.x.C.y", "$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO", "$SYS.ACCOUNT.BUS.CONNECT", "$SRV.PING", "x"}
	raw := alice.frame(mine, 10)
	for _, s := range subjects {
		if err := a.PublishRequest(s, alice.inbox(), raw); err != nil {
			t.Fatal(err)
		}
	}
	a.flush()
	b.flush()
	for _, c := range caught {
		quiet(t, c)
	}
	if got := len(a.violations); got != len(subjects) {
		t.Errorf("%d violations for %d publications", got, len(subjects))
	}
	if n.Stats().Stored != 0 || n.storedMessages() != 0 {
		t.Error("something was stored")
	}
}

// storedMessages counts what all shards hold.
func (n *node) storedMessages() (total uint64) {
	n.t.Helper()
	for _, s := range n.shards.streams {
		info, err := s.Info(n.t.Context())
		if err != nil {
			n.t.Fatal(err)
		}
		total += info.State.Msgs
	}
	return total
}

// Attack: NATS does not check the reply subject of a publish. A member posts
// with every reply but his own inbox, to make the node or JetStream write
// there. Checked: the node stores nothing, answers nobody, and the connections
// of others and the streams see nothing.
func TestReplyLaundering(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice, bob, mine, his := n.person(), n.person(), newRoom(), newRoom()
	n.add(alice, mine, memberFacts)
	n.add(bob, mine, memberFacts)
	n.add(bob, his, memberFacts)
	a, b := n.connect(alice), n.connect(bob)
	a.open(mine)
	b.open(mine, his)
	me, token := "_INBOX_"+alice.id.String(), strings.Repeat("t", 26)
	replies := []string{"", "out." + his.String(), "out." + mine.String(), wire.PostSubject(n.Server(), his, bob.id),
		wire.StoredSubject(0, his), "ev." + bob.id.String() + ".revoked", "ev." + alice.id.String() + ".x",
		"_INBOX_" + bob.id.String() + "." + token, "_INBOX." + token, "svc." + bob.id.String() + ".open." + string(n.Server()),
		"$JS.API.STREAM.PURGE.S0", "$JS.API.STREAM.DELETE.S1", "$KV.members.x", "$SYS.REQ.SERVER.PING", "ack.post.0",
		me, me + ".", me + ".short", me + "." + token + ".more", me + "." + strings.Repeat("t", 33), me + ".*", me + ".>",
		me + "." + strings.Repeat("é", 12), "$JS.ACK.x", "_R_.x", "_GR_.x"}
	twins := make([]*rawLink, len(replies)) // one each: some replies end the connection
	for i := range twins {
		twins[i] = a.rawTwin(mine)
	}
	caught := []chan *nats.Msg{b.subscribe("out." + his.String()), b.subscribe("out." + mine.String()),
		b.subscribe(wire.EventWildcard(bob.id)), b.subscribe(wire.InboxWildcard(bob.id)),
		a.subscribe(wire.InboxWildcard(alice.id)), a.subscribe(wire.EventWildcard(alice.id))}
	for i, r := range twins {
		for _, subject := range []string{wire.PostSubject(n.Server(), mine, alice.id), wire.OpenSubject(alice.id, n.Server())} {
			raw := alice.frame(mine, 10)
			r.send("PUB %s %s %d\r\n%s\r\nPING\r\n", subject, replies[i], len(raw), raw)
			r.pong()
		}
	}
	a.post(mine, alice.frame(mine, 10)) // everything before it was handled
	if m := next(t, caught[1]); m.Reply != "" {
		t.Errorf("a live message with reply %q", m.Reply)
	}
	next(t, caught[4]) // the answer to that post
	a.flush()
	b.flush()
	for i, c := range caught {
		if len(c) != 0 {
			t.Errorf("%d: got %s", i, (<-c).Subject)
		}
	}
	if got := n.storedMessages(); got != 1 {
		t.Errorf("%d messages stored, want 1", got)
	}
}

// Attack: headers that mean something to JetStream or to clients, as fields,
// behind an empty line, and as lines that do not parse. Checked: what others
// see live and in history has the node's own facts, once each, and no more.
func TestForgedHeaders(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice, bob, room := n.person(), n.person(), newRoom()
	n.add(alice, room, memberFacts)
	n.add(bob, room, memberFacts)
	a, b := n.connect(alice), n.connect(bob)
	live := b.follow(room)
	r := a.rawTwin(room)
	blocks := []string{"Nats-Sequence: 999999\r\n", "Nats-Last-Sequence: 0\r\n", "Status: 204\r\n", "Status: 503\r\n", "Nats-Msg-Id: x\r\n",
		"Nats-Rollup: all\r\n", "Nats-Rollup: sub\r\n", "Nats-TTL: 1s\r\n", "Nats-Expected-Last-Sequence: 77\r\n", "Nats-Expected-Stream: X\r\n",
		"Nats-Expected-Last-Subject-Sequence: 5\r\n", "Nats-Batch-Id: x\r\nNats-Batch-Sequence: 1\r\nNats-Batch-Commit: 1\r\n",
		"Nats-Schedule: @every 1s\r\nNats-Schedule-Target: out.x\r\n", "Nats-Incr: +1\r\n", "Nats-Request-Info: {}\r\n",
		"Nats-Subject: rm.0.x\r\n", "Nats-Stream: X\r\n", "Nats-Num-Pending: 0\r\n", "Nats-Time-Stamp: x\r\n", "Nats-Required-Api-Level: 99\r\n",
		"\r\nStatus: 204\r\n", "\r\nNats-Sequence: 999999\r\nNats-Last-Sequence: 0\r\n", "no colon here\r\n", ": no key\r\n", "\x00: x\r\n"}
	var frames []string
	for _, status := range []string{"NATS/1.0\r\n", "NATS/1.0 204 EOB\r\n", "NATS/1.0 503\r\n"} {
		for _, block := range blocks {
			raw, head := alice.frame(room, 10), status+block+"\r\n"
			frames = append(frames, string(raw))
			r.send("HPUB %s %s %d %d\r\n%s%s\r\n", wire.PostSubject(n.Server(), room, alice.id), alice.inbox(),
				len(head), len(head)+len(raw), head, raw)
		}
	}
	last := "0"
	for i, want := range frames {
		m := next(t, live)
		if string(m.Data) != want {
			t.Fatalf("message %d is another frame", i)
		}
		checkFacts(t, m, &last)
	}
	page, err := n.Page(t.Context(), 0, room, PageQuery{Forward: true})
	if err != nil || len(page.Messages) != len(frames) || page.More || fmt.Sprint(page.Through) != last {
		t.Fatalf("%d of %d messages in history, through %d of %s, %v", len(page.Messages), len(frames), page.Through, last, err)
	}
}

// checkFacts demands the node's headers, each once, and the exact predecessor.
func checkFacts(t *testing.T, m *nats.Msg, last *string) {
	t.Helper()
	for name, values := range m.Header {
		known := name == nats.JSSequence || name == nats.JSLastSequence || name == nats.JSStream ||
			name == nats.JSSubject || name == nats.JSTimeStamp || name == nats.MsgIdHdr
		if !known || len(values) != 1 {
			t.Errorf("header %s: %q", name, values)
		}
	}
	if got := m.Header.Get(nats.JSLastSequence); got != *last {
		t.Errorf("predecessor %s, want %s", got, *last)
	}
	*last = m.Header.Get(nats.JSSequence)
}

// Attack: Nats-Trace-Dest makes the server report on a message's way, to a
// subject of the sender's choice.
func TestTraceIsRefused(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice, bob, room := n.person(), n.person(), newRoom()
	n.add(alice, room, memberFacts)
	n.add(bob, room, memberFacts)
	a, b := n.connect(alice), n.connect(bob)
	a.open(room)
	caught := []chan *nats.Msg{b.follow(room), b.subscribe(wire.InboxWildcard(bob.id)), a.subscribe(wire.InboxWildcard(alice.id))}
	for _, dest := range []string{"out." + room.String(), wire.InboxPrefix(bob.id) + ".x", wire.InboxPrefix(alice.id) + ".x", "$JS.API.STREAM.PURGE.S0"} {
		m := &nats.Msg{Subject: wire.PostSubject(n.Server(), room, alice.id), Reply: alice.inbox(), Data: alice.frame(room, 10),
			Header: nats.Header{"Nats-Trace-Dest": {dest}, "Nats-Trace-Only": {"false"}}}
		if err := a.PublishMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	a.flush()
	b.flush()
	for i, c := range caught {
		if len(c) != 0 {
			t.Errorf("%d: got %s", i, (<-c).Subject)
		}
	}
}
