package nodetest_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
	"unibus/internal/node"
	"unibus/internal/nodetest"
	"unibus/internal/signing"
	"unibus/internal/wire"
)

// class is one kind of route, by how its requests pass the stages of the node.
type class struct {
	name   string
	method string
	target string
	body   []byte
	other  string // another target of the same shape
	twin   string // another method that this path knows
	status int    // of the request as it is
}

// classes has one of every kind: without a body, with a body in memory, with a
// streamed one, and one that a stranger's key may be let on to.
func classes(t *testing.T, b *nodetest.Bus, mine bus.Hash) []class {
	blob, room := sha256.Sum256([]byte("piece")), b.General
	entry := toJSON(t, wire.Append{Entry: []byte("no entry")})
	root := bus.Hash{7}
	return []class{
		{"read", "GET", wire.LogTarget(1), nil, wire.LogTarget(0), "POST", 200},
		{"list", "GET", wire.TargetUsers, nil, wire.UserTarget("alice"), "", 200},
		{"streamed answer", "GET", wire.MessagesAfter(room, 0, 10), nil, wire.MessagesAfter(room, 1, 10), "", 200},
		{"blob", "GET", wire.BlobTarget(mine), nil, wire.BlobTarget(bus.Hash{1}), "DELETE", 200},
		{"blob's size", "HEAD", wire.BlobTarget(mine), nil, wire.BlobTarget(bus.Hash{1}), "GET", 200},
		{"append", "POST", wire.LogAppendTarget, entry, wire.RoomAppendTarget(room), "GET", 422},
		{"append to a room", "POST", wire.RoomAppendTarget(room), entry, wire.RoomAppendTarget(bus.RoomID{1}), "GET", 422},
		{"for strangers too", "POST", wire.AccountAppendTarget("alice"), entry, wire.AccountAppendTarget("bob"), "GET", 422},
		{"take up an invite", "POST", wire.AcceptTarget(bus.InviteID{1}), toJSON(t, wire.Accept{}), wire.AcceptTarget(bus.InviteID{2}), "", 422},
		{"binary", "PUT", wire.StageTarget(room, root), nil, wire.StageTarget(bus.RoomID{1}, root), "", 204},
		{"streamed body", "PUT", wire.BlobPutTarget(blob, "bus", "whole"), []byte("piece"), wire.BlobPutTarget(blob, "bus", "piece"), "GET", 204},
		{"delete", "DELETE", wire.BlobTarget(bus.Hash{2}), nil, wire.BlobTarget(mine), "GET", 404},
	}
}

// spoiled is one thing that an attacker does to a request on its way, or to
// his clock.
type spoiled struct {
	name  string
	sign  func(*signing.Request)
	alter func(*http.Request, class)
	only  func(class) bool
}

func hasBody(c class) bool  { return signing.HasBody(c.method) }
func noBody(c class) bool   { return !hasBody(c) }
func hasTwin(c class) bool  { return c.twin != "" }
func hasQuery(c class) bool { return strings.Contains(c.target, "?") }

func shift(d time.Duration) func(*signing.Request) {
	return func(s *signing.Request) { s.Created = s.Created.Add(d) }
}

func setTarget(r *http.Request, target string) {
	path, query, _ := strings.Cut(target, "?")
	r.URL.Path, r.URL.RawQuery = path, query
}

func setBody(r *http.Request, body string) {
	r.Body, r.GetBody, r.ContentLength = io.NopCloser(strings.NewReader(body)), nil, int64(len(body))
	if body == "" {
		r.Body = http.NoBody
	}
}

