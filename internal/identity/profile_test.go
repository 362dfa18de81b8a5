package identity

import (
	"bytes"
	"testing"

	"unibus/internal/bus"
)

func TestProfileKey(t *testing.T) {
	t.Parallel()
	k, secret := NewProfileKey(), []byte("epoch secret")
	sealed := k.Seal("epochs/7", secret)
	if len(sealed) != 24+len(secret)+16 || bytes.Equal(sealed, k.Seal("epochs/7", secret)) {
		t.Fatalf("sealed to %d bytes, or twice to the same", len(sealed))
	}
	if got, err := ProfileKeyFrom(k.Bytes()).Open("epochs/7", sealed); err != nil || !bytes.Equal(got, secret) {
		t.Fatalf("got %q, %v", got, err)
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := k.Open("epochs/7", changed); bus.CodeOf(err) != "bad_profile" {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	for name, f := range map[string]func() ([]byte, error){
		"moved":     func() ([]byte, error) { return k.Open("epochs/8", sealed) },
		"other key": func() ([]byte, error) { return NewProfileKey().Open("epochs/7", sealed) },
		"short":     func() ([]byte, error) { return k.Open("epochs/7", sealed[:23]) },
		"empty":     func() ([]byte, error) { return k.Open("epochs/7", nil) },
	} {
		if got, err := f(); got != nil || bus.KindOf(err) != bus.Integrity {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	if !(ProfileKey{}).IsZero() || k.IsZero() {
		t.Error("IsZero is wrong")
	}
}

// The hash of a word is the same for the same key alone, and pinned: what stands
// in profiles was made with it.
func TestWordHash(t *testing.T) {
	t.Parallel()
	k := ProfileKeyFrom([32]byte{1})
	hash := k.WordHash()
	if got := hash("green"); got != 0xf5cad6fc || got != k.WordHash()("green") {
		t.Errorf("green is %#x", got)
	}
	if hash("green") == hash("greens") || hash("green") == NewProfileKey().WordHash()("green") {
		t.Error("another word or key has the same hash")
	}
}
