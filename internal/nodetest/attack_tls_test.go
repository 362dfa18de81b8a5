package nodetest_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/internal/identity"
	"unibus/internal/nodetest"
)

// planes are the two addresses of a node.
func planes(b *nodetest.Bus) map[string]string {
	return map[string]string{"control": strings.TrimPrefix(b.URL(), "https://"), "data": b.NATS()}
}

// Attack: somebody in between talks both sides down to an older TLS, or to
// none. Checked: neither plane speaks anything but TLS 1.3.
func TestAttackOldTLS(t *testing.T) {
	t.Parallel()
	b := boot(t)
	for plane, addr := range planes(b) {
		pinned, err := identity.PinnedTLS(b.Admin.Info.CAPEM)
		must(t, err)
		for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12} {
			old := pinned.Clone()
			old.MinVersion, old.MaxVersion = version, version
			if c, err := tls.Dial("tcp", addr, old); err == nil {
				c.Close()
				t.Errorf("%s speaks %s", plane, tls.VersionName(version))
			}
		}
		c, err := tls.Dial("tcp", addr, pinned)
		must(t, err)
		if got := c.ConnectionState().Version; got != tls.VersionTLS13 {
			t.Errorf("%s speaks %s", plane, tls.VersionName(got))
		}
		c.Close()
		if c, err := tls.Dial("tcp", addr, &tls.Config{}); err == nil {
			c.Close()
			t.Errorf("%s: the system's roots are enough", plane)
		}
		other := pinned.Clone()
		other.ServerName = "other.example"
		if c, err := tls.Dial("tcp", addr, other); err == nil {
			c.Close()
			t.Errorf("%s has a certificate for another name", plane)
		}
	}
}

// Attack: a client is made to speak without TLS. Checked: neither plane
// answers a request or says its first word in clear.
func TestAttackNoTLS(t *testing.T) {
	t.Parallel()
	b := boot(t)
	for plane, addr := range planes(b) {
		for _, said := range []string{"GET /healthz HTTP/1.1\r\nHost: " + addr + "\r\n\r\n", "CONNECT {}\r\nPING\r\n",
			"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x00\x00\x00\x00", ""} {
			conn, err := net.Dial("tcp", addr)
			must(t, err)
			_, err = io.WriteString(conn, said)
			must(t, err)
			must(t, conn.(*net.TCPConn).CloseWrite())
			must(t, conn.SetReadDeadline(time.Now().Add(30*time.Second)))
			answer, _ := io.ReadAll(conn)
			for _, word := range []string{"enforce", "INFO", "PONG", "200"} {
				if strings.Contains(string(answer), word) {
					t.Errorf("%s answers %.20q in clear with %q", plane, said, answer)
				}
			}
			conn.Close()
		}
	}
	alice := b.Alice()
	key := alice.Identity.Transport
	if nc, err := nats.Connect("nats://"+b.NATS(), nats.NoReconnect(), nats.Timeout(time.Second), nats.Nkey(key.Public().Nkey(), key.SignNonce)); err == nil {
		nc.Close()
		t.Error("a NATS client connects without TLS")
	}
}

// Attack: a client that would rather speak HTTP/2, in which one connection
// carries what is limited by connection. Checked: it is not agreed on, nor
// spoken without being agreed on.
func TestAttackHTTP2(t *testing.T) {
	t.Parallel()
	b := boot(t)
	addr := planes(b)["control"]
	pinned, err := identity.PinnedTLS(b.Admin.Info.CAPEM)
	must(t, err)
	for _, offer := range [][]string{{"h2", "http/1.1"}, {"http/1.1"}, nil} {
		conf := pinned.Clone()
		conf.NextProtos = offer
		c, err := tls.Dial("tcp", addr, conf)
		must(t, err)
		if got := c.ConnectionState().NegotiatedProtocol; got == "h2" {
			t.Errorf("%q: agreed on %q", offer, got)
		}
		_, err = io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
		must(t, err)
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil && res.StatusCode < 400 {
			t.Errorf("%q: HTTP/2 without asking: got %s", offer, res.Status)
		}
		c.Close()
	}
	only := pinned.Clone()
	only.NextProtos = []string{"h2"}
	if c, err := tls.Dial("tcp", addr, only); err == nil {
		c.Close()
		t.Error("h2 was agreed on")
	}
}

// Attack: requests that a proxy in between and the node might read in two ways.
// Checked: the node answers one of them, or none, and never a second.
func TestAttackSmuggling(t *testing.T) {
	t.Parallel()
	b := boot(t)
	addr := planes(b)["control"]
	pinned, err := identity.PinnedTLS(b.Admin.Info.CAPEM)
	must(t, err)
	inner := "GET /healthz HTTP/1.1\r\nHost: " + addr + "\r\n\r\n"
	for name, headers := range map[string]string{
		"two lengths":           "Content-Length: 5\r\nContent-Length: 0\r\n",
		"a length and chunks":   "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
		"a body on GET":         fmt.Sprintf("Content-Length: %d\r\n", len(inner)),
		"a chunked body on GET": "Transfer-Encoding: chunked\r\n",
		"odd chunks":            "Transfer-Encoding: xchunked\r\n",
		"a signed length":       "Content-Length: +0\r\n",
		"a folded header":       "X: a\r\n b: c\r\nContent-Length: 5\r\n",
		"an upgrade":            "Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n",
	} {
		c, err := tls.Dial("tcp", addr, pinned)
		must(t, err)
		must(t, c.SetDeadline(time.Now().Add(30*time.Second)))
		_, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: "+addr+"\r\n"+headers+"\r\n"+inner)
		in := bufio.NewReader(c)
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, _ = io.Copy(io.Discard, res.Body)
		if res.StatusCode != http.StatusBadRequest && res.StatusCode != http.StatusNotImplemented {
			t.Errorf("%s: got %s", name, res.Status)
		}
		if again, err := http.ReadResponse(in, nil); err == nil {
			t.Errorf("%s: a second answer: %s", name, again.Status)
		}
		c.Close()
	}
}
