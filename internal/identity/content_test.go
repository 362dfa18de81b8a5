package identity

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestEd25519ctxVector is the first vector of RFC 8032, section 7.2.
func TestEd25519ctxVector(t *testing.T) {
	t.Parallel()
	k := SigningKeyFromSeed([32]byte(unhex(t, "0305334e381af78f141cb666f6199f57bc3495335a256a95bd2a55bf546663f6")))
	if got, want := k.Public().String(), "dfc9425e4f968f7f0c29f0259cf5f9aed6851c2bb4ad8bfb860cfee0ab248292"; got != want {
		t.Fatalf("public key %s, want %s", got, want)
	}
	msg := unhex(t, "f726936d19c800494e3fdaff20b276a8")
	want := unhex(t, "55a4cc2f70a54e04288c5f4cd1e45a7bb520b36292911876cada7323198dd87a"+
		"8b36950b95130022907a7fb7c4e9b2d5f6cca685a587b4b21f4b888e4e7edb0d")
	if got := k.Sign("foo", msg); !bytes.Equal(got, want) {
		t.Fatalf("signature %x, want %x", got, want)
	}
	if !k.Public().Verify("foo", msg, want) {
		t.Fatal("the vector does not verify")
	}
}

func TestSignaturesStayInTheirContext(t *testing.T) {
	t.Parallel()
	k, msg := NewSigningKey(), []byte("hello")
	sig := k.Sign(ContextRoom, msg)
	if len(sig) != SignatureSize || !k.Public().Verify(ContextRoom, msg, sig) {
		t.Fatal("a true signature does not verify")
	}
	changed := bytes.Clone(sig)
	changed[5] ^= 1
	for name, ok := range map[string]bool{
		"other context": k.Public().Verify(ContextFrame, msg, sig),
		"no context":    k.Public().Verify("", msg, sig),
		"long context":  k.Public().Verify(Context(strings.Repeat("x", 256)), msg, sig),
		"other message": k.Public().Verify(ContextRoom, []byte("hullo"), sig),
		"other key":     NewSigningKey().Public().Verify(ContextRoom, msg, sig),
		"changed":       k.Public().Verify(ContextRoom, msg, changed),
		"short":         k.Public().Verify(ContextRoom, msg, sig[:63]),
		"none":          k.Public().Verify(ContextRoom, msg, nil),
		"as plain":      TransportID(k.Public()).Verify(msg, sig),
		"plain as ctx":  k.Public().Verify(ContextRoom, msg, ed25519.Sign(k.key(), msg)),
		"plain as none": k.Public().Verify("", msg, ed25519.Sign(k.key(), msg)),
	} {
		if ok {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestSignRefusesBadContext(t *testing.T) {
	t.Parallel()
	for _, ctx := range []Context{"", Context(strings.Repeat("x", 256))} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("signed under a context of %d bytes", len(ctx))
				}
			}()
			NewSigningKey().Sign(ctx, nil)
		}()
	}
}

// TestWeakKeys: R = B, S = 1 is a signature of the neutral element over every message.
func TestWeakKeys(t *testing.T) {
	t.Parallel()
	sig := append(unhex(t, "5866666666666666666666666666666666666666666666666666666666666666"), 1)
	sig = append(sig, make([]byte, 31)...)
	neutral := VerifyKey{1}
	if !ed25519.Verify(neutral[:], []byte("anything"), sig) {
		t.Fatal("the attack is not one: the library refuses the key by itself")
	}
	if TransportID(neutral).Verify([]byte("anything"), sig) {
		t.Error("a key of small order signs anything")
	}
	nonCanonical := VerifyKey(unhex(t, "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"))
	for _, k := range append(smallOrder[:], nonCanonical) {
		for _, sign := range []byte{0, 0x80} {
			if k[31] |= sign; !weakPoint(k) {
				t.Errorf("%x passes", k)
			}
		}
	}
	for _, hex := range []string{ // what looks like one: only the first, the last, or a middle byte tells
		"00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7e",
		"eefffffffffffffffffffffffffffffffffeffffffffffffffffffffffffff7f",
	} {
		if k := VerifyKey(unhex(t, hex)); weakPoint(k) {
			t.Errorf("%s is refused", k)
		}
	}
	for range 100 {
		if k := NewSigningKey().Public(); weakPoint(k) {
			t.Errorf("%s is refused", k)
		}
	}
}

func TestSeedRoundTrip(t *testing.T) {
	t.Parallel()
	k, tr, kem := NewSigningKey(), NewTransportKey(), NewKEMKey()
	if SigningKeyFromSeed(k.Seed()).Public() != k.Public() ||
		TransportKeyFromSeed(tr.Seed()).Public() != tr.Public() ||
		KEMKeyFromSeed(kem.Seed()).Public() != kem.Public() {
		t.Fatal("a key made from its seed is another key")
	}
	if !(SigningKey{}).IsZero() || k.IsZero() || !(TransportKey{}).IsZero() || tr.IsZero() || !(KEMKey{}).IsZero() || kem.IsZero() {
		t.Fatal("IsZero is wrong")
	}
}

func TestVerifyKeyText(t *testing.T) {
	t.Parallel()
	want := NewSigningKey().Public()
	var got VerifyKey
	if err := got.UnmarshalText([]byte(want.String())); err != nil || got != want {
		t.Fatalf("got %s, %v", got, err)
	}
	for _, s := range []string{"", want.String()[1:], strings.ToUpper("ab" + want.String()[2:]), want.String() + "0", strings.Repeat("g", 64)} {
		if err := got.UnmarshalText([]byte(s)); err == nil {
			t.Errorf("%q accepted", s)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	k, msg := NewSigningKey(), make([]byte, 256)
	for b.Loop() {
		k.Sign(ContextFrame, msg)
	}
}

func BenchmarkVerify(b *testing.B) {
	k, msg := NewSigningKey(), make([]byte, 256)
	pub, sig := k.Public(), k.Sign(ContextFrame, msg)
	for b.Loop() {
		pub.Verify(ContextFrame, msg, sig)
	}
}
