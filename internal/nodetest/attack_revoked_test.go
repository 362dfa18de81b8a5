package nodetest_test

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/identity"
	"unibus/internal/nodetest"
	"unibus/internal/signing"
	"unibus/internal/wire"
)

// promoted is a bus with a second admin, who has a live connection and an entry
// that makes her accomplice an admin, written while she might.
func promoted(t *testing.T) (b *nodetest.Bus, alice *nodetest.Person, live *tapped, entry []byte) {
	t.Helper()
	b = boot(t)
	alice = b.Alice(b.General)
	b.Mallory()
	_, err := b.Admin.SetRole(nodetest.Context(t), "alice", bus.RoleAdmin)
	must(t, err)
	post(t, alice, b.General, "before")
	live = tap(t, alice)
	live.open(b.General)
	m := mirrorOf(t, b)
	e := m.log.Tail.New(buslog.OpRole, buslog.Role{Handle: "mallory", Role: bus.RoleAdmin}.Encode(), m.busAuthor(alice), time.Now()).
		Sign(identity.ContextBus, alice.Identity.Content)
	return b, alice, live, toJSON(t, wire.Append{Entry: e.Encode()})
}

// powerless demands that nothing is left of what p could do.
func powerless(t *testing.T, b *nodetest.Bus, p *nodetest.Person, live *tapped, entry []byte) {
	t.Helper()
	before := stateOf(t, b)
	c := callerAs(t, b, p)
	for _, k := range classes(t, b, bus.Hash{1}) {
		got := c.ask(k.method, k.target, k.body)
		if got.status == 401 && (got.code == "revoked" || k.method == "HEAD") || got.status == 422 && got.code == "bad_entry" {
			continue // the second: a route for strangers, who prove themselves by the entry
		}
		t.Errorf("%s: got %d %s", k.name, got.status, got.body)
	}
	for _, target := range []string{wire.LogAppendTarget, wire.AccountAppendTarget("alice")} {
		if got := c.ask(http.MethodPost, target, entry); got.status != 401 || got.code != "revoked" {
			t.Errorf("an entry from before, to %s: got %d %s", target, got.status, got.body)
		}
	}
	select {
	case <-live.gone:
	case <-time.After(10 * time.Second):
		t.Error("the connection to the data plane lives on")
	}
	if _, err := p.Dial(func(error) {}); err == nil {
		t.Error("a new connection to the data plane")
	}
	if _, err := p.SendOne(nodetest.Context(t), b.General, textRecord("hello")); bus.CodeOf(err) != "revoked" {
		t.Errorf("a message: got %v, want revoked", err)
	}
	if after := stateOf(t, b); after != before {
		t.Errorf("the bus changed from\n%s\nto\n%s", before, after)
	}
}

// Attack: an admin whose device was revoked, because it was stolen, goes on
// with it. Checked: it reads nothing, posts nothing and appends nothing, also
// nothing that it signed before; and nobody may offer that for it.
func TestAttackRevokedDevice(t *testing.T) {
	t.Parallel()
	b, alice, live, entry := promoted(t)
	m := mirrorOf(t, b)
	acc := m.accounts[alice.Identity.Account]
	body := account.Revoke{By: account.ByAccount, Endpoint: alice.Endpoint()}.Encode()
	e := acc.Tail.New(account.OpRevoke, body, m.author(alice), time.Now()).Sign(identity.ContextAccount, alice.Identity.Seed.Account())
	root, own := callerAs(t, b, b.Admin), callerAs(t, b, alice)
	if got := own.ask(http.MethodPost, wire.AccountAppendTarget("alice"), toJSON(t, wire.Append{Entry: e.Encode()})); got.status != 200 {
		t.Fatalf("revoke: got %d %s", got.status, got.body)
	}
	powerless(t, b, alice, live, entry)
	if got := root.ask(http.MethodPost, wire.LogAppendTarget, entry); got.code != "not_yours" {
		t.Errorf("her entry from another admin: got %d %s", got.status, got.body)
	}
	post(t, b.Admin, b.General, "after")
	if got := history(t, b.Admin, b.General); len(got) < 2 || got[len(got)-1] != "admin: after" {
		t.Errorf("the room holds %q", got)
	}
}

// Attack: the same of a user who was revoked, who still has all her keys, and
// makes herself a new device with them.
func TestAttackRevokedUser(t *testing.T) {
	t.Parallel()
	b, alice, live, entry := promoted(t)
	tail := mirrorOf(t, b).accounts[alice.Identity.Account].Tail
	_, err := b.Admin.RevokeUser(nodetest.Context(t), "alice")
	must(t, err)
	powerless(t, b, alice, live, entry)
	a, content, transport := alice.Identity.Seed.Account(), identity.NewSigningKey(), identity.NewTransportKey()
	add := account.Add{By: account.ByAccount, Key: a.Public(), Kind: account.KindDevice, Content: content.Public(), Transport: transport.Public(),
		KEM: identity.NewKEMKey().Public(), Name: "again"}
	e := tail.New(account.OpAdd, add.Encode(), mirrorOf(t, b).author(alice), time.Now())
	e.Actor = add.Endpoint()
	e.Sign(identity.ContextAccount, a, content)
	got := callerWith(t, b, transport).ask(http.MethodPost, wire.AccountAppendTarget("alice"), toJSON(t, wire.Append{Entry: e.Encode()}))
	if got.status != 401 || got.code != "revoked" {
		t.Errorf("a new device: got %d %s", got.status, got.body)
	}
	if got := callerWith(t, b, transport).ask(http.MethodGet, wire.TargetUsers, nil); got.code != "unauthenticated" {
		t.Errorf("the new device reads: got %d %s", got.status, got.body)
	}
}

