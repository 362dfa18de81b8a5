package identity

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"
)

// secretSeed has no byte twice, so that a part of it is found in any form.
func secretSeed() (seed [32]byte) {
	for i := range seed {
		seed[i] = byte(101 + 3*i)
	}
	return seed
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	seed := secretSeed()
	ca, err := NewCA("bus", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{
		SigningKeyFromSeed(seed), TransportKeyFromSeed(seed), KEMKeyFromSeed(seed),
		SeedFrom(seed), ProfileKeyFrom(seed), OneTime{Content: SigningKeyFromSeed(seed)}, ca,
		&File{Content: SigningKeyFromSeed(seed), ProfileKey: ProfileKeyFrom(seed), CA: &ca},
		NewSecret(seed[:], seed[:]),
		Link{Addr: "h:1", Kind: LinkInvite, Seed: seed},
	} {
		_, link := v.(Link) // whose String is the link: only dumps and logs hide
		for form, out := range dumps(t, v, !link) {
			leaks(t, fmt.Sprintf("%T as %s", v, form), out, seed)
			if bytes.Contains(out, []byte("PRIVATE KEY")) {
				t.Errorf("%T as %s holds a private key", v, form)
			}
		}
	}
}

// dumps returns v as the usual printers show it, alone and as an unexported
// field of another package's struct.
func dumps(t *testing.T, v any, verbs bool) map[string][]byte {
	t.Helper()
	out := map[string][]byte{"%#v": fmt.Appendf(nil, "%#v", v)}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
	out["slog"] = log.Bytes()
	if !verbs {
		return out
	}
	wrapped := struct{ v any }{v}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d"} {
		out[verb] = append(fmt.Appendf(nil, verb, v), fmt.Appendf(nil, verb, wrapped)...)
	}
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out["JSON"] = raw
	return out
}

// leaks looks for four bytes of the seed in any spelling.
func leaks(t *testing.T, what string, out []byte, seed [32]byte) {
	t.Helper()
	part := seed[8:12]
	decimal := strings.Trim(fmt.Sprint(part), "[]")
	golang := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", part), "[]byte{"), "}")
	for _, s := range []string{string(part), hex.EncodeToString(part), strings.ToUpper(hex.EncodeToString(part)),
		decimal, strings.ReplaceAll(decimal, " ", ","), golang, base64.StdEncoding.EncodeToString(seed[:])[12:16]} {
		if bytes.Contains(out, []byte(s)) {
			t.Errorf("%s holds the secret as %q", what, s)
		}
	}
}

// TestLeaksFindsThem keeps the test above honest.
func TestLeaksFindsThem(t *testing.T) {
	t.Parallel()
	seed := secretSeed()
	for _, out := range []string{fmt.Sprint(seed), fmt.Sprintf("%#v", seed), fmt.Sprintf("%x", seed), fmt.Sprintf("%X", seed),
		fmt.Sprintf("%s", seed), base64.StdEncoding.EncodeToString(seed[:])} {
		inner := &testing.T{}
		if leaks(inner, "", []byte(out), seed); !inner.Failed() {
			t.Errorf("not found in %q", out)
		}
	}
}

func TestSecretsDoNotCompare(t *testing.T) {
	t.Parallel()
	for _, v := range []any{SigningKey{}, TransportKey{}, KEMKey{}, Seed{}, ProfileKey{}, CA{}, OneTime{}, File{}} {
		if reflect.TypeOf(v).Comparable() {
			t.Errorf("%T compares with ==", v)
		}
	}
}
