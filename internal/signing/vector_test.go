package signing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// vector is one signed request for other implementations to compare with.
type vector struct {
	Name           string `json:"name"`
	Seed           string `json:"transport_seed"` // hex
	Bus            bus.ID `json:"bus"`
	Method         string `json:"method"`
	Host           string `json:"host"`
	Target         string `json:"target"`
	Body           string `json:"body"`
	Created        int64  `json:"created"`
	Nonce          string `json:"nonce"`
	Base           string `json:"signature_base"`
	SignatureInput string `json:"signature_input"`
	Signature      string `json:"signature"`
	ContentDigest  string `json:"content_digest,omitempty"`
}

func (v vector) request() Request {
	r := Request{Method: v.Method, Authority: v.Host, Target: v.Target, Created: time.Unix(v.Created, 0), Nonce: v.Nonce}
	if HasBody(v.Method) {
		r.Digest = sha256.Sum256([]byte(v.Body))
	}
	return r
}

func TestVectors(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("testdata/vectors/request.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(content, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range vectors {
		seed, err := hex.DecodeString(v.Seed)
		if err != nil || len(seed) != 32 {
			t.Fatalf("%s: seed %q: %v", v.Name, v.Seed, err)
		}
		key := identity.TransportKeyFromSeed([32]byte(seed))
		want := Headers{SignatureInput: v.SignatureInput, Signature: v.Signature, ContentDigest: v.ContentDigest}
		got, err := Sign(key, v.Bus, v.request())
		if err != nil || got != want {
			t.Errorf("%s: signed\n%+v, %v; want\n%+v", v.Name, got, err, want)
		}
		s, err := Parse(v.Method, v.Host, v.Target, want)
		if err != nil || string(s.base) != v.Base || s.Verify() != nil {
			t.Errorf("%s: base\n%s, %v; want\n%s", v.Name, s.base, err, v.Base)
		}
	}
}
