package broker

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// pipes are the node's own connections, in process. Users' connections and
// control's are apart by account; posts and services apart by connection, so
// that a flood of posts does not hold up open requests.
type pipes struct {
	posts    *nats.Conn // users: posts in, answers out
	services *nats.Conn // users: open requests, notices
	ctl      *nats.Conn // control: frames to the shards, their acknowledgements
	history  []*nats.Conn
	errors   atomic.Uint64 // asynchronous errors: a member's malformed header raises one
}

// Names of the node's own users. They mean something in process alone.
const (
	ownUsers = "node-users"
	ownCtl   = "node-ctl"
)

// connectPipes opens all of them at once: under handshake-first the server
// makes each wait 50 ms for a handshake that does not come. What it returns
// can be closed, also beside an error.
func connectPipes(ctx context.Context, srv *server.Server, own map[string]ownIdentity) (*pipes, error) {
	p := &pipes{history: make([]*nats.Conn, historyReaders)}
	slots := map[**nats.Conn]string{&p.posts: ownUsers, &p.services: ownUsers, &p.ctl: ownCtl}
	for i := range p.history {
		slots[&p.history[i]] = ownCtl
	}
	var wg sync.WaitGroup
	errs := make(chan error, len(slots))
	for slot, user := range slots {
		wg.Go(func() {
			var err error
			*slot, err = p.connect(srv, user, own[user].password)
			errs <- err
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return p, fmt.Errorf("connect to the own server: %w", err)
		}
	}
	return p, ctx.Err()
}

// connect reconnects for ever: without its own connections a node serves nobody.
func (p *pipes) connect(srv *server.Server, user, password string) (*nats.Conn, error) {
	return nats.Connect("", nats.InProcessServer(srv), nats.UserInfo(user, password), nats.Name(user),
		nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.IgnoreAuthErrorAbort(),
		nats.NoEcho(), nats.Timeout(10*time.Second),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) { p.errors.Add(1) }))
}

func (p *pipes) all() []*nats.Conn {
	return append([]*nats.Conn{p.posts, p.services, p.ctl}, p.history...)
}

// up reports whether every one of them is connected.
func (p *pipes) up() bool {
	for _, c := range p.all() {
		if !c.IsConnected() {
			return false
		}
	}
	return true
}

func (p *pipes) close() {
	for _, c := range p.all() {
		if c != nil {
			c.Close()
		}
	}
}
