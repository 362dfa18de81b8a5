package identity

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"unibus/internal/bus"
)

func TestKeyLineRoundTrip(t *testing.T) {
	t.Parallel()
	c, tr, seed, kem := NewSigningKey(), NewTransportKey(), NewSeed(), NewKEMKey().Public()
	recovery := seed.Recovery().Public()
	for _, k := range []struct {
		kem, recovery *KEMPublic
		length        int
	}{{nil, nil, 314}, {&kem, nil, 1935}, {nil, &recovery, 1935}, {&kem, &recovery, 3557}} {
		line := NewKeyLine(c, tr.Public(), seed.Account(), k.kem, k.recovery)
		if len(line) != k.length {
			t.Errorf("%d characters, want %d", len(line), k.length)
		}
		got, err := ParseKeyLine(line)
		if err != nil {
			t.Fatal(err)
		}
		if got.Content != c.Public() || got.Transport != tr.Public() || got.Account != seed.Account().Public() ||
			!same(got.KEM, k.kem) || !same(got.Recovery, k.recovery) {
			t.Errorf("other keys came back")
		}
	}
}

func same(a, b *KEMPublic) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

func TestParseKeyLineRefuses(t *testing.T) {
	t.Parallel()
	c, tr, a, kem := NewSigningKey(), NewTransportKey(), NewSigningKey(), NewKEMKey().Public()
	good := NewKeyLine(c, tr.Public(), a, &kem, nil)
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(good, keyLineScheme))
	if err != nil {
		t.Fatal(err)
	}
	line := func(b []byte) string { return keyLineScheme + base64.RawURLEncoding.EncodeToString(b) }
	// signed makes a line whose signatures hold although its bytes do not.
	signed := func(b []byte) string {
		b = bytes.Clone(b)
		sc, sa := c.Sign(ContextKeyLine, b), a.Sign(ContextKeyLine, b)
		return line(append(append(b, sc...), sa...))
	}
	body := raw[:len(raw)-keyLineSigs]
	with := func(i int, v byte) []byte { b := bytes.Clone(body); b[i] = v; return b }
	badKEM := bytes.Clone(body)
	clear(badKEM[len(badKEM)-32:])
	swapped := append(bytes.Clone(body), raw[len(raw)-64:]...)
	swapped = append(swapped, raw[len(raw)-128:len(raw)-64]...)
	other := NewSigningKey()
	for name, s := range map[string]struct {
		line string
		kind bus.Kind
	}{
		"empty":                   {"", bus.Invalid},
		"scheme alone":            {keyLineScheme, bus.Invalid},
		"other scheme":            {"age1" + good, bus.Invalid},
		"newline behind":          {good + "\n", bus.Invalid},
		"newline inside":          {good[:50] + "\n" + good[50:], bus.Invalid},
		"padded":                  {good + "=", bus.Invalid},
		"cut":                     {good[:len(good)-4], bus.Invalid},
		"too long":                {keyLineScheme + strings.Repeat("A", 4000), bus.Invalid},
		"version 2":               {signed(with(0, 2)), bus.Invalid},
		"algorithm 2":             {signed(with(1, 2)), bus.Invalid},
		"unknown flag":            {signed(with(2, 4|flagKEM)), bus.Invalid},
		"missing recovery key":    {signed(with(2, flagKEM|flagRecovery)), bus.Invalid},
		"bytes behind the keys":   {signed(append(bytes.Clone(body), 0)), bus.Invalid},
		"kem key of small order":  {signed(badKEM), bus.Invalid},
		"one key for C and A":     {NewKeyLine(c, tr.Public(), c, nil, nil), bus.Invalid},
		"one key for C and T":     {NewKeyLine(c, TransportID(c.Public()), a, nil, nil), bus.Invalid},
		"one key for T and A":     {NewKeyLine(c, TransportID(a.Public()), a, nil, nil), bus.Invalid},
		"T of small order":        {NewKeyLine(c, TransportID{1}, a, nil, nil), bus.Invalid},
		"other C":                 {line(replaced(raw, 3, other.Public())), bus.Integrity},
		"other T":                 {line(replaced(raw, 35, VerifyKey(NewTransportKey().Public()))), bus.Integrity},
		"other A":                 {line(replaced(raw, 67, other.Public())), bus.Integrity},
		"signatures swapped":      {line(swapped), bus.Integrity},
		"signed in other context": {line(signedAs(body, ContextAccount, c, a)), bus.Integrity},
	} {
		if k, err := ParseKeyLine(s.line); bus.KindOf(err) != s.kind ||
			bus.CodeOf(err) != map[bus.Kind]string{bus.Invalid: "bad_key_line", bus.Integrity: "forged_key_line"}[s.kind] {
			t.Errorf("%s: got %v, %v", name, k.Content, err)
		}
	}
}

func replaced(raw []byte, at int, key VerifyKey) []byte {
	b := bytes.Clone(raw)
	copy(b[at:], key[:])
	return b
}

func signedAs(body []byte, ctx Context, c, a SigningKey) []byte {
	sc, sa := c.Sign(ctx, body), a.Sign(ctx, body)
	return append(append(bytes.Clone(body), sc...), sa...)
}

func FuzzParseKeyLine(f *testing.F) {
	c, tr, a, kem := NewSigningKey(), NewTransportKey(), NewSigningKey(), NewKEMKey().Public()
	f.Add(NewKeyLine(c, tr.Public(), a, nil, nil))
	f.Add(NewKeyLine(c, tr.Public(), a, &kem, &kem))
	f.Fuzz(func(t *testing.T, s string) {
		k, err := ParseKeyLine(s)
		if err == nil && (!k.distinct() || len(s) < 314) {
			t.Fatalf("%q is read", s)
		}
	})
}
