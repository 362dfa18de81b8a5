package signing

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

var (
	testBus = bus.ID{1, 2, 3}
	testKey = identity.TransportKeyFromSeed([32]byte{9})
	noon    = time.Unix(1_760_000_000, 0)
)

// post is a request with a body, get one without.
func post() Request {
	return Request{
		Method: "POST", Authority: "bus.example:8443", Target: "/rooms/abc/log?after=5",
		Digest: sha256.Sum256([]byte("{}")), Created: noon, Nonce: "AAECAwQFBgcICQoLDA0ODw",
	}
}

func get() Request {
	r := post()
	r.Method, r.Digest = "GET", bus.Hash{}
	return r
}

func mustSign(t testing.TB, r Request) Headers {
	t.Helper()
	h, err := Sign(testKey, testBus, r)
	if err != nil {
		t.Fatalf("sign: %v", err)
	}
	return h
}

// check does what a server does with a signature.
func check(r Request, h Headers) error {
	s, err := Parse(r.Method, r.Authority, r.Target, h)
	if err != nil {
		return err
	}
	return s.Verify()
}

func TestSignedRequest(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		r := get()
		if r.Method = method; HasBody(method) {
			r.Digest = sha256.Sum256(nil) // an empty body is signed as well
		}
		h := mustSign(t, r)
		s, err := Parse(method, r.Authority, r.Target, h)
		if err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		r.Key = KeyID{testBus, testKey.Public()}
		if s.Request != r {
			t.Errorf("%s:\n got %+v\nwant %+v", method, s.Request, r)
		}
		if err := errors.Join(s.Verify(), s.ForBus(testBus), Fresh(s.Created, noon)); err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// Both sides work on what CanonicalRequest says, and on nothing else.
func TestBothSidesUseCanonicalRequest(t *testing.T) {
	t.Parallel()
	for _, r := range []Request{get(), post()} {
		h := mustSign(t, r)
		s, err := Parse(r.Method, r.Authority, r.Target, h)
		if err != nil {
			t.Fatal(err)
		}
		r.Key = KeyID{testBus, testKey.Public()}
		base, input, err := CanonicalRequest(r)
		if err != nil {
			t.Fatal(err)
		}
		if input != h.SignatureInput {
			t.Errorf("the client sends\n%s\nnot\n%s", h.SignatureInput, input)
		}
		signature, ok := parseNamedBytes(label, h.Signature, identity.SignatureSize)
		if !ok || !testKey.Public().Verify(base, signature) {
			t.Errorf("the client does not sign\n%s", base)
		}
		if string(s.base) != string(base) {
			t.Errorf("the server checks\n%s\nnot\n%s", s.base, base)
		}
	}
}

func TestCanonicalRequest(t *testing.T) {
	t.Parallel()
	r := post()
	r.Authority = "BUS.example:443"
	r.Key = KeyID{testBus, testKey.Public()}
	base, input, err := CanonicalRequest(r)
	if err != nil {
		t.Fatal(err)
	}
	params := `("@method" "@authority" "@path" "@query" "content-digest");created=1760000000;nonce="AAECAwQFBgcICQoLDA0ODw";keyid="` +
		r.Key.String() + `";alg="ed25519";tag="unibus-1"`
	want := strings.Join([]string{
		`"@method": POST`,
		`"@authority": bus.example`,
		`"@path": /rooms/abc/log`,
		`"@query": ?after=5`,
		`"content-digest": sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:`,
		`"@signature-params": ` + params,
	}, "\n")
	if string(base) != want || input != "unibus="+params {
		t.Errorf("base\n%s\nwant\n%s\ninput\n%s", base, want, input)
	}
}

func TestCanonicalRequestRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*Request)
		code   string
	}{
		{"other method", func(r *Request) { r.Method = "OPTIONS" }, "bad_method"},
		{"lower case method", func(r *Request) { r.Method = "get" }, "bad_method"},
		{"no method", func(r *Request) { r.Method = "" }, "bad_method"},
		{"get with digest", func(r *Request) { r.Digest = bus.Hash{1} }, "no_digest"},
		{"post without digest", func(r *Request) { r.Method = "POST" }, "no_digest"},
		{"authority", func(r *Request) { r.Authority = "a b" }, "bad_authority"},
		{"target", func(r *Request) { r.Target = "/a//b" }, "bad_target"},
		{"empty nonce", func(r *Request) { r.Nonce = "" }, "bad_nonce"},
		{"short nonce", func(r *Request) { r.Nonce = "AAECAwQFBgcICQoLDA0O" }, "bad_nonce"},
		{"padded nonce", func(r *Request) { r.Nonce += "==" }, "bad_nonce"},
		{"nonce with other last bits", func(r *Request) { r.Nonce = "AAECAwQFBgcICQoLDA0ODx" }, "bad_nonce"},
		{"nonce with newline", func(r *Request) { r.Nonce = "AAECAwQFBgcI\nCQoLDA0ODw" }, "bad_nonce"},
		{"nonce of the other alphabet", func(r *Request) { r.Nonce = "++++++++++++++++++++++" }, "bad_nonce"},
	}
	for _, tt := range tests {
		r := get()
		tt.change(&r)
		if _, _, err := CanonicalRequest(r); bus.KindOf(err) != bus.Invalid || bus.CodeOf(err) != tt.code {
			t.Errorf("%s: got %v (%s), want %s", tt.name, err, bus.CodeOf(err), tt.code)
		}
		if _, err := Sign(testKey, testBus, r); err == nil {
			t.Errorf("%s: signed", tt.name)
		}
	}
}

