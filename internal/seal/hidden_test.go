package seal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	raw := bytes.Repeat([]byte{0xA7}, 32)
	secret, err := SecretFrom(raw)
	if err != nil {
		t.Fatal(err)
	}
	blob, err := BlobKeyFrom(raw)
	if err != nil {
		t.Fatal(err)
	}
	ep := Epoch{Suite: bus.SuiteSealed, Secret: secret}
	sender := NewSender(ep, bus.EndpointID{}, identity.NewSigningKey())
	key := sender.key.Bytes()
	for name, v := range map[string]any{
		"secret": secret, "pointer": &secret, "blob key": blob, "epoch": ep, "sender": sender, "value": struct{ s Secret }{secret},
	} {
		for _, out := range printings(t, v) {
			for _, b := range [][]byte{raw, key} {
				if strings.Contains(out, hex.EncodeToString(b[:4])) || strings.Contains(out, fmt.Sprint(b[:4])[1:12]) {
					t.Errorf("%s prints its secret: %s", name, out)
				}
			}
		}
	}
}

// printings returns v in every form that ends up in logs and files.
func printings(t *testing.T, v any) []string {
	t.Helper()
	js, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
	out := []string{string(js), log.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		out = append(out, fmt.Sprintf(verb, v))
	}
	return out
}

func TestSecretSizes(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 16, 31, 33, 64} {
		if _, err := SecretFrom(make([]byte, n)); bus.CodeOf(err) != "bad_key" {
			t.Errorf("a secret of %d bytes: %v", n, err)
		}
		if _, err := BlobKeyFrom(make([]byte, n)); bus.CodeOf(err) != "bad_key" {
			t.Errorf("a blob key of %d bytes: %v", n, err)
		}
	}
	a, b := NewSecret(), NewSecret()
	if bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two new secrets are the same")
	}
	again, err := SecretFrom(a.Bytes())
	if err != nil || !bytes.Equal(again.Bytes(), a.Bytes()) {
		t.Errorf("a secret does not come back from its bytes: %v", err)
	}
	if !(Secret{}).IsZero() || a.IsZero() {
		t.Error("IsZero")
	}
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	s, other := NewSecret(), NewSecret()
	tag := s.Confirm([]byte("fields"))
	if !s.Confirmed([]byte("fields"), tag) {
		t.Error("a tag does not confirm what it was made of")
	}
	if s.Confirmed([]byte("other"), tag) || other.Confirmed([]byte("fields"), tag) {
		t.Error("a tag confirms other fields or another secret")
	}
	for bit := range len(tag) * 8 {
		bad := tag
		bad[bit/8] ^= 1 << (bit % 8)
		if s.Confirmed([]byte("fields"), bad) {
			t.Errorf("bit %d does not count", bit)
		}
	}
}

func wantErr(t *testing.T, what string, got error, want *bus.Error) {
	t.Helper()
	if !errors.Is(got, want) || bus.KindOf(got) != want.Kind {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
