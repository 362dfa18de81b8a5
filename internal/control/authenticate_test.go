package control

import (
	"crypto/sha256"
	"net/http"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
	"unibus/internal/membership"
	"unibus/internal/signing"
	"unibus/internal/wire"
)

// TestSignedRequest is every way to change a signed request, against a route
// that reads and one that writes.
func TestSignedRequest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	alice := r.w.Alice.Device()
	body := r.json(wire.Append{Entry: []byte("no entry")})
	read := call{method: http.MethodGet, target: "/log?from=1", key: &alice.Transport}
	write := call{method: http.MethodPost, target: "/log", key: &alice.Transport, body: body}
	created := func(d time.Duration) func(*signing.Request) {
		return func(s *signing.Request) { s.Created = s.Created.Add(d) }
	}
	tests := []struct {
		name   string
		of     call
		change func(*signing.Request)
		spoil  func(*http.Request)
		status int
		code   string
	}{
		{"as it is", read, nil, nil, 200, ""},
		{"as it is", write, nil, nil, 422, "bad_entry"}, // it went through to the rules
		{"another method", read, nil, func(q *http.Request) { q.Method = "HEAD" }, 404, ""},
		{"signed for another method", read, func(s *signing.Request) { s.Method = "HEAD" }, nil, 401, "bad_request_signature"},
		{"signed for another method", write, func(s *signing.Request) { s.Method = "PUT" }, nil, 401, "bad_request_signature"},
		{"another path", read, nil, func(q *http.Request) { q.URL.Path = "/users"; q.URL.RawQuery = "" }, 401, "bad_request_signature"},
		{"another query", read, nil, func(q *http.Request) { q.URL.RawQuery = "from=2" }, 401, "bad_request_signature"},
		{"no query", read, nil, func(q *http.Request) { q.URL.RawQuery = "" }, 401, "bad_request_signature"},
		{"empty query", read, nil, func(q *http.Request) { q.URL.RawQuery = ""; q.URL.ForceQuery = true }, 400, "bad_target"},
		{"one more name in the query", read, nil, func(q *http.Request) { q.URL.RawQuery = "from=1&x=1" }, 400, "bad_query"},
		{"a name twice in the query", read, nil, func(q *http.Request) { q.URL.RawQuery = "from=1&from=1" }, 400, "bad_target"},
		{"escaped in the query", read, nil, func(q *http.Request) { q.URL.RawQuery = "from=%31" }, 400, "bad_target"},
		{"trailing slash", read, nil, func(q *http.Request) { q.URL.Path = "/log/" }, 400, "bad_target"},
		{"double slash", read, nil, func(q *http.Request) { q.URL.Opaque = "//" + q.URL.Host + "//log" }, 400, "bad_target"},
		{"dot segment", read, nil, func(q *http.Request) { q.URL.Path = "/users/../log" }, 400, "bad_target"},
		{"escaped path", read, nil, func(q *http.Request) { q.URL.Opaque = "//" + q.URL.Host + "/%6Cog" }, 400, "bad_target"},
		{"another authority", read, nil, func(q *http.Request) { q.Host = "other.example" }, 400, "bad_authority"},
		{"signed for another authority", read, func(s *signing.Request) { s.Authority = "other.example" }, nil, 401, "bad_request_signature"},
		{"another digest", write, nil, func(q *http.Request) {
			q.Header.Set("Content-Digest", "sha-256=:"+strings.Repeat("B", 42)+"A=:")
		}, 401, "bad_request_signature"},
		{"no digest", write, nil, func(q *http.Request) { q.Header.Del("Content-Digest") }, 400, "bad_signature_headers"},
		{"another digest algorithm", write, nil, func(q *http.Request) {
			q.Header.Set("Content-Digest", strings.Replace(q.Header.Get("Content-Digest"), "sha-256", "sha-512", 1))
		}, 400, "bad_signature_headers"},
		{"a digest on GET", read, nil, func(q *http.Request) {
			q.Header.Set("Content-Digest", "sha-256=:"+strings.Repeat("A", 43)+"=:")
		}, 400, "bad_signature_headers"},
		{"one byte of the body", write, nil, func(q *http.Request) { setBody(q, string(body[:len(body)-1])+" ") }, 401, "bad_digest"},
		{"a longer body", write, nil, func(q *http.Request) { setBody(q, string(body)+" ") }, 401, "bad_digest"},
		{"a shorter body", write, nil, func(q *http.Request) { setBody(q, string(body[1:])) }, 401, "bad_digest"},
		{"no body", write, nil, func(q *http.Request) { setBody(q, "") }, 401, "bad_digest"},
		{"a body added to GET", read, nil, func(q *http.Request) { setBody(q, "x") }, 400, "unexpected_body"},
		{"30 s old", read, created(-30 * time.Second), nil, 200, ""},
		{"30 s early", read, created(30 * time.Second), nil, 200, ""},
		{"31 s old", read, created(-31 * time.Second), nil, 401, "clock_skew"},
		{"31 s early", read, created(31 * time.Second), nil, 401, "clock_skew"},
		{"31 s old", write, created(-31 * time.Second), nil, 401, "clock_skew"},
		{"before 1970", read, func(s *signing.Request) { s.Created = time.Unix(-1, 0) }, nil, 401, "clock_skew"},
		{"far away", read, func(s *signing.Request) { s.Created = time.Unix(999_999_999_999_999, 0) }, nil, 401, "clock_skew"},
		{"created changed", read, nil, replace("Signature-Input", "created=1", "created=2"), 401, "bad_request_signature"},
		{"created in ms", read, nil, replace("Signature-Input", ";nonce", "000;nonce"), 401, "bad_request_signature"},
		{"created too large", read, nil, replace("Signature-Input", "created=", "created=9223372036854775807"), 400, "bad_signature_headers"},
		{"nonce changed", read, nil, func(q *http.Request) { swap(q, `nonce="`, "AAAAAAAAAAAAAAAAAAAAAA") }, 401, "bad_request_signature"},
		{"nonce empty", read, nil, func(q *http.Request) { swap(q, `nonce="`, "") }, 400, "bad_nonce"},
		{"nonce padded", read, nil, func(q *http.Request) { swap(q, `nonce="`, "AAAAAAAAAAAAAAAAAAAAAA==") }, 400, "bad_nonce"},
		{"nonce with spare bits", read, nil, func(q *http.Request) { swap(q, `nonce="`, "AAAAAAAAAAAAAAAAAAAAAB") }, 400, "bad_nonce"},
		{"nonce too long", read, nil, func(q *http.Request) { swap(q, `nonce="`, strings.Repeat("A", 1000)) }, 400, "bad_signature_headers"},
		{"another component", read, nil, replace("Signature-Input", `"@query"`, `"@query" "date"`), 400, "bad_signature_headers"},
		{"one component less", read, nil, replace("Signature-Input", ` "@query"`, ``), 400, "bad_signature_headers"},
		{"another tag", read, nil, replace("Signature-Input", "unibus-1", "unibus-2"), 400, "bad_signature_headers"},
		{"another algorithm", read, nil, replace("Signature-Input", "ed25519", "hmac-sha256"), 400, "bad_signature_headers"},
		{"another label", read, nil, replace("Signature-Input", "unibus=(", "other=("), 400, "bad_signature_headers"},
		{"two signatures", read, nil, func(q *http.Request) {
			q.Header.Set("Signature-Input", q.Header.Get("Signature-Input")+", b=();created=1")
		}, 400, "bad_signature_headers"},
		{"Signature-Input twice", read, nil, twice("Signature-Input"), 400, "bad_signature_headers"},
		{"Signature twice", read, nil, twice("Signature"), 400, "bad_signature_headers"},
		{"Content-Digest twice", write, nil, twice("Content-Digest"), 400, "bad_signature_headers"},
		{"signature cut", read, nil, func(q *http.Request) { q.Header.Set("Signature", "unibus=:AAAA:") }, 400, "bad_signature_headers"},
		{"signature of zeros", read, nil, func(q *http.Request) {
			q.Header.Set("Signature", "unibus=:"+strings.Repeat("A", 86)+"==:")
		}, 401, "bad_request_signature"},
		{"no signature", read, nil, func(q *http.Request) { q.Header.Del("Signature"); q.Header.Del("Signature-Input") }, 401, "unsigned"},
		{"no signature", write, nil, func(q *http.Request) { q.Header.Del("Signature"); q.Header.Del("Signature-Input") }, 401, "unsigned"},
		{"half a signature", read, nil, func(q *http.Request) { q.Header.Del("Signature") }, 400, "bad_signature_headers"},
	}
	for _, tt := range tests {
		t.Run(tt.of.method+" "+tt.name, func(t *testing.T) {
			c := tt.of
			c.change, c.spoil = tt.change, tt.spoil
			before := r.nonces.Len()
			r.expect(tt.name, r.do(c), tt.status, tt.code)
			claimed := tt.status < 400 || tt.code == "bad_entry" || tt.code == "bad_digest"
			if got := r.nonces.Len() - before; (got == 1) != claimed {
				t.Errorf("%d nonces claimed", got)
			}
		})
	}
}

