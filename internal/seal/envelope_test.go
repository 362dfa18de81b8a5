package seal

import (
	"bytes"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

var place = Binding{Bus: bus.ID{1}, Room: bus.RoomID{2}, Prev: bus.Hash{3}, Epoch: 4,
	Actor: bus.EndpointID{5}, Recipient: bus.EndpointID{6}, Serial: 7}

func TestEnvelope(t *testing.T) {
	t.Parallel()
	key, secret := identity.NewKEMKey(), NewSecret()
	env, err := secret.Envelope(key.Public(), place)
	if err != nil || len(env) != EnvelopeSize {
		t.Fatalf("got %d bytes, %v; want %d", len(env), err, EnvelopeSize)
	}
	got, err := OpenEnvelope(key, env, place)
	if err != nil || !bytes.Equal(got.Bytes(), secret.Bytes()) {
		t.Fatalf("the envelope does not give the secret back: %v", err)
	}
	again, err := secret.Envelope(key.Public(), place)
	if err != nil || bytes.Equal(env, again) {
		t.Fatalf("two envelopes are the same bytes (%v)", err)
	}
}

func TestEnvelopeFitsNowhereElse(t *testing.T) {
	t.Parallel()
	key, secret := identity.NewKEMKey(), NewSecret()
	env, err := secret.Envelope(key.Public(), place)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Binding){
		"bus":       func(b *Binding) { b.Bus[15] ^= 1 },
		"room":      func(b *Binding) { b.Room[15] ^= 1 },
		"prev":      func(b *Binding) { b.Prev[31] ^= 1 },
		"epoch":     func(b *Binding) { b.Epoch++ },
		"actor":     func(b *Binding) { b.Actor[15] ^= 1 },
		"recipient": func(b *Binding) { b.Recipient[15] ^= 1 },
		"serial":    func(b *Binding) { b.Serial++ },
		"swapped":   func(b *Binding) { b.Actor, b.Recipient = b.Recipient, b.Actor },
	} {
		b := place
		change(&b)
		_, err := OpenEnvelope(key, env, b)
		wantErr(t, name, err, ErrEnvelope)
	}
	_, err = OpenEnvelope(identity.NewKEMKey(), env, place)
	wantErr(t, "another key", err, ErrEnvelope)
	for name, bad := range map[string][]byte{
		"empty": nil, "short": env[:len(env)-1], "long": append(bytes.Clone(env), 0),
		"changed key": flip(env, 0), "changed text": flip(env, len(env)*8-1),
	} {
		_, err := OpenEnvelope(key, bad, place)
		wantErr(t, name, err, ErrEnvelope)
	}
}

func TestEnvelopeToNoKey(t *testing.T) {
	t.Parallel()
	var none identity.KEMPublic
	for i := range none {
		none[i] = 0xFF // coefficients out of range
	}
	if _, err := NewSecret().Envelope(none, place); bus.CodeOf(err) != "bad_key" {
		t.Errorf("sealed to what is no key: %v", err)
	}
}

// flip returns b with one bit changed.
func flip(b []byte, bit int) []byte {
	b = bytes.Clone(b)
	b[bit/8] ^= 1 << (bit % 8)
	return b
}
