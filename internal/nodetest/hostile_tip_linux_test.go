package nodetest_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"regexp"
	"sync"
	"testing"

	"unibus/internal/identity"
	"unibus/internal/nodetest"
)

// tips stands before the data plane and tells who opens a room that the chains
// it rests on have moved, as a node must that shows others than before: else a
// client that sends has nothing to ask for, and seals to whom it knows.
type tips struct {
	listen       net.Listener
	to           string
	inner, outer *tls.Config
	ends         sync.WaitGroup
}

func moveTips(t *testing.T, b *nodetest.Bus) (addr string) {
	t.Helper()
	outer, err := identity.PinnedTLS(b.Admin.Info.CAPEM)
	must(t, err)
	outer.ServerName = "127.0.0.1"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &tips{listen: l, to: b.NATS(), inner: nodeTLS(t, b, "127.0.0.1"), outer: outer}
	p.ends.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.ends.Wait()
	})
	return l.Addr().String()
}

func (p *tips) accept() {
	for {
		c, err := p.listen.Accept()
		if err != nil {
			return
		}
		p.ends.Go(func() { p.pass(c) })
	}
}

func (p *tips) pass(c net.Conn) {
	near := tls.Server(c, p.inner)
	defer near.Close()
	far, err := tls.Dial("tcp", p.to, p.outer)
	if err != nil {
		return
	}
	defer far.Close()
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(far, near) // until either end closes
		far.Close()
	})
	both.Go(func() {
		move(near, far)
		near.Close()
	})
	both.Wait()
}

// move copies what the node says. An answer is one write, so a tip is whole.
func move(to io.Writer, from io.Reader) {
	tip := regexp.MustCompile(`"tip":"[0-9a-f]{32}"`)
	other := append(append([]byte(`"tip":"`), bytes.Repeat([]byte("0"), 32)...), '"')
	for buf := make([]byte, 64<<10); ; {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if _, err := to.Write(tip.ReplaceAllLiteral(buf[:n], other)); err != nil {
			return
		}
	}
}