// Attack: somebody finds out who was revoked. Checked: without the key there is
// no such answer, whatever key a request names.
func TestAttackWhoWasRevoked(t *testing.T) {
	t.Parallel()
	b := boot(t)
	alice, mallory := b.Alice(b.General), b.Mallory()
	_, err := b.Admin.RevokeUser(nodetest.Context(t), "alice")
	must(t, err)
	for _, key := range []identity.TransportKey{mallory.Identity.Transport, identity.NewTransportKey()} {
		c := callerWith(t, b, key)
		req := c.request(http.MethodGet, wire.TargetUsers, nil)
		input := req.Header.Get(signing.SignatureInputHeader)
		req.Header.Set(signing.SignatureInputHeader, strings.Replace(input, key.Public().String(), alice.Identity.Transport.Public().String(), 1))
		if got := c.send(req); got.status != 401 || got.code != "bad_request_signature" {
			t.Errorf("alice's key with another's signature: got %d %s", got.status, got.body)
		}
	}
	if got := callerWith(t, b, identity.NewTransportKey()).ask(http.MethodGet, wire.TargetUsers, nil); got.code != "unauthenticated" {
		t.Errorf("an unknown key: got %d %s", got.status, got.body)
	}
	if got := callerAs(t, b, alice).ask(http.MethodGet, wire.TargetUsers, nil); got.code != "revoked" {
		t.Errorf("alice herself: got %d %s", got.status, got.body)
	}
}

// Attack: an admin who expects her revocation begins requests before it, and
// sends the end of their bodies after it. Checked: what counts is the moment
// at which they are whole.
func TestAttackSlowBodyOutlivesRevocation(t *testing.T) {
	t.Parallel()
	b, alice, _, entry := promoted(t)
	c := callerAs(t, b, alice)
	blob := []byte("a piece of a file")
	id := bus.Hash(sha256.Sum256(blob))
	finish := map[string]func() int{
		"an entry": c.half(http.MethodPost, wire.LogAppendTarget, entry),
		"a blob":   c.half(http.MethodPut, wire.BlobPutTarget(id, "bus", "whole"), blob),
	}
	_, err := b.Admin.RevokeUser(nodetest.Context(t), "alice")
	must(t, err)
	before := stateOf(t, b)
	for what, end := range finish {
		if got := end(); got != http.StatusUnauthorized {
			t.Errorf("%s: got %d, want 401", what, got)
		}
	}
	if after := stateOf(t, b); after != before {
		t.Errorf("the bus changed from\n%s\nto\n%s", before, after)
	}
}

// half sends a request up to the middle of its body, and waits until the node
// reads it. What it returns sends the rest.
func (c *caller) half(method, target string, body []byte) (finish func() (status int)) {
	c.t.Helper()
	status, finish := c.begin(method, target, body)
	if status != http.StatusContinue { // it asks for the body: the request was authorized
		c.t.Fatalf("%s %s: got %d before the body", method, target, status)
	}
	return finish
}

// begin is half for a request that may be refused before its body.
func (c *caller) begin(method, target string, body []byte) (status int, finish func() (status int)) {
	c.t.Helper()
	status, finish, err := c.try(method, target, body)
	must(c.t, err)
	return status, finish
}

// try is begin for a node that may hang up at any time.
func (c *caller) try(method, target string, body []byte) (status int, finish func() (status int), err error) {
	conn, err := tls.Dial("tcp", c.authority, c.http.TLSClientConfig)
	if err != nil {
		return 0, nil, err
	}
	c.t.Cleanup(func() { conn.Close() })
	req := c.request(method, target, body)
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n", method, target, c.authority, len(body))
	must(c.t, req.Header.Write(&head))
	if _, err = io.WriteString(conn, head.String()+"\r\n"); err != nil {
		return 0, nil, err
	}
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, req)
	if err != nil {
		return 0, nil, err
	}
	if res.StatusCode != http.StatusContinue {
		conn.Close()
		return res.StatusCode, nil, nil
	}
	_, err = conn.Write(body[:len(body)/2])
	return res.StatusCode, func() int {
		_, err := conn.Write(body[len(body)/2:])
		must(c.t, err)
		res, err := http.ReadResponse(in, req)
		must(c.t, err)
		defer res.Body.Close()
		return res.StatusCode
	}, err
}
