package broker

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// Attack: a member posts what is no frame of his own in this room.
func TestPostsThatAreNoFrameOfTheirRoom(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice, bob, room, other := n.person(), n.person(), newRoom(), newRoom()
	n.add(alice, room, memberFacts)
	n.add(alice, other, memberFacts)
	a := n.connect(alice)
	a.open(room, other)
	good := alice.frame(room, 10)
	for name, raw := range map[string][]byte{
		"empty":              nil,
		"text":               []byte("hello"),
		"short":              good[:98+71],
		"other version":      append([]byte{9}, good[1:]...),
		"unknown suite":      append([]byte{1, 7}, good[2:]...),
		"too long":           append(bytes.Clone(good), make([]byte, bus.MaxFrame)...),
		"another room":       alice.frame(other, 10),
		"another's endpoint": bob.frame(room, 10),
	} {
		if got := a.postErr(room, raw); got != wire.PostFrame {
			t.Errorf("%s: answered %q, want %q", name, got, wire.PostFrame)
		}
	}
	if got := n.storedMessages(); got != 0 {
		t.Errorf("%d messages stored", got)
	}
}

func TestPostNeedsALiveGrantAndALease(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice, room := n.person(), newRoom()
	n.add(alice, room, memberFacts)
	a := n.connect(alice)
	a.open(room)
	p := n.posts
	check := func(want string) {
		t.Helper()
		raw := alice.frame(room, 10)
		f, got := p.check(room, alice.id, raw)
		if got == "" {
			p.quota.give(f.Account, len(raw))
		}
		if got != want {
			t.Errorf("answered %q, want %q", got, want)
		}
	}
	check("")
	n.change(func() { n.stale = true })
	check(wire.PostRetry)
	n.change(func() { n.stale = false })
	if _, got := p.check(newRoom(), alice.id, nil); got != wire.PostRoom {
		t.Errorf("a room without a grant: %q", got)
	}
	reader := memberFacts
	reader.Write = false
	n.add(alice, room, reader)
	n.Renew(alice.id, nil)
	check(wire.PostRoom)
	a.waitClosed() // fewer rights end a connection
	a = n.connect(alice)
	if r := a.open(room); len(r.Granted) != 1 || r.Granted[0].Write {
		t.Fatalf("a reader opens: %+v", r)
	}
	check(wire.PostRoom)
	n.add(alice, room, memberFacts)
	n.Renew(alice.id, nil)
	if got := a.postErr(room, alice.frame(room, 10)); got != "" {
		t.Errorf("a reader who became a member: %q", got)
	}
}

// The same bytes are stored once, and every frame names its own predecessor.
func TestSameBytesAreStoredOnce(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice, room := n.person(), newRoom()
	n.add(alice, room, memberFacts)
	a := n.connect(alice)
	live := a.follow(room)
	raw := alice.frame(room, 300)
	first := a.post(room, raw)
	second, err := a.tryPost(room, raw)
	if err != nil || !second.Duplicate || second.Seq != first {
		t.Fatalf("second time: %+v, %v; first was %d", second, err, first)
	}
	third := a.post(room, alice.frame(room, 300))
	last := "0"
	checkFacts(t, next(t, live), &last)
	checkFacts(t, next(t, live), &last)
	quiet(t, live)
	if last != fmt.Sprint(third) || n.storedMessages() != 2 {
		t.Errorf("last live %s, want %d; %d stored", last, third, n.storedMessages())
	}
}

func TestRoomsThatKeepNothing(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice, bob, room := n.person(), n.person(), newRoom()
	n.add(alice, room, RoomFacts{Write: true})
	n.add(bob, room, RoomFacts{})
	a, b := n.connect(alice), n.connect(bob)
	live := b.follow(room)
	a.open(room)
	raw := alice.frame(room, 10)
	if r, err := a.tryPost(room, raw); err != nil || r != (wire.PostReply{}) {
		t.Fatalf("post: %+v, %v", r, err)
	}
	if m := next(t, live); !bytes.Equal(m.Data, raw) || len(m.Header) != 0 || m.Reply != "" {
		t.Errorf("live message %v reply %q", m.Header, m.Reply)
	}
	if got := n.storedMessages(); got != 0 {
		t.Errorf("%d messages stored", got)
	}
}

