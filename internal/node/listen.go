package node

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"syscall"

	"unibus/internal/bus"
)

// maxClients bounds the connections of the control plane. Requests are short;
// what is over it would only wait for memory and file descriptors.
const maxClients = 2048

// withPort puts the port that was chosen before in the place of 0.
func withPort(address, remembered string) string {
	if portOf(address) != "0" || remembered == "" {
		return address
	}
	return net.JoinHostPort(hostOf(address), remembered)
}

// listen opens a listener; setting is the flag that the address came from.
func listen(ctx context.Context, setting, address string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err == nil {
		return l, nil
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, bus.Errorf(bus.Unavailable, "port_in_use", "%s %s: another program uses this address", setting, address).
			WithHint("stop that program, or choose another address with %s", setting).Because(err)
	}
	cause := err
	var op *net.OpError
	if errors.As(err, &op) {
		cause = op.Err
	}
	return nil, bus.Errorf(bus.Unavailable, "cannot_listen", "%s %s: %s", setting, address, cause).
		WithHint("choose an address of this machine that this user may listen on").Because(err)
}

// probe finds out early, and with our words, whether an address is free.
func probe(ctx context.Context, setting, address string) error {
	l, err := listen(ctx, setting, address)
	if err != nil {
		return err
	}
	return l.Close()
}

// local demands that what was asked to be loopback is: a name may mean
// anything by now.
func local(address string) error {
	ip, err := net.ResolveTCPAddr("tcp", address)
	if err == nil && ip.IP.IsLoopback() {
		return nil
	}
	return bus.Errorf(bus.Unsafe, "not_loopback", "the node was to be reached from this machine alone, but listens on %s", address).
		WithHint("use 127.0.0.1")
}

// crowd is a listener that holds a bounded number of connections. When it is
// full, the one that nobody serves for the longest time gives way to a new one:
// else silent connections, which cost a stranger nothing, would keep everybody
// out.
type crowd struct {
	net.Listener
	limit int

	mu      sync.Mutex
	open    int
	waiting list.List // of *placed that nobody serves, the longest first
}

func limited(l net.Listener, limit int) *crowd { return &crowd{Listener: l, limit: limit} }

// Accept returns the next connection that finds a place.
func (c *crowd) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if p, ok := c.place(conn); ok {
			return p, nil
		}
		conn.Close() // all are being served
	}
}

func (c *crowd) place(conn net.Conn) (p *placed, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == c.limit {
		oldest := c.waiting.Front()
		if oldest == nil {
			return nil, false
		}
		gone := oldest.Value.(*placed)
		c.leave(gone)
		defer gone.Conn.Close()
	}
	c.open++
	p = &placed{Conn: conn, crowd: c}
	p.seat = c.waiting.PushBack(p)
	return p, true
}

// leave gives the place of p to somebody else, once; the caller holds the lock.
func (c *crowd) leave(p *placed) {
	if !p.gone {
		p.gone = true
		c.open--
		c.rise(p)
	}
}

func (c *crowd) rise(p *placed) {
	if p.seat != nil {
		c.waiting.Remove(p.seat)
		p.seat = nil
	}
}

// note is an http.Server's ConnState: it tells who is being served.
func (c *crowd) note(conn net.Conn, state http.ConnState) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	p, ok := conn.(*placed)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case p.gone:
	case state == http.StateActive:
		c.rise(p)
	case state == http.StateIdle && p.seat == nil:
		p.seat = c.waiting.PushBack(p)
	}
}

// placed is a connection of a crowd; the crowd's lock guards its fields.
type placed struct {
	net.Conn
	crowd *crowd
	seat  *list.Element // among those who wait; nil while it is served
	gone  bool
}

// Close gives the place to somebody else.
func (p *placed) Close() error {
	p.crowd.mu.Lock()
	p.crowd.leave(p)
	p.crowd.mu.Unlock()
	return p.Conn.Close()
}
