package client

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/internal/bus"
	"unibus/internal/client/call"
	"unibus/internal/wire"
)

// conn is one life of a connection to the data plane. It never reconnects: the
// rooms that it may use are granted to it alone, so that with it everything
// ends, and the next life begins from the start.
type conn struct {
	nc     *nats.Conn
	me     bus.EndpointID
	server wire.ServerToken
	client uint64
	token  string // 128 bits, fresh for each life: late answers of another are not ours
	count  atomic.Uint64
	mu     sync.Mutex
	asked  map[string]func(*nats.Msg)
	dead   chan struct{}
	die    sync.Once
}

// replyWait bounds how long a service of the node may take.
const replyWait = 10 * time.Second

// pingEvery is how often the node must show that it is there: a reader whose
// connection died without a word notices after the third time.
const pingEvery = 15 * time.Second

// connect begins a life. The connection is on TLS with the pinned CA before a
// byte of NATS is spoken, and signs nothing that looks like a request.
func (c *Client) connect(ctx context.Context) (*conn, error) {
	n := &conn{me: c.id.Endpoint(), token: newToken(), asked: map[string]func(*nats.Msg){}, dead: make(chan struct{})}
	var hostile error // why the nonce was not signed: NATS keeps only the words
	sign := func(nonce []byte) (sig []byte, err error) {
		sig, hostile = c.id.Transport.SignNonce(nonce)
		return sig, hostile
	}
	opts := []nats.Option{
		nats.Name("unibus"), nats.NoReconnect(), nats.Secure(c.tls.Clone()), nats.TLSHandshakeFirst(),
		nats.Nkey(c.id.Transport.Public().Nkey(), sign),
		nats.CustomInboxPrefix(wire.InboxPrefix(n.me)), nats.DontRandomize(), nats.IgnoreDiscoveredServers(),
		nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(2),
		nats.Timeout(dialTimeout(ctx)), nats.ClosedHandler(func(*nats.Conn) { n.end() }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { n.failed(err) }),
	}
	nc, err := nats.Connect("tls://"+c.info.NATS, opts...)
	if hostile != nil {
		return nil, hostile
	}
	if err != nil {
		return nil, c.connectError(ctx, err)
	}
	n.nc, n.server = nc, wire.ServerToken(nc.ConnectedServerId())
	if n.client, err = nc.GetClientID(); err == nil {
		_, err = nc.Subscribe(wire.InboxPrefix(n.me)+".*", n.answer)
	}
	if err != nil {
		n.close()
		return nil, c.connectError(ctx, err)
	}
	return n, nil
}

func dialTimeout(ctx context.Context) time.Duration {
	limit := 10 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, max(time.Until(deadline), time.Millisecond))
	}
	return limit
}

func newToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// connectError tells a node that is away from one that refuses: NATS says only
// that it will not, so a signed request finds out whether we are revoked, or somebody
// answers who is not the node.
func (c *Client) connectError(ctx context.Context, err error) error {
	if errors.Is(err, nats.ErrAuthorization) || strings.Contains(strings.ToLower(err.Error()), "authorization") {
		_, why := c.roomRefs(ctx)
		if kind := bus.KindOf(why); kind == bus.Unauthenticated || kind == bus.Integrity {
			return why
		}
		return bus.Errorf(bus.Unavailable, "refused", "the node refuses the connection for now").WithHint("try again").Because(err)
	}
	return call.NoAnswer(c.info.NATS, err)
}

// failed ends the life on any refusal or overflow: a subscription that was
// refused looks alive and hears nothing.
func (n *conn) failed(err error) {
	if errors.Is(err, nats.ErrPermissionViolation) || errors.Is(err, nats.ErrSlowConsumer) {
		n.end()
	}
}

func (n *conn) end() { n.die.Do(func() { close(n.dead) }) }

// close ends the life and its goroutines.
func (n *conn) close() {
	n.end()
	n.nc.Close()
}

// answer hands an answer to whoever asked.
func (n *conn) answer(m *nats.Msg) {
	token := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
	n.mu.Lock()
	then := n.asked[token]
	delete(n.asked, token)
	n.mu.Unlock()
	if then != nil {
		then(m)
	}
}

// ask publishes a request, and has then called with its answer, on the
// connection's own goroutine: it must not wait.
func (n *conn) ask(subject string, data []byte, then func(*nats.Msg)) error {
	token := n.token + strconv.FormatUint(n.count.Add(1), 36)
	n.mu.Lock()
	n.asked[token] = then
	n.mu.Unlock()
	return n.nc.PublishRequest(subject, wire.InboxPrefix(n.me)+"."+token, data)
}

// request asks and waits for the answer.
func (n *conn) request(ctx context.Context, subject string, in, out any) error {
	data, err := json.Marshal(in)
	if err != nil {
		return err
	}
	got := make(chan *nats.Msg, 1)
	if err := n.ask(subject, data, func(m *nats.Msg) { got <- m }); err != nil {
		return errLife.Because(err)
	}
	ctx, cancel := context.WithTimeout(ctx, replyWait)
	defer cancel()
	select {
	case m := <-got:
		if noResponders(m) {
			return errLife
		}
		return json.Unmarshal(m.Data, out)
	case <-n.dead:
		return errLife
	case <-ctx.Done():
		return errLife.Because(ctx.Err())
	}
}

// errLife ends a life; the next one begins.
var errLife = bus.Errorf(bus.Unavailable, "connection_lost", "the connection to the node broke").WithHint("try again")

func noResponders(m *nats.Msg) bool { return len(m.Data) == 0 && m.Header.Get("Status") == "503" }

// open asks for rooms. All of a view go in one request.
func (n *conn) open(ctx context.Context, rooms []bus.RoomID) (reply wire.OpenReply, err error) {
	req := wire.OpenRequest{Server: n.server, Client: n.client, Rooms: rooms}
	if err := n.request(ctx, wire.OpenSubject(n.me, n.server), req, &reply); err != nil {
		return reply, err
	}
	if reply.Error != "" {
		return reply, errLife.Because(errors.New(reply.Error))
	}
	return reply, nil
}

// live reads the facts that the node adds to a live message: its sequence, its
// predecessor's, and when it was stored, as history will say it.
func live(m *nats.Msg) (seq, prev uint64, at time.Time, ok bool) {
	seq, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
	if err != nil {
		return 0, 0, at, false
	}
	if prev, err = strconv.ParseUint(m.Header.Get("Nats-Last-Sequence"), 10, 64); err != nil {
		return 0, 0, at, false
	}
	at, err = time.Parse(time.RFC3339Nano, m.Header.Get("Nats-Time-Stamp"))
	return seq, prev, at.Truncate(time.Millisecond), err == nil
}
