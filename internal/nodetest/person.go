package nodetest

import (
	"bytes"
	"crypto/sha256"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/profile"
	"unibus/internal/signing"
	"unibus/internal/wire"
)

// contextName is what the one context in a person's home is called.
const contextName = "local"

// Person is a user with an endpoint and a home of his own.
type Person struct {
	*client.Client
	Name     bus.Handle
	Home     profile.Home
	Identity *identity.File
	Info     identity.ContextInfo

	t   testing.TB
	now func() time.Time
}

// Alice joins the bus by an invite that brings her into rooms.
func (b *Bus) Alice(rooms ...bus.RoomID) *Person { b.t.Helper(); return b.Join("alice", rooms...) }

// Bob joins the bus by an invite that brings him into rooms.
func (b *Bus) Bob(rooms ...bus.RoomID) *Person { b.t.Helper(); return b.Join("bob", rooms...) }

// Mallory joins the bus and no room: every right she has elsewhere is a fault.
func (b *Bus) Mallory() *Person { b.t.Helper(); return b.Join("mallory") }

// Join invites a user, into rooms of the admin's, and takes the invite up.
func (b *Bus) Join(name bus.Handle, rooms ...bus.RoomID) *Person {
	b.t.Helper()
	return b.TakeUp(b.Invite(name, rooms...), name)
}

// Invite makes an open invite.
func (b *Bus) Invite(name bus.Handle, rooms ...bus.RoomID) identity.Link {
	b.t.Helper()
	ctx := Context(b.t)
	link, err := b.Admin.Client.Invite(ctx, name, time.Hour)
	if err != nil {
		b.t.Fatalf("invite %s: %v", name, err)
	}
	for _, room := range rooms {
		if err := b.Admin.AddGuests(ctx, room, bus.RoleMember, link.ID); err != nil {
			b.t.Fatalf("invite %s into a room: %v", name, err)
		}
	}
	return link
}

// TakeUp joins with a link.
func (b *Bus) TakeUp(link identity.Link, name bus.Handle) *Person {
	b.t.Helper()
	ctx := Context(b.t)
	j, err := client.Meet(ctx, link, b.clock())
	if err != nil {
		b.t.Fatalf("%s meets the node: %v", name, err)
	}
	p := &Person{Name: name, Home: profile.At(b.t.TempDir()), Identity: j.NewIdentity("laptop"), Info: j.Info(), t: b.t, now: b.clock()}
	c := profile.Context{Name: contextName, URL: p.Info.URL, NATS: p.Info.NATS, CAPEM: p.Info.CAPEM,
		Bus: j.Bus(), Org: p.Info.Org}
	if err := p.Home.Create(c, p.Identity, nil); err != nil {
		b.t.Fatalf("%s keeps the context: %v", name, err)
	}
	store, err := p.Home.Open(ctx, contextName, p.Identity.ProfileKey)
	if err != nil {
		b.t.Fatalf("%s opens the profile: %v", name, err)
	}
	if _, err := j.Accept(ctx, p.Identity, store); err != nil {
		b.t.Fatalf("%s joins: %v", name, err)
	}
	if err := store.Close(); err != nil {
		b.t.Fatalf("%s closes the profile: %v", name, err)
	}
	p.open()
	return p
}

// open makes the person's client from what is in his home.
func (p *Person) open() {
	p.t.Helper()
	c, err := p.Home.Context(contextName)
	if err != nil {
		p.t.Fatalf("%s reads the context: %v", p.Name, err)
	}
	p.Info = identity.ContextInfo{Name: c.Name, URL: c.URL, NATS: c.NATS, CAPEM: c.CAPEM, Org: c.Org}
	p.Client = p.Again()
}

// Again opens another client on the same profile, as a second process would.
// It ends with the test.
func (p *Person) Again() *client.Client {
	p.t.Helper()
	store, err := p.Home.Open(Context(p.t), contextName, p.Identity.ProfileKey)
	if err != nil {
		p.t.Fatalf("%s opens the profile: %v", p.Name, err)
	}
	c, err := client.New(client.Options{Identity: p.Identity, Info: p.Info, Store: store, Now: p.now, Keep: true,
		Keys: identity.Place{Path: p.Home.IdentityPath(contextName)}})
	if err != nil {
		p.t.Fatalf("%s opens a client: %v", p.Name, err)
	}
	p.t.Cleanup(func() { _ = c.Close() })
	return c
}

// Dial connects to the data plane as the person's endpoint, with none of the
// restraint of a client. Errors that NATS reports later come to failed.
func (p *Person) Dial(failed func(error), more ...nats.Option) (*nats.Conn, error) {
	p.t.Helper()
	pinned, err := identity.PinnedTLS(p.Info.CAPEM)
	if err != nil {
		return nil, err
	}
	opts := append([]nats.Option{
		nats.NoReconnect(), nats.Secure(pinned), nats.TLSHandshakeFirst(), nats.Timeout(patience),
		nats.Nkey(p.Identity.Transport.Public().Nkey(), p.Identity.Transport.SignNonce),
		nats.CustomInboxPrefix(wire.InboxPrefix(p.Endpoint())),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { failed(err) }),
	}, more...)
	nc, err := nats.Connect("tls://"+p.Info.NATS, opts...)
	if err == nil {
		p.t.Cleanup(nc.Close)
	}
	return nc, err
}

// Request signs one request of any kind as the person's endpoint.
func (p *Person) Request(method, target string, body []byte) *http.Request {
	p.t.Helper()
	addr := strings.TrimPrefix(p.Info.URL, "https://")
	r := signing.Request{Method: method, Authority: addr, Target: target, Created: p.now(), Nonce: signing.NewNonce()}
	if signing.HasBody(method) {
		r.Digest = sha256.Sum256(body)
	}
	signed, err := signing.Sign(p.Identity.Transport, p.Identity.Bus, r)
	if err != nil {
		p.t.Fatalf("%s signs a request: %v", p.Name, err)
	}
	req, err := http.NewRequestWithContext(Context(p.t), method, p.Info.URL+target, bytes.NewReader(body))
	if err != nil {
		p.t.Fatalf("%s makes a request: %v", p.Name, err)
	}
	req.Header.Set(signing.SignatureInputHeader, signed.SignatureInput)
	req.Header.Set(signing.SignatureHeader, signed.Signature)
	if signed.ContentDigest != "" {
		req.Header.Set(signing.ContentDigestHeader, signed.ContentDigest)
	}
	return req
}

// Do sends a request to the node, once, and closes the answer with the test.
func (p *Person) Do(req *http.Request) *http.Response {
	p.t.Helper()
	pinned, err := identity.PinnedTLS(p.Info.CAPEM)
	if err != nil {
		p.t.Fatalf("%s pins the bus: %v", p.Name, err)
	}
	transport := &http.Transport{TLSClientConfig: pinned, DisableKeepAlives: true}
	res, err := transport.RoundTrip(req)
	if err != nil {
		p.t.Fatalf("%s asks the node: %v", p.Name, err)
	}
	p.t.Cleanup(func() { _ = res.Body.Close() })
	return res
}
