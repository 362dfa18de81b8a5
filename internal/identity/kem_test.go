package identity

import (
	"bytes"
	"testing"

	"unibus/internal/bus"
)

func TestKEM(t *testing.T) {
	t.Parallel()
	k, info, secret := NewKEMKey(), []byte("info"), bytes.Repeat([]byte{7}, 32)
	enc, err := k.Public().Seal(info, secret)
	if err != nil || len(enc) != 1168 || len(enc) != len(secret)+KEMOverhead {
		t.Fatalf("sealed to %d bytes: %v", len(enc), err)
	}
	if got, err := k.Open(info, enc); err != nil || !bytes.Equal(got, secret) {
		t.Fatalf("got %x, %v", got, err)
	}
	again, err := k.Public().Seal(info, secret)
	if err != nil || bytes.Equal(enc, again) {
		t.Fatalf("sealing twice gives the same bytes (%v)", err)
	}
	changed := bytes.Clone(enc)
	changed[len(changed)-1] ^= 1
	refused := func(name string, k KEMKey, info string, enc []byte) {
		if got, err := k.Open([]byte(info), enc); got != nil || bus.CodeOf(err) != "bad_envelope" || bus.KindOf(err) != bus.Integrity {
			t.Errorf("%s: got %x, %v", name, got, err)
		}
	}
	refused("other info", k, "infO", enc)
	refused("other key", NewKEMKey(), "info", enc)
	refused("changed", k, "info", changed)
	refused("short", k, "info", enc[:100])
	refused("empty", k, "info", nil)
}

// TestAttackBadKEMKey: keys to which sealing fails must be seen before they
// stand in an account chain.
func TestAttackBadKEMKey(t *testing.T) {
	t.Parallel()
	good := NewKEMKey().Public()
	if !good.Valid() {
		t.Fatal("a true key is refused")
	}
	lowOrder := good
	clear(lowOrder[1184:])
	unreduced := good
	unreduced[0], unreduced[1], unreduced[2] = 0xff, 0xff, 0xff
	for name, p := range map[string]KEMPublic{"X25519 of small order": lowOrder, "ML-KEM not reduced": unreduced} {
		if p.Valid() {
			t.Errorf("%s: valid", name)
		}
		if enc, err := p.Seal(nil, []byte("x")); enc != nil || bus.CodeOf(err) != "bad_key" {
			t.Errorf("%s: sealed: %v", name, err)
		}
	}
}

func BenchmarkKEMSeal(b *testing.B) {
	p, secret := NewKEMKey().Public(), make([]byte, 32)
	for b.Loop() {
		_, _ = p.Seal([]byte("info"), secret)
	}
}
