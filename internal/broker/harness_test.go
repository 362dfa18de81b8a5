package broker

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"unibus/internal/bus"
	"unibus/internal/frame"
	"unibus/internal/identity"
	"unibus/internal/wire"
)

// directory is a Directory that tests change at will.
type directory struct {
	mu    sync.RWMutex
	keys  map[identity.TransportID]bus.EndpointID
	rooms map[bus.EndpointID]map[bus.RoomID]RoomFacts
	of    map[bus.EndpointID]bus.AccountID // who has more than one endpoint
	stale bool
	err   error // of every answer
}

func newDirectory() *directory {
	return &directory{keys: map[identity.TransportID]bus.EndpointID{}, rooms: map[bus.EndpointID]map[bus.RoomID]RoomFacts{},
		of: map[bus.EndpointID]bus.AccountID{}}
}

// account is whose an endpoint is: its own, but where another was named.
func (d *directory) account(me bus.EndpointID) bus.AccountID {
	if id, ok := d.of[me]; ok {
		return id
	}
	return bus.AccountID(me)
}

func (d *directory) Endpoint(t identity.TransportID) (Party, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	me, ok := d.keys[t]
	if d.err != nil || !ok {
		return Party{}, bus.ErrUnknownSigner
	}
	return Party{Endpoint: me, Account: d.account(me)}, nil
}

func (d *directory) Room(me bus.EndpointID, room bus.RoomID) (RoomFacts, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	f, ok := d.rooms[me][room]
	switch {
	case d.err != nil:
		return RoomFacts{}, d.err
	case !ok:
		return RoomFacts{}, bus.ErrNotMember
	}
	return f, nil
}

func (d *directory) Readers(room bus.RoomID) (out []bus.EndpointID) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for me, rooms := range d.rooms {
		if _, in := rooms[room]; in {
			out = append(out, me)
		}
	}
	return out
}

func (d *directory) Fresh() bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return !d.stale
}

func (d *directory) change(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

func (d *directory) add(p *person, room bus.RoomID, f RoomFacts) {
	d.change(func() {
		f.Account = d.account(p.id)
		d.rooms[p.id][room] = f
	})
}

func (d *directory) remove(p *person, room bus.RoomID) {
	d.change(func() { delete(d.rooms[p.id], room) })
}

func (d *directory) revoke(p *person) {
	d.change(func() { delete(d.keys, p.key.Public()) })
}

// person is an endpoint with its key.
type person struct {
	id  bus.EndpointID
	key identity.TransportKey
	n   uint32 // frames made
}

func (d *directory) person() *person {
	p := &person{key: identity.NewTransportKey()}
	rand.Read(p.id[:])
	d.change(func() {
		d.keys[p.key.Public()] = p.id
		d.rooms[p.id] = map[bus.RoomID]RoomFacts{}
	})
	return p
}

// device is one more endpoint of p's account.
func (d *directory) device(p *person) *person {
	more := d.person()
	d.change(func() { d.of[more.id] = d.account(p.id) })
	return more
}

// manyRooms makes p a member of so many rooms, on shards in turn.
func (n *node) manyRooms(p *person, count int) []bus.RoomID {
	rooms := make([]bus.RoomID, count)
	for i := range rooms {
		rooms[i] = newRoom()
		n.add(p, rooms[i], RoomFacts{Shard: i % wire.Shards, Persist: true, Write: true})
	}
	return rooms
}

func newRoom() (r bus.RoomID) { rand.Read(r[:]); return r }

// frame makes a frame of p that passes for one, with size bytes of body.
func (p *person) frame(room bus.RoomID, size int) []byte {
	h := frame.Header{Suite: bus.SuiteSealed, Room: room, Epoch: 1, Endpoint: p.id, Index: p.n}
	p.n++
	rand.Read(h.Salt[:])
	body := make([]byte, 72+size)
	rand.Read(body)
	return append(h.Append(nil), body...)
}

// node is a running broker with its directory and the TLS of its clients.
type node struct {
	*Broker
	*directory
	t       testing.TB
	options Options
	client  *tls.Config
}

// startNode runs a broker on loopback until the test ends.
func startNode(t testing.TB, change ...func(*Options)) *node {
	t.Helper()
	server, client := testTLS(t)
	d := newDirectory()
	o := Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", TLS: server, Directory: d, Found: true,
		MaxStore: 256 << 20, Sync: time.Minute, StoreKey: []byte("0123456789abcdef0123456789abcdef"), Log: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&o)
	}
	b, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err, errors.Unwrap(err))
	}
	n := &node{Broker: b, directory: d, t: t, options: o, client: client}
	t.Cleanup(n.stop)
	return n
}

func (n *node) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := n.Stop(ctx); err != nil {
		n.t.Error(err)
	}
}

func testTLS(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	ca, err := identity.NewCA("test", time.Now())
	must(err)
	keyPEM, pub, err := identity.NewNodeKey()
	must(err)
	certPEM, err := ca.IssueNode(pub, []string{"127.0.0.1"}, time.Now())
	must(err)
	server, err = identity.ServerTLS(certPEM, keyPEM, ca.CertificatePEM())
	must(err)
	client, err = identity.PinnedTLS(ca.CertificatePEM())
	must(err)
	return server, client
}

// link is one connection of a person, as a client makes it.
type link struct {
	*nats.Conn
	n          *node
	p          *person
	violations chan error
	closed     chan struct{}
}

