package signing

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

var update = flag.Bool("update", false, "write the vectors that are made here anew")

// refusal is a request that no node may take, and the rule that it breaks:
// those words are for readers in other languages.
type refusal struct {
	Name           string `json:"name"`
	Reason         string `json:"reason"`
	Method         string `json:"method"`
	Host           string `json:"host"`
	Target         string `json:"target"`
	SignatureInput string `json:"signature_input"`
	Signature      string `json:"signature"`
	ContentDigest  string `json:"content_digest,omitempty"`
}

// codes are what our reader says.
var codes = map[string]string{
	"authority": "bad_authority", "target": "bad_target", "segment": "bad_target", "percent": "bad_target",
	"query": "bad_target", "method": "bad_method", "digest": "bad_signature_headers", "input": "bad_signature_headers",
	"nonce": "bad_nonce", "spelling": "bad_signature_headers", "length": "bad_signature_headers", "signature": "bad_request_signature",
}

func (r refusal) read() error {
	s, err := Parse(r.Method, r.Host, r.Target,
		Headers{SignatureInput: r.SignatureInput, Signature: r.Signature, ContentDigest: r.ContentDigest})
	if err == nil {
		err = s.Verify()
	}
	return err
}

func TestVectorsRefused(t *testing.T) {
	t.Parallel()
	const path = "testdata/vectors/refused.json"
	made := refused(t)
	got, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatal("the vectors have changed")
	}
	for _, r := range made {
		if err := r.read(); bus.CodeOf(err) != codes[r.Reason] {
			t.Errorf("%s: got %v (%s), want %s", r.Name, err, bus.CodeOf(err), codes[r.Reason])
		}
	}
}

// crooked is a request whose parts are put together and signed whatever they
// are, as a client with a true key may do.
type crooked struct {
	method, host, authority, path, query, digest string
	parameters                                   string
	covered                                      []component // instead of the usual ones
}

func (c crooked) sign(t *testing.T, key identity.TransportKey) refusal {
	t.Helper()
	covered := c.covered
	if covered == nil {
		covered = []component{{"@method", c.method}, {"@authority", c.authority}, {"@path", c.path}, {"@query", "?" + strings.TrimPrefix(c.query, "?")}}
		if c.digest != "" {
			covered = append(covered, component{"content-digest", c.digest})
		}
	}
	base, list := signatureBase(covered, c.parameters)
	sig, err := key.SignBase(base)
	if err != nil {
		t.Fatal(err)
	}
	return refusal{Method: c.method, Host: c.host, Target: c.path + c.query, SignatureInput: "unibus=" + list,
		Signature: namedBytes(label, sig), ContentDigest: c.digest}
}

// refusing collects refusals of a good GET and a good POST of one key.
type refusing struct {
	t         *testing.T
	key       identity.TransportKey
	id        bus.ID
	get, post crooked
	out       []refusal
}

// signed adds a request that was put together and signed another way.
func (r *refusing) signed(name, reason string, c crooked, change func(*crooked)) {
	r.t.Helper()
	change(&c)
	v := c.sign(r.t, r.key)
	v.Name, v.Reason = name, reason
	r.out = append(r.out, v)
}

// after adds a request that was changed after it was signed.
func (r *refusing) after(name, reason string, c crooked, change func(*refusal)) {
	r.t.Helper()
	v := c.sign(r.t, r.key)
	v.Name, v.Reason = name, reason
	change(&v)
	r.out = append(r.out, v)
}

func refused(t *testing.T) []refusal {
	t.Helper()
	var seed [32]byte
	copy(seed[:], "a seed of the vectors of requests")
	r := &refusing{t: t, key: identity.TransportKeyFromSeed(seed), id: bus.ID{1, 2, 3}}
	facts := fmt.Sprintf(parameters, 1760000000, "AAECAwQFBgcICQoLDA0ODw", KeyID{Bus: r.id, Signer: r.key.Public()})
	r.get = crooked{method: "GET", host: "bus.example", authority: "bus.example", path: "/rooms", query: "?a=1", parameters: facts}
	r.post = r.get
	r.post.method, r.post.digest, r.post.query = "POST", contentDigest(sha256.Sum256([]byte("{}"))), ""
	for _, good := range []crooked{r.get, r.post} {
		if err := good.sign(t, r.key).read(); err != nil {
			t.Fatal(err)
		}
	}
	r.changed()
	r.spellings()
	r.components()
	r.targets()
	slices.SortStableFunc(r.out, func(a, b refusal) int { return strings.Compare(a.Name, b.Name) }) // maps have no order
	return r.out
}