// Eight senders at once, all in two rooms of one shard: each endpoint's frames
// stay in its order, and each live message names the one before it.
func TestOrderAndChain(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	rooms := []bus.RoomID{newRoom(), newRoom()}
	const senders, each = 8, 60
	watch := n.person()
	for _, r := range rooms {
		n.add(watch, r, RoomFacts{Persist: true})
	}
	w := n.connect(watch)
	live := []chan *nats.Msg{w.follow(rooms[0]), w.follow(rooms[1])}
	var all sync.WaitGroup
	for range senders {
		p := n.person()
		for _, r := range rooms {
			n.add(p, r, memberFacts)
		}
		l := n.connect(p)
		l.open(rooms...)
		acks := l.subscribe(wire.InboxWildcard(p.id))
		all.Go(func() {
			for i := range 2 * each { // all at once: nothing waits for an answer
				_ = l.PublishRequest(wire.PostSubject(n.Server(), rooms[i%2], p.id), p.inbox(), p.frame(rooms[i%2], 50))
			}
			for range 2 * each {
				<-acks
			}
		})
	}
	all.Wait()
	for i, room := range rooms {
		last, indexes := "0", map[bus.EndpointID]uint32{}
		for range senders * each {
			m := next(t, live[i])
			checkFacts(t, m, &last)
			h := headerOf(t, m.Data)
			if before, ok := indexes[h.Endpoint]; ok && h.Index <= before {
				t.Fatalf("room %d: frame %d after %d", i, h.Index, before)
			}
			indexes[h.Endpoint] = h.Index
		}
		page, err := n.Page(t.Context(), 0, room, PageQuery{Forward: true})
		if err != nil || len(page.Messages) != senders*each {
			t.Errorf("%d messages in history, %v", len(page.Messages), err)
		}
	}
}

func TestQuota(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	a, b := bus.AccountID{1}, bus.AccountID{2}
	q := newQuota(1000)
	if got := q.take(a, bus.MaxFrame, now); got != "" {
		t.Fatalf("a whole frame over the rate: %q", got)
	}
	if got := q.take(a, 1000, now); got != wire.PostRate {
		t.Errorf("over the rate: %q", got)
	}
	if got := q.take(b, 1000, now); got != "" {
		t.Errorf("another account: %q", got)
	}
	if got := q.take(a, 1000, now.Add(2*time.Second)); got != "" {
		t.Errorf("two seconds later: %q", got)
	}
	q = newQuota(1 << 30)
	for range maxWaitingPosts {
		if got := q.take(a, 100, now); got != "" {
			t.Fatal(got)
		}
	}
	if got := q.take(a, 100, now); got != wire.PostBusy {
		t.Errorf("too many waiting: %q", got)
	}
	if got := q.take(b, 100, now); got != "" {
		t.Errorf("another account: %q", got)
	}
	q.give(a, 100)
	if got := q.take(a, 100, now); got != "" {
		t.Errorf("after an answer: %q", got)
	}
	if got := q.take(b, maxWaitingBytes, now); got != wire.PostBusy {
		t.Errorf("too many bytes waiting: %q", got)
	}
	if got := q.waiting(); got != maxWaitingPosts+1 {
		t.Errorf("%d waiting", got)
	}
}

// Attack: a sender fills his own quota. Checked: others are not held up.
func TestRateIsPerAccount(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *Options) { o.PostRate = 1 })
	alice, bob, room := n.person(), n.person(), newRoom()
	n.add(alice, room, memberFacts)
	n.add(bob, room, memberFacts)
	a, b := n.connect(alice), n.connect(bob)
	a.open(room)
	b.open(room)
	size := bus.MaxFrame - 98 - 72
	a.post(room, alice.frame(room, size))
	if got := a.postErr(room, alice.frame(room, size)); got != wire.PostRate {
		t.Errorf("answered %q, want %q", got, wire.PostRate)
	}
	b.post(room, bob.frame(room, size))
	if got := n.Stats().Refused[wire.PostRate]; got != 1 {
		t.Errorf("%d refused", got)
	}
}

func TestFullStore(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *Options) { o.MaxStore = 32 * 300 << 10 })
	alice, room := n.person(), newRoom()
	n.add(alice, room, memberFacts)
	a := n.connect(alice)
	live := a.follow(room)
	var last uint64
	for {
		r, err := a.tryPost(room, alice.frame(room, 60<<10))
		if err != nil {
			t.Fatal(err)
		}
		if r.Err != "" {
			if r.Err != wire.PostFull {
				t.Errorf("answered %q, want %q", r.Err, wire.PostFull)
			}
			break
		}
		last = r.Seq
	}
	stored := n.storedMessages()
	if stored == 0 || int(stored) != len(live) {
		t.Errorf("%d stored, %d live", stored, len(live))
	}
	if err := n.Purge(t.Context(), 0, room, nil); err != nil {
		t.Fatal(err)
	}
	if seq := a.post(room, alice.frame(room, 1<<10)); seq != last+1 {
		t.Errorf("sequence %d after %d", seq, last)
	}
}