func (n *node) dialOptions(p *person, l *link) []nats.Option {
	return []nats.Option{
		nats.Secure(n.client), nats.TLSHandshakeFirst(), nats.NoReconnect(), nats.Timeout(10 * time.Second),
		nats.Nkey(p.key.Public().Nkey(), p.key.SignNonce), nats.CustomInboxPrefix(wire.InboxPrefix(p.id)),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			select {
			case l.violations <- err:
			default:
			}
		}),
		nats.ClosedHandler(func(*nats.Conn) { close(l.closed) }),
	}
}

func (n *node) try(p *person) (*link, error) {
	l := &link{n: n, p: p, violations: make(chan error, 1024), closed: make(chan struct{})}
	var err error
	l.Conn, err = nats.Connect("nats://"+n.Addr(), n.dialOptions(p, l)...)
	return l, err
}

func (n *node) connect(p *person) *link {
	n.t.Helper()
	l, err := n.try(p)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(l.Close)
	return l
}

// inbox is a legal reply subject with a fresh token.
func (p *person) inbox() string { return wire.InboxPrefix(p.id) + "." + rand.Text() }

// request sends data and waits for the answer to a legal inbox.
func (l *link) request(subject string, data []byte) (*nats.Msg, error) {
	inbox := l.p.inbox()
	sub, err := l.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer sub.Unsubscribe()
	if err := l.PublishRequest(subject, inbox, data); err != nil {
		return nil, err
	}
	return sub.NextMsg(10 * time.Second)
}

func (l *link) tryOpen(rooms ...bus.RoomID) (reply wire.OpenReply, err error) {
	id, err := l.GetClientID()
	if err != nil {
		return reply, err
	}
	return l.openFor(id, rooms...)
}

// openFor opens rooms on the connection with this id.
func (l *link) openFor(id uint64, rooms ...bus.RoomID) (reply wire.OpenReply, err error) {
	data, err := json.Marshal(wire.OpenRequest{Server: l.n.Server(), Client: id, Rooms: rooms})
	if err != nil {
		return reply, err
	}
	m, err := l.request(wire.OpenSubject(l.p.id, l.n.Server()), data)
	if err != nil {
		return reply, err
	}
	return reply, json.Unmarshal(m.Data, &reply)
}

func (l *link) open(rooms ...bus.RoomID) wire.OpenReply {
	l.n.t.Helper()
	r, err := l.tryOpen(rooms...)
	if err != nil {
		l.n.t.Fatal(err)
	}
	return r
}

// follow opens a room and subscribes to its live messages.
func (l *link) follow(room bus.RoomID) chan *nats.Msg {
	l.n.t.Helper()
	if r := l.open(room); len(r.Granted) != 1 {
		l.n.t.Fatalf("open: %+v", r)
	}
	return l.subscribe(wire.OutSubject(room))
}

func (l *link) subscribe(subject string) chan *nats.Msg {
	l.n.t.Helper()
	out := make(chan *nats.Msg, 1<<16)
	if _, err := l.ChanSubscribe(subject, out); err != nil {
		l.n.t.Fatal(err)
	}
	l.flush()
	return out
}

func (l *link) flush() {
	l.n.t.Helper()
	if err := l.Flush(); err != nil {
		l.n.t.Fatal(err)
	}
}

func (l *link) tryPost(room bus.RoomID, raw []byte) (reply wire.PostReply, err error) {
	m, err := l.request(wire.PostSubject(l.n.Server(), room, l.p.id), raw)
	if err != nil {
		return reply, err
	}
	return reply, json.Unmarshal(m.Data, &reply)
}

// post stores a frame and returns its sequence.
func (l *link) post(room bus.RoomID, raw []byte) uint64 {
	l.n.t.Helper()
	r, err := l.tryPost(room, raw)
	if err != nil || r.Err != "" {
		l.n.t.Fatalf("post: %+v, %v", r, err)
	}
	return r.Seq
}

func (l *link) postErr(room bus.RoomID, raw []byte) string {
	l.n.t.Helper()
	r, err := l.tryPost(room, raw)
	if err != nil {
		l.n.t.Fatal(err)
	}
	return r.Err
}

// next waits for the next message.
func next(t testing.TB, from <-chan *nats.Msg) *nats.Msg {
	t.Helper()
	select {
	case m := <-from:
		return m
	case <-time.After(10 * time.Second):
		t.Fatal("no message")
		return nil
	}
}

// quiet demands that nothing has arrived; whatever could have come must be
// known to have been handled before.
func quiet(t testing.TB, from <-chan *nats.Msg) {
	t.Helper()
	select {
	case m := <-from:
		t.Fatalf("got %s %q, want silence", m.Subject, m.Data)
	default:
	}
}

func (l *link) waitClosed() {
	l.n.t.Helper()
	select {
	case <-l.closed:
	case <-time.After(10 * time.Second):
		l.n.t.Fatal("connection still open")
	}
}

var memberFacts = RoomFacts{Persist: true, Write: true}

// waitFor waits until something becomes true.
func waitFor(t testing.TB, ok func() bool) {
	t.Helper()
	end, tick := time.After(10*time.Second), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-end:
			t.Fatal("it never became true")
		case <-tick.C:
		}
	}
}

func clientOpts(fields []byte) *server.ClientOpts {
	var o server.ClientOpts
	_ = json.Unmarshal(fields, &o)
	return &o
}

func headerOf(t testing.TB, raw []byte) frame.Header {
	t.Helper()
	h, err := frame.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func contextAlreadyDone(t testing.TB) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx, cancel
}