// changed is what somebody in between does.
func (r *refusing) changed() {
	r.after("another method", "signature", r.get, func(v *refusal) { v.Method = "HEAD" })
	r.after("another host", "signature", r.get, func(v *refusal) { v.Host = "bus2.example" })
	r.after("another port", "signature", r.get, func(v *refusal) { v.Host = "bus.example:8443" })
	r.after("another path", "signature", r.get, func(v *refusal) { v.Target = "/users?a=1" })
	r.after("another query", "signature", r.get, func(v *refusal) { v.Target = "/rooms?a=2" })
	r.after("no query", "signature", r.get, func(v *refusal) { v.Target = "/rooms" })
	r.after("another digest", "signature", r.post, func(v *refusal) { v.ContentDigest = contentDigest(sha256.Sum256(nil)) })
	r.after("another time", "signature", r.get, func(v *refusal) { v.SignatureInput = strings.Replace(v.SignatureInput, "1760000000", "1760000001", 1) })
	r.after("another nonce", "signature", r.get, func(v *refusal) { v.SignatureInput = strings.Replace(v.SignatureInput, "AAECAw", "BAECAw", 1) })
	r.after("another bus", "signature", r.get, func(v *refusal) {
		v.SignatureInput = strings.Replace(v.SignatureInput, r.id.String(), bus.ID{1, 2, 4}.String(), 1)
	})
	r.after("another key", "signature", r.get, func(v *refusal) {
		v.SignatureInput = strings.Replace(v.SignatureInput, r.key.Public().String(), identity.TransportID{9}.String(), 1)
	})
	r.after("a key of small order", "signature", r.get, func(v *refusal) {
		v.SignatureInput = strings.Replace(v.SignatureInput, r.key.Public().String(), identity.TransportID{}.String(), 1)
		v.Signature = namedBytes(label, append([]byte{1}, make([]byte, 63)...))
	})
	r.after("a bit of the signature", "signature", r.get, func(v *refusal) {
		raw, _ := base64.StdEncoding.DecodeString(v.Signature[len("unibus=:") : len(v.Signature)-1])
		raw[0] ^= 1
		v.Signature = namedBytes(label, raw)
	})
}

// spellings are second ones of the headers.
func (r *refusing) spellings() {
	r.after("a signature of 63 bytes", "length", r.get, func(v *refusal) { v.Signature = namedBytes(label, make([]byte, 63)) })
	r.after("a signature of 65 bytes", "length", r.get, func(v *refusal) { v.Signature = namedBytes(label, make([]byte, 65)) })
	r.after("a signature without padding", "spelling", r.get, func(v *refusal) { v.Signature = strings.Replace(v.Signature, "==:", ":", 1) })
	r.after("spare bits in the signature", "spelling", r.get, func(v *refusal) {
		at := len(v.Signature) - 4
		v.Signature = v.Signature[:at] + string(v.Signature[at]+1) + v.Signature[at+1:]
	})
	r.after("a signature of another name", "spelling", r.get, func(v *refusal) { v.Signature = strings.Replace(v.Signature, "unibus", "sig", 1) })
	r.after("a parameter of the signature", "spelling", r.get, func(v *refusal) { v.Signature += ";a" })
	r.after("no signature", "spelling", r.get, func(v *refusal) { v.Signature = "" })
	r.after("two signatures", "input", r.get, func(v *refusal) { v.SignatureInput += ", " + strings.Replace(v.SignatureInput, "unibus", "other", 1) })
	r.after("a space in the list", "input", r.get, func(v *refusal) { v.SignatureInput = strings.Replace(v.SignatureInput, " ", "  ", 1) })
	r.after("no input", "input", r.get, func(v *refusal) { v.SignatureInput = "" })
	r.after("a GET with a digest", "digest", r.get, func(v *refusal) { v.ContentDigest = r.post.digest })
	r.after("a POST without a digest", "digest", r.post, func(v *refusal) { v.ContentDigest = "" })
	r.after("a digest without padding", "spelling", r.post, func(v *refusal) { v.ContentDigest = strings.TrimSuffix(v.ContentDigest, "=:") + ":" })
	r.after("a digest of another hash", "digest", r.post, func(v *refusal) { v.ContentDigest = strings.Replace(v.ContentDigest, "sha-256", "sha-512", 1) })
}

