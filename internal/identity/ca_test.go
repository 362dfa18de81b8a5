package identity

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
)

func TestCARoundTrip(t *testing.T) {
	t.Parallel()
	ca := newCAForTest(t)
	back, err := ParseCA(ca.CertificatePEM(), ca.KeyPEM())
	if err != nil || back.Hash() != ca.Hash() {
		t.Fatalf("another CA came back: %v", err)
	}
	block, _ := pem.Decode(ca.CertificatePEM())
	if ca.Hash() != sha256.Sum256(block.Bytes) {
		t.Error("the hash is not over the DER")
	}
	n, other := newTestNode(t, time.Now()), newCAForTest(t)
	edKey := encodePEM(pemKey, pkcs8(t, ed25519.NewKeyFromSeed(make([]byte, 32))))
	for name, in := range map[string][2][]byte{
		"key of another CA":     {ca.CertificatePEM(), other.KeyPEM()},
		"certificate of a node": {n.cert, n.keyPEM},
		"no certificate":        {nil, ca.KeyPEM()},
		"no key":                {ca.CertificatePEM(), nil},
		"key of another kind":   {ca.CertificatePEM(), edKey},
		"swapped":               {ca.KeyPEM(), ca.CertificatePEM()},
	} {
		if _, err := ParseCA(in[0], in[1]); bus.CodeOf(err) != "bad_ca" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !(CA{}).IsZero() || ca.IsZero() {
		t.Error("IsZero is wrong")
	}
}

func TestIssueNode(t *testing.T) {
	t.Parallel()
	ca, now := newCAForTest(t), time.Now()
	_, pub, err := NewNodeKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, hosts := range [][]string{{"a.example"}, {"localhost", "127.0.0.1", "::1"}, {"a-b.c1"}} {
		if _, err := ca.IssueNode(pub, hosts, now); err != nil {
			t.Errorf("%v: %v", hosts, err)
		}
	}
	many := strings.Split(strings.Repeat("a ", MaxHosts)+"a", " ")
	for _, hosts := range [][]string{nil, many, {""}, {"*.example"}, {"A.example"}, {"a..b"}, {"a."}, {"-a"}, {"a-"}, {"a:1"},
		{"1.2.3"}, {"fe80::1%eth0"}, {"a b"}, {strings.Repeat("a", 64)}, {strings.Repeat("a.", 127) + "a"}} {
		if _, err := ca.IssueNode(pub, hosts, now); bus.CodeOf(err) != "bad_host" {
			t.Errorf("%v: %v", hosts, err)
		}
	}
	for name, pub := range map[string]crypto.PublicKey{"nil": nil, "a text": "key"} {
		if _, err := ca.IssueNode(pub, []string{"a"}, now); bus.CodeOf(err) != "bad_key" {
			t.Errorf("%s as a key: %v", name, err)
		}
	}
}

func pkcs8(t testing.TB, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