// A post that JetStream does not answer is given back to its sender.
func TestUnansweredPostsAreSwept(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice, room := n.person(), newRoom()
	n.add(alice, room, memberFacts)
	a := n.connect(alice)
	a.open(room)
	inbox := alice.inbox()
	answers := a.subscribe(inbox)
	n.posts.quota.take(bus.AccountID(alice.id), 10, time.Now())
	n.posts.waiting.add(post{reply: inbox, account: bus.AccountID(alice.id), size: 10, since: time.Now()})
	n.posts.sweep(time.Now().Add(postTimeout / 2))
	if got := n.Stats().WaitingPosts; got != 1 {
		t.Fatalf("%d waiting after half the time", got)
	}
	n.posts.sweep(time.Now().Add(2 * postTimeout))
	if m := next(t, answers); string(m.Data) != `{"err":"retry"}` {
		t.Errorf("answered %s", m.Data)
	}
	if got := n.Stats().WaitingPosts; got != 0 {
		t.Errorf("%d waiting at the end", got)
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	var w waiting
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	for s := range 5 {
		w.add(post{size: s, since: at(s)})
	}
	if p, ok := w.take(1); !ok || p.size != 1 {
		t.Errorf("took %+v", p)
	}
	if _, ok := w.take(1); ok {
		t.Error("took it twice")
	}
	if late := w.before(at(3)); len(late) != 2 || late[0].size != 0 || late[1].size != 2 {
		t.Errorf("late: %+v", late)
	}
	if late := w.before(at(3)); len(late) != 0 {
		t.Errorf("late again: %+v", late)
	}
	if late := w.before(at(9)); len(late) != 2 {
		t.Errorf("late at the end: %+v", late)
	}
}

func TestReadAck(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]wire.PostReply{
		`{"stream":"S0","seq":7}`:                         {Seq: 7},
		`{"stream":"S0","seq":7,"duplicate":true}`:        {Seq: 7, Duplicate: true},
		`{"error":{"code":503,"err_code":10077}}`:         {Err: wire.PostFull},
		`{"error":{"code":500,"err_code":10047}}`:         {Err: wire.PostFull},
		`{"error":{"code":429,"err_code":10167},"seq":0}`: {Err: wire.PostRetry},
		`{"stream":"S0"}`:                                 {Err: wire.PostRetry},
		``:                                                {Err: wire.PostRetry},
		`not json`:                                        {Err: wire.PostRetry},
	} {
		if got := readAck(&nats.Msg{Data: []byte(data)}); got != want {
			t.Errorf("%s: %+v, want %+v", data, got, want)
		}
	}
	none := &nats.Msg{Header: nats.Header{"Status": {"503"}}}
	if got := readAck(none); got.Err != wire.PostRetry {
		t.Errorf("no responders: %+v", got)
	}
}

// A stop answers what it took: nobody has to guess.
func TestStopAnswersWhatItTook(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice, room := n.person(), newRoom()
	n.add(alice, room, memberFacts)
	a := n.connect(alice)
	a.open(room)
	answers := a.subscribe(wire.InboxWildcard(alice.id))
	drained := a.subscribe(wire.EventSubject(alice.id, wire.NoticeDraining))
	const posts = 300
	for range posts {
		if err := a.PublishRequest(wire.PostSubject(n.Server(), room, alice.id), alice.inbox(), alice.frame(room, 100)); err != nil {
			t.Fatal(err)
		}
	}
	a.flush()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := n.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	a.waitClosed()
	if len(answers) != posts || len(drained) != 1 {
		t.Errorf("%d answers for %d posts, %d notices", len(answers), posts, len(drained))
	}
}

// A sender takes "stored" for the end: only a sequence says it.
func FuzzReadAck(f *testing.F) {
	f.Add("", []byte(`{"stream":"S","seq":7}`))
	f.Add("", []byte(`{"seq":7,"duplicate":true}`))
	f.Add("", []byte(`{"error":{"code":503,"err_code":10077},"seq":0}`))
	f.Add("503", []byte(nil))
	f.Add("", []byte(`{"seq":-1}`))
	f.Fuzz(func(t *testing.T, status string, data []byte) {
		m := nats.NewMsg("reply")
		m.Header.Set("Status", status)
		m.Data = data
		switch got := readAck(m); got.Err {
		case "":
			if got.Seq == 0 || status != "" {
				t.Errorf("status %q, %q is taken for stored: %+v", status, data, got)
			}
		case wire.PostFull, wire.PostRetry:
			if got.Seq != 0 || got.Duplicate {
				t.Errorf("%q is stored and is not: %+v", data, got)
			}
		default:
			t.Errorf("%q says %q", data, got.Err)
		}
	})
}
