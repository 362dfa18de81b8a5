package node

import (
	"context"
	"errors"
	"net"
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

// crowd is a listener that closes what is over its limit at once.
type crowd struct {
	net.Listener
	places chan struct{}
}

func limited(l net.Listener, limit int) net.Listener {
	return crowd{l, make(chan struct{}, limit)}
}

// Accept returns the next connection that finds a place.
func (c crowd) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case c.places <- struct{}{}:
			return &placed{Conn: conn, leave: sync.OnceFunc(func() { <-c.places })}, nil
		default:
			conn.Close()
		}
	}
}

type placed struct {
	net.Conn
	leave func()
}

// Close gives the place to somebody else.
func (p *placed) Close() error {
	defer p.leave()
	return p.Conn.Close()
}