func setBody(q *http.Request, body string) {
	q.Body, q.GetBody = http.NoBody, nil
	if body != "" {
		q.Body = readCloser{strings.NewReader(body)}
	}
	q.ContentLength = int64(len(body))
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

func replace(header, old, with string) func(*http.Request) {
	return func(q *http.Request) {
		q.Header.Set(header, strings.Replace(q.Header.Get(header), old, with, 1))
	}
}

// swap puts another text into a quoted parameter of Signature-Input.
func swap(q *http.Request, open, with string) {
	text := q.Header.Get("Signature-Input")
	start := strings.Index(text, open) + len(open)
	end := start + strings.IndexByte(text[start:], '"')
	q.Header.Set("Signature-Input", text[:start]+with+text[end:])
}

func twice(header string) func(*http.Request) {
	return func(q *http.Request) { q.Header[header] = []string{q.Header.Get(header), q.Header.Get(header)} }
}

func TestReplay(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	alice := r.w.Alice.Device()
	nonce := func(s *signing.Request) { s.Nonce = "AAAAAAAAAAAAAAAAAAAAAA" }
	c := call{method: http.MethodGet, target: "/log", key: &alice.Transport, change: nonce}
	r.expect("first", r.do(c), 200, "")
	r.expect("again", r.do(c), 401, "replay")
	r.pass(29 * time.Second)
	c.change = func(s *signing.Request) { nonce(s); s.Created = s.Created.Add(-29 * time.Second) }
	r.expect("later", r.do(c), 401, "replay")
	other := call{method: http.MethodGet, target: "/log", key: &r.w.Bob.Device().Transport, change: nonce}
	r.expect("the same nonce of another", r.do(other), 200, "")
}

// TestStrangersLeaveNothing is S8: whoever is not on the allowlist touches no
// nonce.
func TestStrangersLeaveNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	key := identity.NewTransportKey()
	const n = 10_000
	next := make(chan int, n)
	for i := range n {
		next <- i
	}
	close(next)
	done := make(chan bool)
	for range 4 {
		go func() {
			defer func() { done <- true }()
			for range next {
				if got := r.do(call{method: http.MethodGet, target: "/log", key: &key}); got.status != 401 || got.Error.Code != "unauthenticated" {
					t.Errorf("got %d %s", got.status, got.Error.Code)
					return
				}
			}
		}()
	}
	for range 4 {
		<-done
	}
	if got := r.nonces.Len(); got != 0 {
		t.Errorf("%d nonces of strangers are kept", got)
	}
}

