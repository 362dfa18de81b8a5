package client_test

import (
	"bytes"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"unibus/internal/identity"
	"unibus/internal/nodetest"
)

// relay stands between clients and the data plane of a node and passes bytes
// on, until a test wants it otherwise. What it breaks, it breaks as a network
// does: without a word to either side.
type relay struct {
	listen net.Listener
	to     string
	ends   sync.WaitGroup
	mu     sync.Mutex
	open   map[*link]bool // nil once the test is over

	// With a certificate of the bus a relay ends TLS and hears every word.
	inner, outer *tls.Config
	garble       func(said []byte) []byte // changes what the node says; nil = nothing
	heard        bytes.Buffer             // guarded by mu
}

// link is one connection through a relay.
type link struct {
	near, far net.Conn
	mute      atomic.Bool // what the node says is lost
	deaf      atomic.Bool // what the client says is lost
}

func (l *link) close() {
	l.near.Close()
	l.far.Close()
}

// newRelay puts a relay before a bus.
func newRelay(t testing.TB, b *nodetest.Bus) *relay {
	t.Helper()
	r := &relay{to: b.NATS()}
	r.run(t)
	return r
}

// newTap puts a relay before a bus that keeps what both sides say inside TLS:
// all that is on the subjects which they may use, and more. What the node says
// passes through garble, unless that is nil.
func newTap(t testing.TB, b *nodetest.Bus, garble func(said []byte) []byte) *relay {
	t.Helper()
	r := &relay{to: b.NATS(), garble: garble}
	key, pub, err := identity.NewNodeKey()
	must(t, err)
	cert, err := b.Admin.Identity.CA.IssueNode(pub, []string{"127.0.0.1"}, time.Now())
	must(t, err)
	r.inner, err = identity.ServerTLS(cert, key, b.Admin.Info.CAPEM)
	must(t, err)
	r.outer, err = identity.PinnedTLS(b.Admin.Info.CAPEM)
	must(t, err)
	r.outer.ServerName = "127.0.0.1"
	r.run(t)
	return r
}

func (r *relay) run(t testing.TB) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	r.listen, r.open = l, map[*link]bool{}
	r.ends.Go(r.accept)
	t.Cleanup(func() {
		l.Close()
		r.each((*link).close)
		r.mu.Lock()
		r.open = nil
		r.mu.Unlock()
		r.ends.Wait()
	})
}

// carries sends the person's clients that are made from now on through r.
func (r *relay) carries(p *nodetest.Person) { p.Info.NATS = r.listen.Addr().String() }

// cut breaks every connection that there is.
func (r *relay) cut() { r.each((*link).close) }

// mute loses what the node says from now on, on every connection that there is.
func (r *relay) mute() { r.each(func(l *link) { l.mute.Store(true) }) }

// deafen loses what the clients say.
func (r *relay) deafen() { r.each(func(l *link) { l.deaf.Store(true) }) }

func (r *relay) each(do func(*link)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for l := range r.open {
		do(l)
	}
}

func (r *relay) accept() {
	for {
		c, err := r.listen.Accept()
		if err != nil {
			return
		}
		r.ends.Go(func() { r.pass(c) })
	}
}

func (r *relay) pass(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	l := &link{near: near, far: far}
	defer l.close()
	if !r.keep(l) {
		return
	}
	defer r.forget(l)
	if r.inner != nil {
		near, far = tls.Server(near, r.inner), tls.Client(far, r.outer)
	}
	var both sync.WaitGroup
	both.Go(func() { r.pipe(far, near, &l.deaf, nil) })
	both.Go(func() { r.pipe(near, far, &l.mute, r.garble) })
	both.Wait()
}

// pipe copies until an end closes, and then closes both.
func (r *relay) pipe(to, from net.Conn, lost *atomic.Bool, garble func([]byte) []byte) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if lost.Load() {
			continue
		}
		said := buf[:n]
		r.hear(said)
		if garble != nil {
			said = garble(said)
		}
		if _, err := to.Write(said); err != nil {
			return
		}
	}
}

func (r *relay) hear(said []byte) {
	if r.inner == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard.Write(said)
}

// keep reports whether the test still goes on.
func (r *relay) keep(l *link) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		return false
	}
	r.open[l] = true
	return true
}

func (r *relay) forget(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, l)
}
