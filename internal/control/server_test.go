package control

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"unibus/internal/wire"
)

// TestHTTP1Alone: a client that would rather speak HTTP/2 cannot.
func TestHTTP1Alone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	config := r.tls.Clone()
	config.NextProtos = []string{"h2", "http/1.1"}
	c, err := tls.Dial("tcp", r.addr, config)
	r.must(err)
	defer c.Close()
	if got := c.ConnectionState(); got.NegotiatedProtocol != "http/1.1" || got.Version != tls.VersionTLS13 {
		t.Errorf("got %q, TLS %x", got.NegotiatedProtocol, got.Version)
	}
	config.NextProtos = []string{"h2"}
	if c, err := tls.Dial("tcp", r.addr, config); err == nil {
		c.Close()
		t.Error("h2 was agreed on")
	}
	config.NextProtos, config.MinVersion, config.MaxVersion = nil, tls.VersionTLS12, tls.VersionTLS12
	if c, err := tls.Dial("tcp", r.addr, config); err == nil {
		c.Close()
		t.Error("TLS 1.2 was agreed on")
	}
	h := r.HTTP()
	if h.MaxHeaderBytes != 16<<10 || h.ReadHeaderTimeout != 5*time.Second || h.IdleTimeout != time.Minute || h.ReadTimeout != 0 || h.Protocols.HTTP2() {
		t.Errorf("limits: %+v", h)
	}
}

// TestRawRequests writes what no client library would.
func TestRawRequests(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for line, want := range map[string]int{
		"GET /healthz HTTP/1.1":                       200,
		"GET https://" + r.addr + "/healthz HTTP/1.1": 400,
		"GET /healthz?x=1 HTTP/1.1":                   400,
		"GET //healthz HTTP/1.1":                      400,
		"GET /./healthz HTTP/1.1":                     400,
		"GET /x/../healthz HTTP/1.1":                  400,
		"GET /healthz/ HTTP/1.1":                      400,
		"GET /%68ealthz HTTP/1.1":                     400,
		"GET /healthz# HTTP/1.1":                      400,
		"GET /healthz%00 HTTP/1.1":                    400,
		"GET /HEALTHZ HTTP/1.1":                       404,
		"GET / HTTP/1.1":                              404,
		"get /healthz HTTP/1.1":                       404,
		"OPTIONS * HTTP/1.1":                          400,
		"CONNECT " + r.addr + " HTTP/1.1":             400,
		"TRACE /healthz HTTP/1.1":                     404,
		"GET /healthz HTTP/1.0":                       200,
	} {
		conn := r.dial()
		fmt.Fprintf(conn, "%s\r\nHost: %s\r\nConnection: close\r\n\r\n", line, r.addr)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if got := r.read(res); got.status != want {
			t.Errorf("%s: got %d, want %d: %s", line, got.status, want, got.body)
		}
	}
	conn := r.dial()
	go fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", strings.Repeat("x", 64<<10))
	if res, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil && res.StatusCode != 431 {
		t.Errorf("long header: %d", res.StatusCode)
	}
}

// TestSlowBody is cut off: a body that stops, and one that drips.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.Server.pace = pace{grace: 100 * time.Millisecond, rate: 1 << 20}
	alice := r.w.Alice.Device()
	w, answer := r.declared("POST", "/log", 1000, r.signs(alice, "POST", "/log", [32]byte{1}))
	_, err := io.WriteString(w, "{")
	r.must(err)
	r.expect("stops", answer(), 400, "body_cut")

	w, answer = r.declared("POST", "/log", 1000, r.signs(alice, "POST", "/log", [32]byte{1}))
	stop := make(chan bool)
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_, _ = io.WriteString(w, "x")
			case <-stop:
				return
			}
		}
	}()
	got := answer()
	close(stop)
	r.expect("drips", got, 400, "body_cut")
	if !got.closes {
		t.Error("the connection stays open")
	}
	if got := r.o.Inflight.InFlight(); got != 0 {
		t.Errorf("%d bytes still reserved", got)
	}
}

// TestConnectionIsKept after a whole request, also a refused one, and its
// deadlines with it.
func TestConnectionIsKept(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	conn := r.dial()
	in := bufio.NewReader(conn)
	alice := r.w.Alice.Device()
	body := r.json(wire.Append{Entry: []byte("x")})
	for _, c := range []call{
		{method: "POST", target: "/log", key: &alice.Transport, body: body},
		{method: "GET", target: "/users", key: &alice.Transport},
		{method: "GET", target: "/users"},
		{method: "POST", target: "/log", key: &alice.Transport, body: body},
		{method: "GET", target: "/healthz"},
	} {
		req := r.request(c)
		r.must(req.Write(conn))
		res, err := http.ReadResponse(in, req)
		if err != nil {
			t.Fatalf("%s %s: %v", c.method, c.target, err)
		}
		if got := r.read(res); got.closes {
			t.Errorf("%s %s: the connection ends", c.method, c.target)
		}
	}
}

func TestRouteTable(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, line := range newRouter(routes()) {
		if seen[line.pattern] || line.handle == nil || line.segments[0] != "" {
			t.Errorf("%s: twice or broken", line.pattern)
		}
		seen[line.pattern] = true
		if line.who == anyone && line.body != empty {
			t.Errorf("%s: anyone may send a body", line.pattern)
		}
		if (line.method == "GET" || line.method == "HEAD") && line.body != empty {
			t.Errorf("%s: a body", line.pattern)
		}
	}
	for _, want := range []string{wire.RouteHealth, wire.RouteServer} {
		if !seen[want] {
			t.Errorf("%s is missing", want)
		}
	}
}

func FuzzTarget(f *testing.F) {
	for _, seed := range []string{"/log?from=1", "/rooms/x/log", "//", "/%2e%2e/log", "/log?from=1&from=2", "*", ""} {
		f.Add(seed)
	}
	router := newRouter(routes())
	f.Fuzz(func(t *testing.T, target string) {
		x := &exchange{Server: &Server{router: router}, http: &http.Request{Method: "GET", RequestURI: target, ProtoMajor: 1}}
		if x.find() != nil {
			return
		}
		if strings.ContainsAny(target, "%#\\") || !strings.HasPrefix(target, "/") {
			t.Errorf("%q passed", target)
		}
		for name := range x.query {
			if strings.Count("&"+strings.SplitN(target, "?", 2)[1], "&"+name+"=") != 1 {
				t.Errorf("%q: %s stands twice", target, name)
			}
		}
	})
}
