package nodetest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/client/transfer"
	"unibus/internal/identity"
	"unibus/internal/node"
	"unibus/internal/nodetest"
	"unibus/internal/seal"
	"unibus/internal/signing"
	"unibus/internal/wire"
)

// boot is nodetest.Boot without an fsync for every message: no attack here is
// about what a power cut leaves.
func boot(t testing.TB, with ...func(*node.Options)) *nodetest.Bus {
	t.Helper()
	return nodetest.Boot(t, append(with, func(o *node.Options) { o.Sync = time.Minute })...)
}

// caller makes requests with any key, to any node, and with none of the
// manners of a client.
type caller struct {
	t         testing.TB
	key       identity.TransportKey
	bus       bus.ID
	authority string
	http      *http.Transport
}

// callerWith is a caller with a key of its own choice who knows b.
func callerWith(t testing.TB, b *nodetest.Bus, key identity.TransportKey) *caller {
	t.Helper()
	pinned, err := identity.PinnedTLS(b.Admin.Info.CAPEM)
	must(t, err)
	c := &caller{t: t, key: key, bus: b.Admin.Identity.Bus, authority: strings.TrimPrefix(b.URL(), "https://"),
		http: &http.Transport{TLSClientConfig: pinned, MaxIdleConnsPerHost: 8}}
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

// callerAs is a caller with the key of a person.
func callerAs(t testing.TB, b *nodetest.Bus, p *nodetest.Person) *caller {
	t.Helper()
	return callerWith(t, b, p.Identity.Transport)
}

// request signs a request; changes are made to what is signed, not to what is sent.
func (c *caller) request(method, target string, body []byte, changes ...func(*signing.Request)) *http.Request {
	c.t.Helper()
	about := signing.Request{Method: method, Authority: c.authority, Target: target, Created: time.Now(), Nonce: signing.NewNonce()}
	if signing.HasBody(method) {
		about.Digest = sha256.Sum256(body)
	}
	for _, change := range changes {
		change(&about)
	}
	signed, err := signing.Sign(c.key, c.bus, about)
	must(c.t, err)
	req := c.unsigned(method, target, body)
	req.Header.Set(signing.SignatureInputHeader, signed.SignatureInput)
	req.Header.Set(signing.SignatureHeader, signed.Signature)
	if signed.ContentDigest != "" {
		req.Header.Set(signing.ContentDigestHeader, signed.ContentDigest)
	}
	return req
}

func (c *caller) unsigned(method, target string, body []byte) *http.Request {
	c.t.Helper()
	req, err := http.NewRequestWithContext(nodetest.Context(c.t), method, "https://"+c.authority+target, bytes.NewReader(body))
	must(c.t, err)
	return req
}

// reply is an answer with its request id taken out: what two answers that must
// be alike are compared by.
type reply struct {
	status  int
	code    string
	body    string
	headers string
}

// send sends a request once.
func (c *caller) send(req *http.Request) reply {
	c.t.Helper()
	res, err := c.http.RoundTrip(req)
	must(c.t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	must(c.t, err)
	var f wire.Failure
	_ = json.Unmarshal(raw, &f) // what is no failure has no code
	var headers bytes.Buffer
	res.Header.Del("X-Request-Id")
	res.Header.Del("Date")
	must(c.t, res.Header.Write(&headers))
	body := string(raw)
	if f.Error.RequestID != "" {
		body = strings.ReplaceAll(body, f.Error.RequestID, "ID")
	}
	return reply{res.StatusCode, f.Error.Code, body, headers.String()}
}

// ask signs and sends.
func (c *caller) ask(method, target string, body []byte) reply {
	c.t.Helper()
	return c.send(c.request(method, target, body))
}

// get asks for JSON that must be given.
func (c *caller) get(target string, out any) {
	c.t.Helper()
	r := c.ask(http.MethodGet, target, nil)
	if r.status != http.StatusOK {
		c.t.Fatalf("GET %s: got %d %s", target, r.status, r.body)
	}
	must(c.t, json.Unmarshal([]byte(r.body), out))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func toJSON(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	must(t, err)
	return raw
}

// stateOf is everything that an admin is told of the bus and of rooms of his:
// two of them are equal when nothing happened in between.
func stateOf(t testing.TB, b *nodetest.Bus, rooms ...bus.RoomID) string {
	t.Helper()
	c := callerAs(t, b, b.Admin)
	targets := []string{wire.LogTarget(0), wire.TargetUsers, wire.BlobsTarget("bus", "")}
	for _, id := range append(rooms, b.General) {
		targets = append(targets, wire.RoomTarget(id), wire.RoomLogTarget(id, 0), wire.MembersTarget(id),
			wire.MessagesAfter(id, 0, bus.MaxPageMessages), wire.BlobsTarget(id.String(), ""))
	}
	var all strings.Builder
	for _, target := range targets {
		got := c.ask(http.MethodGet, target, nil)
		if got.status != http.StatusOK {
			t.Fatalf("GET %s: got %d %s", target, got.status, got.body)
		}
		all.WriteString(target + "\n" + got.body + "\n")
	}
	return all.String()
}

// putBlob stores a blob for a room, or with the zero room for the bus, and
// returns its id.
func putBlob(t testing.TB, p *nodetest.Person, room bus.RoomID, data string) bus.Hash {
	t.Helper()
	ref, err := p.Blobs().Put(nodetest.Context(t), room, transfer.Source{Data: strings.NewReader(data), Size: int64(len(data))})
	must(t, err)
	return ref.ID()
}

// post sends a text to a room as an honest client does.
func post(t testing.TB, p *nodetest.Person, room bus.RoomID, text string) client.Ack {
	t.Helper()
	ack, err := p.SendOne(nodetest.Context(t), room, textRecord(text))
	if err != nil {
		t.Fatalf("%s sends: %v", p.Name, err)
	}
	return ack
}

func textRecord(text string) seal.Record {
	return seal.Record{Kind: seal.KindText, ID: client.NewRecordID(""), Body: []byte(text)}
}
