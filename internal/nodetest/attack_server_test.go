package nodetest_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/nodetest"
	"unibus/internal/signing"
)

// nodeTLS is what a server shows that has a certificate of the bus: a node
// whose operator turned, or whose key was stolen.
func nodeTLS(t *testing.T, b *nodetest.Bus, hosts ...string) *tls.Config {
	t.Helper()
	key, pub, err := identity.NewNodeKey()
	must(t, err)
	cert, err := b.Admin.Identity.CA.IssueNode(pub, hosts, time.Now())
	must(t, err)
	conf, err := identity.ServerTLS(cert, key, b.Admin.Identity.CA.CertificatePEM())
	must(t, err)
	return conf
}

// hostileNATS is a NATS server that sends a nonce of its choice and keeps
// every line that it is sent.
type hostileNATS struct {
	addr  string
	lines chan string
}

func startHostileNATS(t *testing.T, conf *tls.Config, nonce string) *hostileNATS {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", conf)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	h := &hostileNATS{addr: l.Addr().String(), lines: make(chan string, 1000)}
	info := toJSON(t, map[string]any{"server_id": "N", "version": "2.15.2", "proto": 1, "headers": true, "max_payload": 1 << 20,
		"auth_required": true, "tls_required": true, "nonce": nonce, "client_id": 1})
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go h.serve(conn, info)
		}
	}()
	return h
}

func (h *hostileNATS) serve(conn net.Conn, info []byte) {
	defer conn.Close()
	fmt.Fprintf(conn, "INFO %s\r\n", info)
	for in := bufio.NewScanner(conn); in.Scan(); {
		h.lines <- in.Text()
	}
}

// signature is the first one that the server was sent, "" for none.
func (h *hostileNATS) signature() string {
	for {
		select {
		case line := <-h.lines:
			var c struct{ Sig string }
			fields, ok := strings.CutPrefix(line, "CONNECT ")
			if ok && json.Unmarshal([]byte(fields), &c) == nil && c.Sig != "" {
				return c.Sig
			}
		default:
			return ""
		}
	}
}

// astray is p with other addresses: what a client does whose name server lies.
func astray(p *nodetest.Person, url, nats string) *client.Client {
	lost := *p
	if url != "" {
		lost.Info.URL = url
	}
	if nats != "" {
		lost.Info.NATS = nats
	}
	return lost.Again()
}

// Attack: a NATS server of the bus sends as its nonce the signature base of an
// HTTP request, to have it signed. Checked: the client signs nothing but what a
// NATS server really sends, and says what happened.
func TestAttackHostileNonce(t *testing.T) {
	t.Parallel()
	b := boot(t)
	alice := b.Alice(b.General)
	id := alice.Identity
	base, _, err := signing.CanonicalRequest(signing.Request{Method: "POST", Authority: strings.TrimPrefix(b.URL(), "https://"),
		Target: "/log", Created: time.Now(), Nonce: signing.NewNonce(), Digest: bus.Hash{1},
		Key: signing.KeyID{Bus: id.Bus, Signer: id.Transport.Public()}})
	must(t, err)
	conf := nodeTLS(t, b, "127.0.0.1")
	for name, nonce := range map[string]string{
		"a signature base": string(base), "a signature base with a tail": string(base) + "\n", "a line": "AAAAAAAAAAA\n",
		"10 characters": strings.Repeat("A", 10), "65 characters": strings.Repeat("A", 65), "standard base64": "AAAAAAAAAA+/",
		"padding": "AAAAAAAAAAAA==", "a NUL": "AAAAAAAAAAA\x00", "a space": "AAAAA AAAAA", "no ASCII": strings.Repeat("é", 11),
		"an entry's context": "unibus/1 room" + strings.Repeat("A", 20), "nothing": "",
	} {
		fake := startHostileNATS(t, conf, nonce)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err := astray(alice, "", fake.addr).SendOne(ctx, b.General, textRecord("hello"))
		cancel()
		if nonce != "" && bus.CodeOf(err) != "hostile_nonce" || err == nil {
			t.Errorf("%s: got %v (%s), want hostile_nonce", name, err, bus.CodeOf(err))
		}
		if sig := fake.signature(); sig != "" {
			t.Errorf("%s: the client signed it: %s", name, sig)
		}
	}
}

// The same server with an honest nonce gets a signature over it, and over
// nothing else: this is what the test above would see if it failed.
func TestHonestNonceIsSigned(t *testing.T) {
	t.Parallel()
	b := boot(t)
	alice := b.Alice(b.General)
	const nonce = "AAAAAAAAAAAAAAA"
	fake := startHostileNATS(t, nodeTLS(t, b, "127.0.0.1"), nonce)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, _ = astray(alice, "", fake.addr).SendOne(ctx, b.General, textRecord("hello")) // nobody answers
	sig, err := base64.RawURLEncoding.DecodeString(fake.signature())
	if err != nil || !alice.Identity.Transport.Public().Verify([]byte(nonce), sig) {
		t.Errorf("no signature over an honest nonce: %v", err)
	}
}

// Attack: somebody answers at the address of the node, on either plane, with a
// certificate of another bus, of the right name. Checked: an error of
// integrity, and not a byte of ours.
func TestAttackWrongPin(t *testing.T) {
	t.Parallel()
	b, other := boot(t), boot(t)
	alice := b.Alice(b.General)
	fake := startHostileNATS(t, nodeTLS(t, other, "127.0.0.1"), "AAAAAAAAAAAAAAA")
	send := func(ctx context.Context, c *client.Client) error {
		_, err := c.SendOne(ctx, b.General, textRecord("secret"))
		return err
	}
	read := func(ctx context.Context, c *client.Client) error {
		return c.Read(ctx, b.General, client.ReadOptions{}, nil)
	}
	for name, tt := range map[string]struct {
		c  *client.Client
		do func(context.Context, *client.Client) error
	}{
		"another bus's control plane":        {astray(alice, other.URL(), ""), read},
		"another bus's data plane":           {astray(alice, "", other.NATS()), send},
		"a server of another CA":             {astray(alice, "", fake.addr), send},
		"the same for the control plane":     {astray(alice, "https://"+fake.addr, ""), read},
		"another data plane for the control": {astray(alice, "https://"+other.NATS(), ""), read},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		err := tt.do(ctx, tt.c)
		cancel()
		if bus.KindOf(err) != bus.Integrity || bus.CodeOf(err) != "wrong_pin" {
			t.Errorf("%s: got %v (%s), want wrong_pin", name, err, bus.CodeOf(err))
		}
	}
	select {
	case line := <-fake.lines:
		t.Errorf("the server was told %q", line)
	default:
	}
	if sig := fake.signature(); sig != "" {
		t.Errorf("a server of another CA got a signature: %s", sig)
	}
}