func spoils() []spoiled {
	return []spoiled{
		{"made 31 s ago", shift(-31 * time.Second), nil, nil},
		{"made in 32 s", shift(32 * time.Second), nil, nil}, // a second of the test may pass meanwhile
		{"made an hour ago", shift(-time.Hour), nil, nil},
		{"made in an hour", shift(time.Hour), nil, nil},
		{"another method", nil, func(r *http.Request, c class) { r.Method = c.twin }, hasTwin},
		{"signed for another method", func(s *signing.Request) {
			s.Method = map[bool]string{true: "PATCH", false: "HEAD"}[signing.HasBody(s.Method)]
		},
			nil, func(c class) bool { return c.method != "HEAD" }},
		{"another path", nil, func(r *http.Request, c class) { setTarget(r, c.other) }, nil},
		{"a query added", nil, func(r *http.Request, c class) {
			setTarget(r, c.target+map[bool]string{true: "&", false: "?"}[hasQuery(c)]+"from=0")
		}, nil},
		{"an empty query added", nil, func(r *http.Request, _ class) { r.URL.ForceQuery = true }, func(c class) bool { return !hasQuery(c) }},
		{"the query removed", nil, func(r *http.Request, _ class) { r.URL.RawQuery = "" }, hasQuery},
		{"the query turned round", nil, func(r *http.Request, _ class) {
			a, b, _ := strings.Cut(r.URL.RawQuery, "&")
			r.URL.RawQuery = b + "&" + a
		}, func(c class) bool { return strings.Contains(c.target, "&") }},
		{"a slash more", nil, func(r *http.Request, _ class) { r.URL.Path += "/" }, nil},
		{"a letter escaped", nil, func(r *http.Request, c class) {
			r.URL.Opaque = fmt.Sprintf("//%s/%%%02x%s", r.URL.Host, c.target[1], c.target[2:])
			r.URL.RawQuery = ""
		}, nil},
		{"another of the node's names", nil, func(r *http.Request, _ class) { r.Host = strings.Replace(r.URL.Host, "127.0.0.1", "localhost", 1) }, nil},
		{"a name of another node", nil, func(r *http.Request, _ class) { r.Host = "other.example" }, nil},
		{"signed for another node", func(s *signing.Request) { s.Authority = "other.example" }, nil, nil},
		{"another digest", nil, func(r *http.Request, _ class) {
			r.Header.Set("Content-Digest", "sha-256=:"+strings.Repeat("A", 43)+"=:")
		}, nil},
		{"no digest", nil, func(r *http.Request, _ class) { r.Header.Del("Content-Digest") }, hasBody},
		{"signed for another body", func(s *signing.Request) { s.Digest = bus.Hash{1} }, nil, hasBody},
		{"one byte more", nil, func(r *http.Request, c class) { setBody(r, string(c.body)+" ") },
			func(c class) bool { return hasBody(c) && c.method != "DELETE" }},
		{"one byte less", nil, func(r *http.Request, c class) { setBody(r, string(c.body[1:])) }, func(c class) bool { return len(c.body) > 0 }},
		{"one byte changed", nil, func(r *http.Request, c class) { setBody(r, "x"+string(c.body[1:])) }, func(c class) bool { return len(c.body) > 0 }},
		{"a body added", nil, func(r *http.Request, _ class) { setBody(r, "x") }, noBody},
		{"a chunked body added", nil, func(r *http.Request, _ class) { setBody(r, "x"); r.ContentLength = -1 }, noBody},
		{"no signature", nil, func(r *http.Request, _ class) { r.Header.Del("Signature"); r.Header.Del("Signature-Input") }, nil},
		{"half a signature", nil, func(r *http.Request, _ class) { r.Header.Del("Signature") }, nil},
		{"a signature twice", nil, func(r *http.Request, _ class) { r.Header.Add("Signature", r.Header.Get("Signature")) }, nil},
	}
}

// eachSpoiled sends a request in every way in which it can be spoiled, and
// counts them.
func eachSpoiled(c *caller, k class, check func(spoiled, reply)) (tried int) {
	for _, s := range spoils() {
		if s.only != nil && !s.only(k) {
			continue
		}
		var changes []func(*signing.Request)
		if s.sign != nil {
			changes = append(changes, s.sign)
		}
		req := c.request(k.method, k.target, k.body, changes...)
		if s.alter != nil {
			s.alter(req, k)
		}
		check(s, c.send(req))
		tried++
	}
	return tried
}

// Attack: whoever sits between a client and the node changes a signed request,
// or keeps one for later, on every kind of route. Checked: 401 or 400 for each,
// and everything stands as before.
func TestAttackChangedRequest(t *testing.T) {
	t.Parallel()
	b := boot(t)
	alice := b.Alice(b.General)
	mine := putBlob(t, alice, bus.RoomID{}, "hello")
	c, before := callerAs(t, b, alice), stateOf(t, b)
	for _, k := range classes(t, b, mine) {
		tried := eachSpoiled(c, k, func(s spoiled, got reply) {
			if got.status != 401 && got.status != 400 {
				t.Errorf("%s (%s %s), %s: got %d %s", k.name, k.method, k.target, s.name, got.status, got.body)
			}
		})
		if tried < 15 {
			t.Errorf("%s: only %d ways to change it", k.name, tried)
		}
	}
	if after := stateOf(t, b); after != before {
		t.Errorf("the bus changed from\n%sto\n%s", before, after)
	}
}

