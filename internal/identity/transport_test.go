package identity

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"

	"unibus/internal/bus"
)

const base = `"@method": POST
"@authority": bus.example:8443
"@path": /rooms
"@query": ?
"content-digest": sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:
"@signature-params": ("@method" "@authority" "@path" "@query" "content-digest");created=1;nonce="n";keyid="k";alg="ed25519";tag="unibus-1"`

// TestNkeyRoundTrip: the transport key and the nkey made of its seed are one
// key: same public name both ways, same signatures.
func TestNkeyRoundTrip(t *testing.T) {
	t.Parallel()
	k := NewTransportKey()
	seed, nonce := k.Seed(), []byte("aB3_-xyz0123456")
	pair, err := nkeys.FromRawSeed(nkeys.PrefixByteUser, seed[:])
	if err != nil {
		t.Fatal(err)
	}
	name, err := pair.PublicKey()
	if err != nil || name != k.Public().Nkey() {
		t.Fatalf("nkey %s, want %s (%v)", k.Public().Nkey(), name, err)
	}
	back, err := TransportIDFromNkey(name)
	if err != nil || back.String() != k.Public().String() {
		t.Fatalf("the nkey maps back to %s, want %s (%v)", back, k.Public(), err)
	}
	theirs, err := pair.Sign(nonce)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := k.SignNonce(nonce)
	if err != nil || !bytes.Equal(ours, theirs) || !bytes.Equal(ours, ed25519.Sign(ed25519.NewKeyFromSeed(seed[:]), nonce)) {
		t.Fatalf("signatures differ (%v)", err)
	}
	if !k.Public().Verify(nonce, theirs) || k.Public().Verify(nonce[1:], theirs) || k.Public().Verify(nonce, theirs[1:]) {
		t.Fatal("verification is wrong")
	}
}

// TestAttackHostileNonce: a server that sends something else as its nonce, a
// request to another server above all, gets no signature.
func TestAttackHostileNonce(t *testing.T) {
	t.Parallel()
	k := NewTransportKey()
	for name, nonce := range map[string]string{
		"a signature base": base,
		"empty":            "",
		"short":            "0123456789",
		"long":             strings.Repeat("a", 65),
		"NUL":              "0123456789\x00abc",
		"newline":          "0123456789abc\n",
		"quote":            `0123456789"abc`,
		"standard base64":  "0123456789+/abc",
		"padding":          "0123456789abc==",
		"space":            "0123456789 abc",
		"UTF-8":            "0123456789äbc",
	} {
		sig, err := k.SignNonce([]byte(nonce))
		if sig != nil || bus.CodeOf(err) != "hostile_nonce" || bus.KindOf(err) != bus.Integrity {
			t.Errorf("%s: got %x, %v", name, sig, err)
		}
	}
	for _, nonce := range []string{"01234567890", "aB3_-xyz0123456", strings.Repeat("Z", 64)} {
		if sig, err := k.SignNonce([]byte(nonce)); err != nil || !k.Public().Verify([]byte(nonce), sig) {
			t.Errorf("%q: %v", nonce, err)
		}
	}
}

func TestSignBase(t *testing.T) {
	t.Parallel()
	k := NewTransportKey()
	sig, err := k.SignBase([]byte(base))
	if err != nil || !k.Public().Verify([]byte(base), sig) {
		t.Fatalf("a true base: %v", err)
	}
	for name, b := range map[string]string{
		"empty":                 "",
		"a nonce":               "aB3_-xyz0123456",
		"leading byte":          " " + base,
		"no parameters":         base[:strings.Index(base, "\n\"@signature-params")],
		"parameters mid-line":   `"@method": "@signature-params": x`,
		"an entry of the chain": "\x01\x01unibus/1 room",
	} {
		if sig, err := k.SignBase([]byte(b)); sig != nil || bus.CodeOf(err) != "not_a_base" {
			t.Errorf("%s: got %x, %v", name, sig, err)
		}
	}
}

func TestTransportIDText(t *testing.T) {
	t.Parallel()
	want := NewTransportKey().Public()
	for _, s := range []string{want.String(), strings.ToUpper(want.String())} {
		if got, err := ParseTransportID(s); err != nil || got != want {
			t.Errorf("%s: got %s, %v", s, got, err)
		}
	}
	var got TransportID
	text, _ := want.MarshalText()
	if err := got.UnmarshalText(text); err != nil || got != want {
		t.Errorf("got %s, %v", got, err)
	}
	for _, s := range []string{"", want.String()[2:], want.String() + "00", strings.Repeat("x", 64)} {
		if _, err := ParseTransportID(s); bus.CodeOf(err) != "bad_key" {
			t.Errorf("%q: %v", s, err)
		}
	}
	account, err := nkeys.Encode(nkeys.PrefixByteAccount, want[:])
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"", "U", want.Nkey()[:55], want.Nkey() + "A", strings.ToLower(want.Nkey()), string(account)} {
		if _, err := TransportIDFromNkey(s); bus.CodeOf(err) != "bad_key" {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func FuzzTransportIDFromNkey(f *testing.F) {
	f.Add(TransportID{1}.Nkey())
	f.Add("SUA")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := TransportIDFromNkey(s); err == nil && id.Nkey() != s {
			t.Fatalf("%q read as %s, whose nkey is %q", s, id, id.Nkey())
		}
	})
}

func FuzzSignNonce(f *testing.F) {
	f.Add([]byte("aB3_-xyz0123456"))
	f.Add([]byte(base))
	k := NewTransportKey()
	f.Fuzz(func(t *testing.T, b []byte) {
		_, nonce := k.SignNonce(b)
		_, request := k.SignBase(b)
		if nonce == nil && request == nil {
			t.Fatalf("%q is a nonce and a base", b)
		}
	})
}
