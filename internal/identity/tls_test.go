package identity

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
)

// testNode is a CA and one node of it, for node.example and 127.0.0.1.
type testNode struct {
	ca           CA
	cert, keyPEM []byte
	server       *tls.Config
}

func newCAForTest(t testing.TB) CA {
	t.Helper()
	ca, err := NewCA("bus", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func newTestNode(t testing.TB, now time.Time) testNode {
	t.Helper()
	n := testNode{ca: newCAForTest(t)}
	keyPEM, pub, err := NewNodeKey()
	if err != nil {
		t.Fatal(err)
	}
	n.keyPEM = keyPEM
	n.cert, err = n.ca.IssueNode(pub, []string{"node.example", "127.0.0.1"}, now)
	if err != nil {
		t.Fatal(err)
	}
	if n.server, err = ServerTLS(n.cert, n.keyPEM, n.ca.CertificatePEM()); err != nil {
		t.Fatal(err)
	}
	return n
}

// handshake dials a server on loopback as if it were host, and returns what
// the client says of it. A test that waits until the deadline fails.
func handshake(t testing.TB, server, client *tls.Config, host string) error {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if conn, err := l.Accept(); err == nil {
			_ = tls.Server(conn, server).HandshakeContext(ctx)
			_ = conn.Close()
		}
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	client = client.Clone()
	client.ServerName = host
	err = tls.Client(conn, client).HandshakeContext(ctx)
	_ = conn.Close()
	<-done
	if ctx.Err() != nil {
		t.Error("the handshake did not end")
	}
	return err
}

func TestPinnedTLS(t *testing.T) {
	t.Parallel()
	n := newTestNode(t, time.Now())
	pinned, err := PinnedTLS(n.ca.CertificatePEM())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"node.example", "127.0.0.1"} {
		if err := handshake(t, n.server, pinned, host); err != nil {
			t.Errorf("%s: the pinned CA fails: %v", host, err)
		}
	}
	other, err := PinnedTLS(newCAForTest(t).CertificatePEM())
	if err != nil {
		t.Fatal(err)
	}
	expired := newTestNode(t, time.Now().Add(-NodeLife-time.Hour))
	pinnedExpired, err := PinnedTLS(expired.ca.CertificatePEM())
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"system roots":   handshake(t, n.server, &tls.Config{}, "node.example"),
		"other CA":       handshake(t, n.server, other, "node.example"),
		"other host":     handshake(t, n.server, pinned, "evil.example"),
		"other address":  handshake(t, n.server, pinned, "127.0.0.2"),
		"expired":        handshake(t, expired.server, pinnedExpired, "node.example"),
		"TLS 1.2 client": handshake(t, n.server, &tls.Config{RootCAs: pinned.RootCAs, MaxVersion: tls.VersionTLS12}, "node.example"),
		"TLS 1.2 server": handshake(t, oldServer(n.server), pinned, "node.example"),
	} {
		if err == nil {
			t.Errorf("%s: the handshake passes", name)
		}
	}
}

// oldServer speaks TLS 1.2 at most.
func oldServer(c *tls.Config) *tls.Config {
	c = c.Clone()
	c.MinVersion, c.MaxVersion = 0, tls.VersionTLS12
	return c
}