// Attack: a whole request again: at once, after a restart of the node, and
// under another of its names. Checked: the first passes, the others do not.
func TestAttackReplay(t *testing.T) {
	t.Parallel()
	b := boot(t)
	alice := b.Alice(b.General)
	mine := putBlob(t, alice, bus.RoomID{}, "hello")
	c, at := callerAs(t, b, alice), time.Now()
	all := classes(t, b, mine)
	nonces := make([]string, len(all))
	again := func(i int) reply {
		k := all[i]
		return c.send(c.request(k.method, k.target, k.body, func(s *signing.Request) { s.Nonce, s.Created = nonces[i], at }))
	}
	for i, k := range all {
		nonces[i] = signing.NewNonce()
		if got := again(i); got.status != k.status {
			t.Errorf("%s: got %d %s, want %d", k.name, got.status, got.body, k.status)
		}
		if got := again(i); got.status != 401 || got.code != "replay" && k.method != "HEAD" {
			t.Errorf("%s, at once: got %d %s", k.name, got.status, got.body)
		}
	}
	c.http.CloseIdleConnections()
	b.Restart()
	for i, k := range all {
		if got := again(i); got.status != 401 {
			t.Errorf("%s, after a restart: got %d %s", k.name, got.status, got.body)
		}
	}
}

// Attack: the founding of a bus is changed or sent again on its way to a node
// that waits for it. Checked: 401 or 400, and the node still waits.
func TestAttackChangedFounding(t *testing.T) {
	t.Parallel()
	n, err := node.Start(nodetest.Context(t), node.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", NATS: "127.0.0.1:0", NoAdmin: true})
	must(t, err)
	t.Cleanup(func() { _ = n.Stop(context.Background()) })
	raw, err := os.ReadFile(n.LinkFile())
	must(t, err)
	link, err := identity.ParseLink(strings.TrimSpace(string(raw)))
	must(t, err)
	c := &caller{t: t, key: identity.OneTimeKeys(link.Seed).Transport, authority: link.Addr,
		http: &http.Transport{TLSClientConfig: identity.PinnedByHash(link.CA, "127.0.0.1", nil)}}
	k := class{"founding", "POST", wire.TargetFound, toJSON(t, wire.Found{}), wire.TargetRooms, "", 422}
	eachSpoiled(c, k, func(s spoiled, got reply) {
		// Other routes know no bus yet, and say so.
		if got.status != 401 && got.status != 400 && got.code != "not_founded" {
			t.Errorf("%s: got %d %s", s.name, got.status, got.body)
		}
	})
	nonce := signing.NewNonce()
	for i, want := range []int{422, 401} {
		got := c.send(c.request(k.method, k.target, k.body, func(s *signing.Request) { s.Nonce = nonce }))
		if got.status != want {
			t.Errorf("sent %d times: got %d %s, want %d", i+1, got.status, got.body, want)
		}
	}
	stranger := *c
	stranger.key = identity.NewTransportKey()
	if got := stranger.ask(k.method, k.target, k.body); got.status != 401 {
		t.Errorf("by another key: got %d %s", got.status, got.body)
	}
	if _, founded := n.Bus(); founded {
		t.Error("the bus was founded")
	}
}

// Attack: keys that are on no list fill the store of nonces. Checked: not a byte
// of its file changes, whatever they ask for; an honest request changes it.
func TestAttackStrangersNonces(t *testing.T) {
	t.Parallel()
	b := boot(t)
	alice := b.Alice(b.General)
	path := filepath.Join(b.Options.Dir, "nonces")
	sum := func() [sha256.Size]byte {
		raw, err := os.ReadFile(path)
		must(t, err)
		return sha256.Sum256(raw)
	}
	stranger := callerWith(t, b, identity.NewTransportKey())
	otherBus := callerAs(t, b, alice)
	otherBus.bus = bus.ID{1}
	before := sum()
	for _, k := range classes(t, b, bus.Hash{1}) {
		for range 20 {
			if got := stranger.ask(k.method, k.target, k.body); got.status != 401 && got.status != 422 && got.status != 429 {
				t.Errorf("%s by a stranger: got %d %s", k.name, got.status, got.body)
			}
		}
		if got := otherBus.ask(k.method, k.target, k.body); got.status != 401 {
			t.Errorf("%s for another bus: got %d %s", k.name, got.status, got.body)
		}
	}
	if sum() != before {
		t.Error("strangers left something among the nonces")
	}
	callerAs(t, b, alice).ask(http.MethodGet, wire.TargetUsers, nil)
	if sum() == before {
		t.Error("an honest request leaves no nonce: this test proves nothing")
	}
}