func TestSigners(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	bob := r.w.Bob.Device()
	fresh := identity.NewTransportKey()
	r.expect("unknown", r.do(call{method: http.MethodGet, target: "/users", key: &fresh}), 401, "unauthenticated")
	other := bus.ID{1}
	r.expect("another bus", r.do(call{method: http.MethodGet, target: "/users", key: &bob.Transport, bus: other}), 401, "other_bus")
	r.expect("bob", r.get(bob, "/users"), 200, "")
	r.w.Revoke(r.w.Bob)
	admin := r.w.Founder.Device()
	e := r.w.BusLog[len(r.w.BusLog)-1]
	r.expect("revocation", r.post(admin, "/log", wire.Append{Entry: e.Encode()}), 200, "")
	r.expect("bob, revoked", r.get(bob, "/users"), 401, "revoked")
	r.expect("unknown still", r.do(call{method: http.MethodGet, target: "/users", key: &fresh}), 401, "unauthenticated")
}

func TestSkewIsExplained(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for off, want := range map[time.Duration]string{47 * time.Second: "47s ahead of", -2 * time.Hour: "2h0m0s behind"} {
		got := r.do(call{method: http.MethodGet, target: "/log", key: &r.w.Alice.Device().Transport,
			change: func(s *signing.Request) { s.Created = s.Created.Add(off) }})
		if !strings.Contains(got.Error.Message, want) {
			t.Errorf("%v: got %q, want %q", off, got.Error.Message, want)
		}
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	alice := func(r *rig) call {
		return call{method: http.MethodGet, target: "/users", key: &r.w.Alice.Device().Transport}
	}
	unsigned := func(*rig) call { return call{method: http.MethodGet, target: "/users"} }
	forged := func(r *rig) call {
		c := alice(r)
		c.spoil = func(q *http.Request) { q.Header.Set("Signature", "unibus=:"+strings.Repeat("A", 86)+"==:") }
		return c
	}
	odd := func(r *rig) call {
		c := alice(r)
		c.spoil = func(q *http.Request) { q.Header.Set("Signature", "nonsense") }
		return c
	}
	tests := []struct {
		name                   string
		call                   func(*rig) call
		enforce, soft, without int
		logged                 string // in soft mode
	}{
		{"signed", alice, 200, 200, 200, ""},
		{"unsigned", unsigned, 401, 200, 200, "would_be=unsigned"},
		{"forged", forged, 401, 200, 200, "would_be=bad_request_signature"},
		{"odd", odd, 400, 200, 200, "would_be=bad_signature_headers"},
	}
	for _, m := range []bus.Mode{bus.ModeEnforce, bus.ModeSoft, bus.ModeOff} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			for _, tt := range tests {
				r := newRig(t, mode(m))
				got := r.do(tt.call(r))
				if want := map[bus.Mode]int{"enforce": tt.enforce, "soft": tt.soft, "off": tt.without}[m]; got.status != want {
					t.Errorf("%s: got %d, want %d: %s", tt.name, got.status, want, got.body)
				}
				if m == bus.ModeSoft && !strings.Contains(r.log.String(), tt.logged) {
					t.Errorf("%s: the log does not say %s: %s", tt.name, tt.logged, r.log)
				}
				if health := r.do(call{method: http.MethodGet, target: "/healthz"}); health.status != 200 {
					t.Errorf("healthz: %d", health.status)
				}
			}
		})
	}
}

