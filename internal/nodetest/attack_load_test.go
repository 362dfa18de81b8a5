package nodetest_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
	"unibus/internal/node"
	"unibus/internal/nodetest"
	"unibus/internal/signing"
	"unibus/internal/wire"
)

// long is set for the numbers that an attack really has; without it a test
// shows the same with less.
func long() bool { return os.Getenv("UNIBUS_LONG") != "" }

// loris is a way to hold a connection and do nothing with it.
type loris struct {
	name, plane string
	secure      bool
	says        string
}

func lorises() []loris {
	return []loris{
		{"no word", "control", false, ""},
		{"half a handshake", "control", false, "\x16\x03\x01\x02\x00"},
		{"a handshake and no request", "control", true, ""},
		{"half a header", "control", true, "GET /users HTTP/1.1\r\nHost: x\r\nX: "},
		{"no word", "data", false, ""},
		{"half a handshake", "data", false, "\x16\x03\x01\x02\x00"},
		{"a handshake and no name", "data", true, ""},
		{"half a name", "data", true, "CONNECT {"},
	}
}

// Attack: silent and slow connections take every place that a node has, on both
// planes. Checked: an honest user is served meanwhile, the silent ones are hung
// up on in time, and afterwards all is as before.
func TestAttackSlowConnections(t *testing.T) {
	t.Parallel()
	b := boot(t)
	alice := b.Alice(b.General)
	each, slowest := 50, 10*time.Second // the machine may be busy with other tests
	if long() {
		each, slowest = 600, 250*time.Millisecond // 2,400 on the control plane, more than it has places
	}
	var hung sync.WaitGroup
	for _, l := range lorises() {
		for range each {
			conn := l.open(t, b)
			hung.Go(func() {
				_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
				if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
					t.Errorf("%s, %s: still open", l.plane, l.name)
				}
			})
		}
	}
	for range 20 {
		start := time.Now()
		c := callerAs(t, b, alice)
		if got := c.ask(http.MethodGet, wire.TargetUsers, nil); got.status != http.StatusOK {
			t.Errorf("alice asks: got %d %s", got.status, got.body)
		}
		c.http.CloseIdleConnections()
		if took := time.Since(start); took > slowest {
			t.Errorf("alice waits %v", took)
		}
	}
	post(t, alice, b.General, "I am here")
	hung.Wait()
	post(t, alice, b.General, "I am still here")
}

func (l loris) open(t *testing.T, b *nodetest.Bus) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", planes(b)[l.plane])
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	if !l.secure {
		_, err := io.WriteString(conn, l.says)
		must(t, err)
		return conn
	}
	pinned, err := identity.PinnedTLS(b.Admin.Info.CAPEM)
	must(t, err)
	pinned.ServerName = "127.0.0.1"
	secure := tls.Client(conn, pinned)
	_, _ = io.WriteString(secure, l.says) // it may have had to give way already
	return secure
}

// Attack: bodies of hundreds of megabytes, declared, in chunks and with a lie,
// by nobody, by a stranger and by a user; and as much on the data plane, before
// and after CONNECT. Checked: the node refuses them without holding them, and
// serves an honest user meanwhile.
//
// Not parallel: it watches the heap.
func TestAttackLargeBodies(t *testing.T) {
	b := boot(t, func(o *node.Options) { o.MaxInflight = 16 << 20 })
	alice := b.Alice(b.General)
	size, senders, bound := int64(32<<20), 2, uint64(64<<20) // both ends of every connection are in this process
	if long() {
		size, senders, bound = 400<<20, 40, 128<<20
	}
	floods := []func(){}
	for _, who := range []*caller{nil, callerWith(t, b, identity.NewTransportKey()), callerAs(t, b, alice)} {
		for _, target := range []string{wire.TargetRooms, wire.BlobPutTarget(bus.Hash{1}, "bus", "whole")} {
			floods = append(floods, func() { flood(t, b, who, target, size) })
		}
	}
	floods = append(floods, func() { floodNATS(t, b, "PUB x %d\r\n", size) })
	most := peak(func() {
		var all sync.WaitGroup
		for _, f := range floods {
			for range senders {
				all.Go(f)
			}
		}
		for range 10 {
			if got := callerAs(t, b, alice).ask(http.MethodGet, wire.TargetUsers, nil); got.status != http.StatusOK {
				t.Errorf("alice asks: got %d %s", got.status, got.body)
			}
		}
		all.Wait()
	})
	if most > bound {
		t.Errorf("the heap grew by %d MiB", most>>20)
	}
	post(t, alice, b.General, "I am still here")
}

