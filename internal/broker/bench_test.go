package broker

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/internal/wire"
)

// window is how many frames are on their way at once.
const benchWindow = 512

// BenchmarkStore compares a frame posted by a client over TLS, checked and
// stored by the node, with the same frame handed to JetStream in process.
func BenchmarkStore(b *testing.B) {
	for name, sync := range map[string]time.Duration{"interval": time.Minute, "always": 0} {
		n := startNode(b, func(o *Options) { o.Sync, o.MaxStore, o.PostRate = sync, 64<<30, 1<<30 })
		b.Run(name+"/post", func(b *testing.B) { benchPost(b, n) })
		b.Run(name+"/jetstream", func(b *testing.B) { benchDirect(b, n) })
	}
}

func benchPost(b *testing.B, n *node) {
	alice, room := n.person(), newRoom()
	n.add(alice, room, memberFacts)
	a := n.connect(alice)
	a.open(room)
	slots := make(chan struct{}, benchWindow)
	if _, err := a.Subscribe(wire.InboxWildcard(alice.id), func(*nats.Msg) { <-slots }); err != nil {
		b.Fatal(err)
	}
	subject, inbox := wire.PostSubject(n.Server(), room, alice.id), alice.inbox()
	before := n.Stats().Stored
	benchWindows(b, slots, func() error { return a.PublishRequest(subject, inbox, alice.frame(room, 200)) })
	if got := n.Stats().Stored - before; got != uint64(b.N) {
		b.Fatalf("%d of %d stored: %+v", got, b.N, n.Stats())
	}
}

func benchDirect(b *testing.B, n *node) {
	p, room := n.person(), newRoom()
	slots := make(chan struct{}, benchWindow)
	conn, err := n.pipes.connect(n.srv, ownCtl, n.gate.own[ownCtl].password)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	inbox := nats.NewInbox()
	if _, err := conn.Subscribe(inbox, func(*nats.Msg) { <-slots }); err != nil {
		b.Fatal(err)
	}
	subject := wire.StoredSubject(0, room)
	benchWindows(b, slots, func() error { return conn.PublishRequest(subject, inbox, p.frame(room, 200)) })
}

// benchWindows sends b.N frames, at most a window unanswered, and waits for
// all answers.
func benchWindows(b *testing.B, slots chan struct{}, send func() error) {
	b.ReportAllocs()
	for b.Loop() {
		slots <- struct{}{}
		if err := send(); err != nil {
			b.Fatal(err)
		}
	}
	for range benchWindow {
		slots <- struct{}{}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "frames/s")
}

func BenchmarkOpen64Rooms(b *testing.B) {
	n := startNode(b)
	alice := n.person()
	rooms := n.manyRooms(alice, 64)
	a := n.connect(alice)
	a.open(rooms...)
	for b.Loop() {
		if r := a.open(rooms...); len(r.Granted) != len(rooms) {
			b.Fatal(r)
		}
	}
}