func TestPinnedByHash(t *testing.T) {
	t.Parallel()
	n := newTestNode(t, time.Now())
	var got []byte
	remember := func(caPEM []byte) { got = caPEM }
	for _, host := range []string{"node.example", "127.0.0.1"} {
		got = nil
		if err := handshake(t, n.server, PinnedByHash(n.ca.Hash(), host, remember), host); err != nil {
			t.Errorf("%s: %v", host, err)
		}
		if string(got) != string(n.ca.CertificatePEM()) {
			t.Errorf("%s: got another CA certificate", host)
		}
	}
	if err := handshake(t, n.server, PinnedByHash(n.ca.Hash(), "node.example", nil), "node.example"); err != nil {
		t.Errorf("without a callback: %v", err)
	}

	got = nil
	leaf, err := decodePEM(pemCertificate, n.cert)
	if err != nil {
		t.Fatal(err)
	}
	alone := n.server.Clone()
	alone.Certificates = []tls.Certificate{{Certificate: [][]byte{leaf}, PrivateKey: n.server.Certificates[0].PrivateKey}}
	foreign := newTestNode(t, time.Now())
	// Mallory shows the true CA behind a certificate of her own.
	mallory := foreign.server.Clone()
	mallory.Certificates[0].Certificate = [][]byte{foreign.server.Certificates[0].Leaf.Raw, n.ca.s().cert.Raw}
	for name, err := range map[string]error{
		"other CA":       handshake(t, foreign.server, PinnedByHash(n.ca.Hash(), "node.example", remember), "node.example"),
		"true CA, false": handshake(t, mallory, PinnedByHash(n.ca.Hash(), "node.example", remember), "node.example"),
		"CA not shown":   handshake(t, alone, PinnedByHash(n.ca.Hash(), "node.example", remember), "node.example"),
		"leaf's hash":    handshake(t, n.server, PinnedByHash(sha256.Sum256(leaf), "node.example", remember), "node.example"),
		"other host":     handshake(t, n.server, PinnedByHash(n.ca.Hash(), "evil.example", remember), "evil.example"),
		"other address":  handshake(t, n.server, PinnedByHash(n.ca.Hash(), "127.0.0.2", remember), "127.0.0.2"),
		"zero hash":      handshake(t, n.server, PinnedByHash(bus.Hash{}, "node.example", remember), "node.example"),
		"TLS 1.2":        handshake(t, oldServer(n.server), PinnedByHash(n.ca.Hash(), "node.example", remember), "node.example"),
	} {
		if err == nil {
			t.Errorf("%s: the handshake passes", name)
		}
	}
	if got != nil {
		t.Error("a CA was handed out after a handshake that failed")
	}
}

func TestServerTLSRefuses(t *testing.T) {
	t.Parallel()
	n, m := newTestNode(t, time.Now()), newTestNode(t, time.Now())
	for name, in := range map[string][3][]byte{
		"certificate of another CA": {n.cert, n.keyPEM, m.ca.CertificatePEM()},
		"key of another node":       {n.cert, m.keyPEM, n.ca.CertificatePEM()},
		"no certificate":            {nil, n.keyPEM, n.ca.CertificatePEM()},
		"no CA":                     {n.cert, n.keyPEM, nil},
		"a node as CA":              {n.cert, n.keyPEM, n.cert},
	} {
		if c, err := ServerTLS(in[0], in[1], in[2]); err == nil || c != nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func write(t testing.TB, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTLSFiles(t *testing.T) {
	t.Parallel()
	n := newTestNode(t, time.Now())
	ca, cert, key := write(t, "ca.crt", n.ca.CertificatePEM()), write(t, "node.crt", n.cert), write(t, "node.key", n.keyPEM)
	client, err := LoadCATLSConfig(ca)
	if err != nil {
		t.Fatal(err)
	}
	server, err := ServerTLSConfig(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := handshake(t, server, client, "node.example"); err != nil {
		t.Fatalf("handshake: %v", err)
	}
	if handshake(t, server, &tls.Config{}, "node.example") == nil || handshake(t, oldServer(server), client, "node.example") == nil ||
		handshake(t, server, &tls.Config{RootCAs: client.RootCAs, MaxVersion: tls.VersionTLS12}, "node.example") == nil {
		t.Error("system roots or TLS 1.2 pass")
	}
	missing, junk := filepath.Join(t.TempDir(), "none"), write(t, "junk", []byte("no PEM"))
	load := func(path string) error { _, err := LoadCATLSConfig(path); return err }
	serve := func(cert, key string) error { _, err := ServerTLSConfig(cert, key); return err }
	for _, c := range []struct {
		name string
		err  error
		kind bus.Kind
	}{
		{"missing CA", load(missing), bus.NotFound},
		{"CA is no PEM", load(junk), bus.Invalid},
		{"CA is a key", load(key), bus.Invalid},
		{"CA is a node", load(cert), bus.Invalid},
		{"two certificates", load(write(t, "two", append(n.ca.CertificatePEM(), n.ca.CertificatePEM()...))), bus.Invalid},
		{"damaged", load(write(t, "bad", encodePEM(pemCertificate, []byte("x")))), bus.Invalid},
		{"missing certificate", serve(missing, key), bus.NotFound},
		{"missing key", serve(cert, missing), bus.NotFound},
		{"certificate is no PEM", serve(junk, key), bus.Invalid},
		{"key is no PEM", serve(cert, junk), bus.Invalid},
		{"a folder", load(t.TempDir()), bus.Failed},
	} {
		if c.err == nil || bus.KindOf(c.err) != c.kind {
			t.Errorf("%s: got %v, want kind %d", c.name, c.err, c.kind)
		}
		if c.err != nil && strings.Contains(c.err.Error(), os.TempDir()) {
			t.Errorf("%s: the message holds a path: %v", c.name, c.err)
		}
	}
}
