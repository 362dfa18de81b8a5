package broker

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
)

// rawLink speaks the NATS protocol by hand, as an attacker would.
type rawLink struct {
	*tls.Conn
	t     testing.TB
	in    *bufio.Reader
	nonce string
	id    uint64 // of the connection on the server
}

func (n *node) dialRaw() *rawLink {
	n.t.Helper()
	conn, err := tls.Dial("tcp", n.Addr(), n.client)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	r := &rawLink{Conn: conn, t: n.t, in: bufio.NewReader(conn)}
	var info struct {
		Nonce string
		ID    uint64 `json:"client_id"`
	}
	line := r.line()
	if err := json.Unmarshal([]byte(strings.TrimPrefix(line, "INFO ")), &info); err != nil {
		n.t.Fatalf("%q: %v", line, err)
	}
	r.nonce, r.id = info.Nonce, info.ID
	return r
}

func (r *rawLink) send(format string, args ...any) {
	fmt.Fprintf(r.Conn, format, args...) // a closed connection shows when it is read
}

// line reads one line; "" when the connection is closed.
func (r *rawLink) line() string {
	s, err := r.in.ReadString('\n')
	if err != nil {
		return ""
	}
	return strings.TrimSpace(s)
}

// connectFields are those of an honest CONNECT of p on this connection.
func (r *rawLink) connectFields(p *person) map[string]any {
	sig, err := p.key.SignNonce([]byte(r.nonce))
	if err != nil {
		r.t.Fatal(err)
	}
	return map[string]any{"verbose": false, "pedantic": false, "tls_required": true, "protocol": 1, "lang": "go",
		"version": "1", "headers": true, "no_responders": true, "echo": true,
		"nkey": p.key.Public().Nkey(), "sig": base64.RawURLEncoding.EncodeToString(sig)}
}

// connect sends a CONNECT with these fields and reports whether it was taken.
func (r *rawLink) connect(fields map[string]any) bool {
	data, err := json.Marshal(fields)
	if err != nil {
		r.t.Fatal(err)
	}
	r.send("CONNECT %s\r\nPING\r\n", data)
	return r.pong()
}

// pong reads up to the answer to a PING; false when the server closed instead.
func (r *rawLink) pong() bool {
	for {
		switch line := r.line(); {
		case line == "":
			return false
		case line == "PONG":
			return true
		}
	}
}

// rawTwin is a second connection of the same endpoint with rooms open on it.
func (l *link) rawTwin(rooms ...bus.RoomID) *rawLink {
	l.n.t.Helper()
	r := l.n.dialRaw()
	if !r.connect(r.connectFields(l.p)) {
		l.n.t.Fatal("not admitted")
	}
	if reply, err := l.openFor(r.id, rooms...); err != nil || len(reply.Granted) != len(rooms) {
		l.n.t.Fatalf("open: %+v, %v", reply, err)
	}
	return r
}
