package identity

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"

	"unibus/internal/bus"
)

// A sealed identity is what the page on the protocol says: a text that the age
// tool opens with the passphrase, and the plain identity in it. Whoever has the
// file and the passphrase needs no unibus to read it.
func TestAgeOpensSealed(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	plain, err := Marshal(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := Marshal(f, []byte("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	body, found := strings.CutPrefix(string(sealed), armor.Header+"\n")
	if !found || !strings.HasSuffix(body, "\n"+armor.Footer+"\n") {
		t.Fatal("it is not armored")
	}
	key, err := age.NewScryptIdentity("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	key.SetMaxWorkFactor(18)
	r, err := age.Decrypt(armor.NewReader(bytes.NewReader(sealed)), key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("age reads %d bytes, %v; want the plain identity", len(got), err)
	}
}

// TestKeptKey: the key that a passphrase led to opens that file, and no other.
func TestKeptKey(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	seal := func(passphrase string) []byte {
		raw, err := marshal(f, []byte(passphrase), testWork)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	open := func(raw []byte, s Secret) (*File, Secret, error) {
		return parse(raw, func() (Secret, error) { return s, nil })
	}
	first, second := seal("right"), seal("right")
	got, kept, err := open(first, NewSecret([]byte("right"), nil))
	if err != nil || !sameFile(t, got, f) || len(kept.Key()) != 16 || string(kept.Passphrase()) != "right" {
		t.Fatalf("by its passphrase: %v, a key of %d bytes", err, len(kept.Key()))
	}
	alone := NewSecret(nil, kept.Key())
	if got, _, err := open(first, alone); err != nil || !sameFile(t, got, f) {
		t.Errorf("by the key alone: %v", err)
	}
	for name, s := range map[string]Secret{"of another seal": alone, "with a wrong passphrase": NewSecret([]byte("wrong"), kept.Key()),
		"too short": NewSecret(nil, kept.Key()[:15]), "too long": NewSecret(nil, append(kept.Key(), 0)), "none": {}} {
		if got, _, err := open(second, s); got != nil || bus.CodeOf(err) != "identity_locked" {
			t.Errorf("a key %s: %v", name, err)
		}
	}
	got, renewed, err := open(second, kept)
	if err != nil || !sameFile(t, got, f) || string(renewed.Key()) == string(kept.Key()) {
		t.Errorf("sealed anew, with the passphrase: %v", err)
	}
}