// TestSoftBody lets a changed body pass, and says so.
func TestSoftBody(t *testing.T) {
	t.Parallel()
	r := newRig(t, mode(bus.ModeSoft))
	c := call{method: http.MethodPost, target: "/log", key: &r.w.Alice.Device().Transport, body: r.json(wire.Append{Entry: []byte("x")})}
	c.change = func(s *signing.Request) { s.Digest = sha256.Sum256([]byte("other")) }
	r.expect("changed body", r.do(c), 422, "bad_entry")
	if !strings.Contains(r.log.String(), "changed body let pass") {
		t.Errorf("not logged: %s", r.log)
	}
}

func TestUnknownModeIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{Mode: "of"}); bus.KindOf(err) != bus.Invalid {
		t.Errorf("got %v", err)
	}
	if _, err := New(Options{}); bus.CodeOf(err) != "bad_options" {
		t.Errorf("got %v", err)
	}
}

// TestAuthoritiesChange follows the names of the node while it runs.
func TestAuthoritiesChange(t *testing.T) {
	t.Parallel()
	names := make(chan signing.Authorities, 1)
	names <- signing.Authorities{}
	r := newRig(t, func(o *Options, _ *membership.Options) {
		o.Authorities = func() signing.Authorities { now := <-names; names <- now; return now }
	})
	r.expect("no name", r.get(r.w.Alice.Device(), "/log"), 400, "bad_authority")
	<-names
	now, err := signing.NewAuthorities(r.addr)
	r.must(err)
	names <- now
	r.expect("its name", r.get(r.w.Alice.Device(), "/log"), 200, "")
}