// components are others, and other parameters, signed as they are.
func (r *refusing) components() {
	parts := func(c crooked) []component {
		return []component{{"@method", c.method}, {"@authority", c.authority}, {"@path", c.path}, {"@query", c.query}}
	}
	r.signed("without the query", "input", r.get, func(c *crooked) { c.covered = parts(*c)[:3] })
	r.signed("in another order", "input", r.get, func(c *crooked) { p := parts(*c); p[1], p[2] = p[2], p[1]; c.covered = p })
	r.signed("one component more", "input", r.get, func(c *crooked) { c.covered = append(parts(*c), component{"@scheme", "https"}) })
	r.signed("one component twice", "input", r.get, func(c *crooked) { c.covered = append(parts(*c), component{"@path", c.path}) })
	r.signed("a POST without its digest", "input", r.post, func(c *crooked) { c.query = "?"; c.covered = parts(*c); c.query = "" })
	for name, change := range map[string][2]string{
		"created as a text": {"created=1760000000", `created="1760000000"`}, "created with a sign": {"created=1760000000", "created=+1760000000"},
		"created with a zero before": {"created=1760000000", "created=01760000000"}, "created as a decimal": {"created=1760000000", "created=1760000000.0"},
		"another algorithm": {`"ed25519"`, `"rsa-pss-sha512"`}, "no algorithm": {`;alg="ed25519"`, ""}, "another tag": {"unibus-1", "unibus-2"},
		"no tag": {`;tag="unibus-1"`, ""}, "expires": {";nonce=", ";expires=1760000300;nonce="},
		"a key in upper case": {r.key.Public().String(), strings.ToUpper(r.key.Public().String())},
		"a bus in upper case": {r.id.String(), strings.ToUpper(r.id.String())},
	} {
		r.signed(name, "input", r.get, func(c *crooked) { c.parameters = strings.Replace(c.parameters, change[0], change[1], 1) })
	}
	for name, end := range map[string]string{"spare bits in the nonce": "ODx", "a nonce with padding": "ODw==", "a nonce of 15 bytes": "O", "a nonce of 17 bytes": "ODw8"} {
		r.signed(name, "nonce", r.get, func(c *crooked) { c.parameters = strings.Replace(c.parameters, "ODw", end, 1) })
	}
	r.signed("spare bits in the bus", "spelling", r.get, func(c *crooked) {
		c.parameters = strings.Replace(c.parameters, r.id.String(), r.id.String()[:25]+"b", 1)
	})
}

// targets are second spellings of the method, the target and the host.
func (r *refusing) targets() {
	for _, m := range []string{"get", "OPTIONS", "CONNECT", "TRACE"} {
		r.signed("method "+m, "method", r.get, func(c *crooked) { c.method = m })
	}
	for target, reason := range map[string]string{
		"https://bus.example/rooms": "target", "*": "target", "": "target", "rooms": "target",
		"//rooms": "segment", "/rooms/": "segment", "/a//b": "segment", "/a/./b": "segment", "/a/../b": "segment", "/..": "segment",
		"/a#b": "percent", "/a%2fb": "percent", "/a%2Fb": "percent", "/a%5Cb": "percent", `/a\b`: "percent", "/a%62": "percent",
		"/%2E%2E": "percent", "/a%00": "percent", "/a%0A": "percent", "/a%7F": "percent", "/a%": "percent", "/a%2": "percent",
		"/a%GG": "percent", "/a b": "percent", "/caf\u00e9": "percent", "/a%c3%a9": "percent", "/a|b": "percent",
		"/a?": "query", "/a?b": "query", "/a?=b": "query", "/a?b=1&": "query", "/a?b=1&b=2": "query", "/a?b+c=1&b%20c=2": "query",
		"/a?b=1;c=2": "percent", "/a?b=%2F": "percent", "/a?b=%41": "percent", "/a?b=1#c": "percent", "/" + strings.Repeat("a", 4096): "target",
	} {
		r.signed(fmt.Sprintf("target %.40q", target), reason, r.get, func(c *crooked) {
			cut := strings.IndexByte(target+"?", '?')
			c.path, c.query = target[:cut], target[cut:]
		})
	}
	for _, host := range []string{"", "bus..example", "bus.example.", "user@bus.example", "bus.example:0", "bus.example:08443", "bus.example:65536",
		"bus.example:", "bus example", "b\u00fcs.example", "[::1", "::1", "[::1%eth0]", "[::g]", "[127.0.0.1]"} {
		r.signed(fmt.Sprintf("host %q", host), "authority", r.get, func(c *crooked) { c.host, c.authority = host, host })
	}
}
