package broker

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// startTimeout bounds a start: a store of many millions of messages is read back.
const startTimeout = 2 * time.Minute

// Broker is a running data plane. All methods are safe for concurrent use.
type Broker struct {
	srv      *server.Server
	nats     *server.Options // what the server runs with
	accounts accounts
	gate     *gate
	sessions *sessions
	pipes    *pipes
	shards   *shards
	history  *history
	posts    *poster
	opens    *opener
	natsLog  *serverLog
	log      *slog.Logger
	now      func() time.Time
	notices  atomic.Uint64
	postSub  *nats.Subscription

	stopLoops context.CancelFunc
	loops     sync.WaitGroup
	stopOnce  sync.Once
}

// Start runs the data plane and returns when it serves: the store was read
// back, the services listen, and only then are clients admitted. An address in
// use is an error of code port_in_use, a store that is not whole one of code
// store_damaged; nothing then runs on. ctx bounds the start alone.
func Start(ctx context.Context, o Options) (*Broker, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	b, err := newBroker(o)
	if err != nil {
		return nil, err
	}
	if err := b.start(ctx, o); err != nil {
		b.shutdown(context.WithoutCancel(ctx))
		return nil, err
	}
	return b, nil
}

// newBroker makes the server, not yet running, and who guards it.
func newBroker(o Options) (*Broker, error) {
	a, err := newAccounts()
	if err != nil {
		return nil, err
	}
	b := &Broker{gate: &gate{dir: o.Directory, guard: newGuard(o.Now)}, natsLog: newServerLog(o.Log), log: o.Log, now: o.Now,
		pipes: &pipes{}, stopLoops: func() {}}
	if b.nats, err = o.natsOptions(b.gate, a); err != nil {
		return nil, err
	}
	if b.srv, err = server.NewServer(b.nats); err != nil {
		return nil, errStore.Because(err)
	}
	b.srv.SetLoggerV2(b.natsLog, false, false, false)
	if b.accounts, err = a.registered(b.srv); err != nil {
		return nil, errStore.Because(err)
	}
	b.sessions = newSessions(o.Directory, b.srv, b.accounts.users)
	b.gate.sessions = b.sessions
	b.gate.own = map[string]ownIdentity{
		ownUsers: newOwnIdentity(b.accounts.users), ownCtl: newOwnIdentity(b.accounts.ctl),
	}
	return b, nil
}

// start brings up server, store, own connections and services, in that order.
func (b *Broker) start(ctx context.Context, o Options) (err error) {
	go b.srv.Start()
	if err := b.wait(ctx, func() bool { return b.srv.ReadyForConnections(time.Millisecond) }); err != nil {
		return err
	}
	if err := b.accounts.enableJetStream(); err != nil {
		return errStore.Because(err)
	}
	if err := assertSafe(b.srv, b.nats, b.accounts); err != nil {
		return err
	}
	if b.pipes, err = connectPipes(ctx, b.srv, b.gate.own); err != nil {
		return err
	}
	if err := b.startStore(ctx, o); err != nil {
		return err
	}
	return b.startServices(o)
}

// startStore checks the health of what was read back before anything is made:
// a stream made beside damage would bury it.
func (b *Broker) startStore(ctx context.Context, o Options) (err error) {
	if !o.Found {
		if h := b.srv.Healthz(nil); h.Status != "ok" {
			return errShard.Because(fmt.Errorf("health: %s", h.Error))
		}
	}
	if b.shards, err = newShards(b.pipes.ctl); err != nil {
		return err
	}
	if err := b.shards.prepare(ctx, o); err != nil {
		return err
	}
	b.history, err = newHistory(b.pipes.history)
	return err
}

// startServices listens for posts before it listens for open requests, and
// only then lets clients in: whoever has a room open can post.
func (b *Broker) startServices(o Options) error {
	b.posts = &poster{sessions: b.sessions, dir: o.Directory, guard: b.gate.guard, quota: newQuota(o.PostRate),
		users: b.pipes.posts, ctl: b.pipes.ctl, now: o.Now}
	b.opens = newOpener(b.sessions, b.history, b.gate.guard, b.pipes.services)
	if err := b.subscribe(); err != nil {
		return fmt.Errorf("listen for requests: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.stopLoops = cancel
	for _, queue := range b.opens.queues {
		b.loops.Go(func() { b.opens.work(ctx, queue) })
	}
	b.startLoops(ctx)
	b.gate.open.Store(true)
	return nil
}

func (b *Broker) subscribe() (err error) {
	if _, err = listen(b.pipes.ctl, ackPrefix+"*", b.posts.acked); err != nil {
		return err
	}
	if b.postSub, err = listen(b.pipes.posts, wire.PostWildcard(b.Server()), b.posts.take); err != nil {
		return err
	}
	if err := b.postSub.SetPendingLimits(postQueue, postQueueBytes); err != nil {
		return err
	}
	_, err = listen(b.pipes.services, wire.OpenWildcard(b.Server()), b.opens.take)
	return err
}

// listen subscribes and waits until the server knows it.
func listen(c *nats.Conn, subject string, take nats.MsgHandler) (*nats.Subscription, error) {
	sub, err := c.Subscribe(subject, take)
	if err != nil {
		return nil, err
	}
	return sub, c.Flush()
}

// wait polls until the server is ready or gave up: it tells nobody.
func (b *Broker) wait(ctx context.Context, ready func() bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ready() {
		select {
		case err := <-b.natsLog.fatal:
			return err
		case <-ctx.Done():
			return bus.Errorf(bus.Unavailable, "start_timeout", "the NATS server did not become ready").Because(ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

// Addr is where clients connect: host:port, with the port that was chosen.
func (b *Broker) Addr() string {
	if a, ok := b.srv.Addr().(*net.TCPAddr); ok {
		return a.String()
	}
	return ""
}

// Server is the token of this run of the server in subjects.
func (b *Broker) Server() wire.ServerToken { return wire.ServerToken(b.srv.ID()) }

// Connections is how many clients are connected, up to two seconds ago.
func (b *Broker) Connections() int { return b.sessions.connections() }

// Failed reports what ended the server from inside, once.
func (b *Broker) Failed() <-chan error { return b.natsLog.fatal }

// Healthy is nil while the node can store and serve.
func (b *Broker) Healthy() error {
	if h := b.srv.Healthz(nil); h.Status != "ok" {
		return errStored.Because(fmt.Errorf("health: %s", h.Error))
	}
	if !b.pipes.up() {
		return errStored.Because(fmt.Errorf("an own connection is down"))
	}
	return nil
}