// A request that was changed after it was signed, in any of its facts.
func TestChangedRequest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*Request, *Headers)
	}{
		{"method", func(r *Request, _ *Headers) { r.Method = "PUT" }},
		{"authority", func(r *Request, _ *Headers) { r.Authority = "other.example:8443" }},
		{"port", func(r *Request, _ *Headers) { r.Authority = "bus.example" }},
		{"path", func(r *Request, _ *Headers) { r.Target = "/rooms/abd/log?after=5" }},
		{"query", func(r *Request, _ *Headers) { r.Target = "/rooms/abc/log?after=6" }},
		{"no query", func(r *Request, _ *Headers) { r.Target = "/rooms/abc/log" }},
		{"more query", func(r *Request, _ *Headers) { r.Target += "&x=1" }},
		{"query in path", func(r *Request, _ *Headers) { r.Target = "/rooms/abc/log%3Fafter=5" }},
		{"digest", func(_ *Request, h *Headers) { h.ContentDigest = contentDigest(sha256.Sum256([]byte("{ }"))) }},
		{"time", func(_ *Request, h *Headers) {
			h.SignatureInput = strings.Replace(h.SignatureInput, "1760000000", "1760000001", 1)
		}},
		{"nonce", func(_ *Request, h *Headers) { h.SignatureInput = strings.Replace(h.SignatureInput, "AAEC", "AAED", 1) }},
		{"bus", func(_ *Request, h *Headers) {
			h.SignatureInput = strings.Replace(h.SignatureInput, testBus.String(), bus.ID{7}.String(), 1)
		}},
		{"key", func(_ *Request, h *Headers) {
			other := identity.NewTransportKey().Public()
			h.SignatureInput = strings.Replace(h.SignatureInput, testKey.Public().String(), other.String(), 1)
		}},
		{"signature", func(_ *Request, h *Headers) { h.Signature = namedBytes(label, make([]byte, 64)) }},
	}
	for _, tt := range tests {
		r := post()
		h := mustSign(t, r)
		tt.change(&r, &h)
		if err := check(r, h); !errors.Is(err, ErrForged) || bus.KindOf(err) != bus.Unauthenticated {
			t.Errorf("%s: got %v, want %v", tt.name, err, ErrForged)
		}
	}
}

func TestFresh(t *testing.T) {
	t.Parallel()
	tests := []struct {
		off   time.Duration // now, from created
		fresh bool
	}{
		{0, true},
		{30 * time.Second, true},
		{-30 * time.Second, true},
		{30*time.Second + 1, false},
		{-30*time.Second - 1, false},
		{31 * time.Second, false},
		{-31 * time.Second, false},
		{time.Hour, false},
		{1 << 62, false},
		{-1 << 62, false},
	}
	for _, tt := range tests {
		err := Fresh(noon, noon.Add(tt.off))
		if fresh := err == nil; fresh != tt.fresh || (err != nil && !errors.Is(err, ErrSkew)) {
			t.Errorf("%v: got %v, want fresh %v", tt.off, err, tt.fresh)
		}
	}
	for _, created := range []int64{-1, 0, -999_999_999_999_999, 999_999_999_999_999, 1_760_000_000_000} {
		if Fresh(time.Unix(created, 0), noon) == nil {
			t.Errorf("created %d is fresh", created)
		}
	}
}

func TestOddTimesDoNotPanic(t *testing.T) {
	t.Parallel()
	for _, created := range []int64{-1, 0, -999_999_999_999_999, 999_999_999_999_999} {
		r := get()
		r.Created = time.Unix(created, 0)
		s, err := Parse(r.Method, r.Authority, r.Target, mustSign(t, r))
		if err != nil || s.Verify() != nil || s.Created.Unix() != created {
			t.Errorf("created %d: %v, %v", created, s.Created, err)
		}
	}
	r := get()
	r.Created = time.Unix(1<<62, 0)
	if _, err := Sign(testKey, testBus, r); bus.CodeOf(err) != "bad_created" {
		t.Error("a time that cannot be written was signed")
	}
}

func TestNewNonce(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for range 1000 {
		n := NewNonce()
		if !validNonce(n) || seen[n] {
			t.Fatalf("nonce %q", n)
		}
		seen[n] = true
	}
}

func BenchmarkSign(b *testing.B) {
	r := post()
	for b.Loop() {
		mustSign(b, r)
	}
}