// Attack: a user fills the node's memory for bodies with bodies that never end,
// so that nobody can revoke her. Checked: large bodies of others have to wait,
// and the revocation does not.
func TestAttackFullBudget(t *testing.T) {
	t.Parallel()
	const half = bus.MaxJSONBody / 2
	b := boot(t, func(o *node.Options) { o.MaxInflight = 3 * half })
	alice, mallory := b.Alice(b.General), b.Mallory()
	large := make([]byte, 2*half)
	c := callerAs(t, b, alice)
	for deadline := time.Now().Add(30 * time.Second); c.ask(http.MethodPost, wire.LogAppendTarget, large[:100<<10]).code != "busy"; {
		if time.Now().After(deadline) {
			t.Fatal("the budget was never spent: this test proves nothing")
		}
		_, _, _ = callerAs(t, b, mallory).try(http.MethodPost, wire.LogAppendTarget, large) // refused when it is one too many
	}
	start := time.Now()
	rev, err := b.Admin.RevokeUser(nodetest.Context(t), "mallory")
	if err != nil || !rev.Changed || time.Since(start) > 5*time.Second {
		t.Errorf("revoke: got %+v, %v after %v", rev, err, time.Since(start))
	}
}

// Attack: a user begins requests and does not end them, until the node has no
// place left for anybody else. Checked: she gets so many places and no more,
// and others are served.
func TestAttackManyRequests(t *testing.T) {
	t.Parallel()
	b := boot(t)
	alice, mallory := b.Alice(b.General), b.Mallory()
	c, answers := callerAs(t, b, mallory), map[int]int{}
	for range 300 {
		status, _ := c.begin(http.MethodPost, wire.LogAppendTarget, []byte("{}"))
		answers[status]++
	}
	if answers[http.StatusContinue] != 256 || answers[http.StatusTooManyRequests] != 44 {
		t.Errorf("300 requests were answered %v, want 256 to go on and the others 429", answers)
	}
	if got := callerAs(t, b, alice).ask(http.MethodGet, wire.TargetUsers, nil); got.status != http.StatusOK {
		t.Errorf("alice asks: got %d %s", got.status, got.body)
	}
	rev, err := b.Admin.RevokeUser(nodetest.Context(t), "mallory")
	if err != nil || !rev.Changed {
		t.Errorf("revoke: got %+v, %v", rev, err)
	}
}

// flood sends a body that nobody wants, as far as the node lets it: declared,
// in chunks, and with a length that is a lie.
func flood(t *testing.T, b *nodetest.Bus, who *caller, target string, size int64) {
	method := map[bool]string{true: http.MethodPost, false: http.MethodPut}[target == wire.TargetRooms]
	addr := planes(b)["control"]
	for _, length := range []string{fmt.Sprint("Content-Length: ", size), "Transfer-Encoding: chunked", "Content-Length: 1000"} {
		pinned, err := identity.PinnedTLS(b.Admin.Info.CAPEM)
		if err != nil {
			t.Error(err)
			return
		}
		conn, err := tls.Dial("tcp", addr, pinned)
		if err != nil {
			t.Errorf("dial: %v", err)
			return
		}
		var head strings.Builder
		fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", method, target, addr, length)
		if who != nil {
			_ = who.request(method, target, nil, func(s *signing.Request) { s.Digest = bus.Hash{1} }).Header.Write(&head)
		}
		_, _ = io.WriteString(conn, head.String()+"\r\n")
		sent := make(chan bool)
		go func() {
			defer close(sent)
			if strings.HasPrefix(length, "T") {
				_, _ = io.WriteString(conn, fmt.Sprintf("%x\r\n", size))
			}
			_, _ = io.CopyN(conn, zeros{}, size)
		}()
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil && res.StatusCode < 400 {
			t.Errorf("%s %s: got %s", method, length, res.Status)
		}
		conn.Close()
		<-sent
	}
}

// floodNATS says that a payload of size comes, and sends it.
func floodNATS(t *testing.T, b *nodetest.Bus, says string, size int64) {
	pinned, err := identity.PinnedTLS(b.Admin.Info.CAPEM)
	if err != nil {
		t.Error(err)
		return
	}
	conn, err := tls.Dial("tcp", planes(b)["data"], pinned)
	if err != nil {
		t.Errorf("dial: %v", err)
		return
	}
	defer conn.Close()
	_, _ = fmt.Fprintf(conn, says, size)
	if n, _ := io.CopyN(conn, zeros{}, size); n == size {
		t.Errorf("the data plane took %d bytes from a stranger", n)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// peak is by how much the heap grew, at most, while do ran.
func peak(do func()) uint64 {
	runtime.GC()
	var base, now runtime.MemStats
	runtime.ReadMemStats(&base)
	var most uint64
	stop, watched := make(chan bool), make(chan bool)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	go func() {
		defer close(watched)
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapInuse)
			}
		}
	}()
	do()
	close(stop)
	<-watched
	return most - min(most, base.HeapInuse)
}
