package signing

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"unibus/internal/bus"
)

// No byte of the headers may be another one, missing, or doubled.
func TestEveryByteCounts(t *testing.T) {
	t.Parallel()
	r := post()
	good := mustSign(t, r)
	fields := map[string]func(*Headers) *string{
		SignatureInputHeader: func(h *Headers) *string { return &h.SignatureInput },
		SignatureHeader:      func(h *Headers) *string { return &h.Signature },
		ContentDigestHeader:  func(h *Headers) *string { return &h.ContentDigest },
	}
	for name, field := range fields {
		value := *field(&good)
		for i := range value {
			for _, changed := range []string{
				value[:i] + string(value[i]^1) + value[i+1:],
				value[:i] + string(value[i]^0x20) + value[i+1:],
				value[:i] + value[i+1:],
				value[:i] + value[i:i+1] + value[i:],
				value[:i] + " " + value[i:],
			} {
				h := good
				if *field(&h) = changed; changed != value && check(r, h) == nil {
					t.Errorf("%s passes as %q", name, changed)
				}
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	key := KeyID{testBus, testKey.Public()}.String()
	components := `("@method" "@authority" "@path" "@query" "content-digest")`
	nonce := `;nonce="AAECAwQFBgcICQoLDA0ODw"`
	rest := `;keyid="` + key + `";alg="ed25519";tag="unibus-1"`
	inputs := map[string]string{
		"empty":                 " ",
		"no structured field":   `unibus=(`,
		"a token":               `unibus=abc`,
		"no value":              `unibus`,
		"another label":         `sig1=` + components + `;created=1760000000` + nonce + rest,
		"a second label":        `unibus=` + components + `;created=1760000000` + nonce + rest + `, sig1=();created=1`,
		"a label before":        `sig1=(), unibus=` + components + `;created=1760000000` + nonce + rest,
		"label twice":           `unibus=(), unibus=` + components + `;created=1760000000` + nonce + rest,
		"unknown parameter":     `unibus=` + components + `;created=1760000000` + nonce + rest + `;expires=1760000030`,
		"parameter twice":       `unibus=` + components + `;created=1;created=1760000000` + nonce + rest,
		"other order":           `unibus=` + components + nonce + `;created=1760000000` + rest,
		"no created":            `unibus=` + components + nonce + rest,
		"created is text":       `unibus=` + components + `;created="1760000000"` + nonce + rest,
		"created is decimal":    `unibus=` + components + `;created=1760000000.0` + nonce + rest,
		"created in exponent":   `unibus=` + components + `;created=1e9` + nonce + rest,
		"created with zero":     `unibus=` + components + `;created=01760000000` + nonce + rest,
		"created is a date":     `unibus=` + components + `;created=@1760000000` + nonce + rest,
		"created of 2^63":       `unibus=` + components + `;created=9223372036854775808` + nonce + rest,
		"created spaced":        `unibus=` + components + `;created= 1760000000` + nonce + rest,
		"space after semicolon": `unibus=` + components + `; created=1760000000` + nonce + rest,
		"no nonce":              `unibus=` + components + `;created=1760000000` + rest,
		"empty nonce":           `unibus=` + components + `;created=1760000000;nonce=""` + rest,
		"padded nonce":          `unibus=` + components + `;created=1760000000;nonce="AAECAwQFBgcICQoLDA0ODw=="` + rest,
		"nonce is a token":      `unibus=` + components + `;created=1760000000;nonce=AAECAwQFBgcICQoLDA0ODw` + rest,
		"nonce of a megabyte":   `unibus=` + components + `;created=1760000000;nonce="` + strings.Repeat("A", 1<<20) + `"` + rest,
		"no keyid":              `unibus=` + components + `;created=1760000000` + nonce + `;alg="ed25519";tag="unibus-1"`,
		"keyid without bus":     `unibus=` + components + `;created=1760000000` + nonce + strings.Replace(rest, testBus.String()+":", "", 1),
		"keyid in upper case":   `unibus=` + components + `;created=1760000000` + nonce + strings.Replace(rest, testKey.Public().String(), strings.ToUpper(testKey.Public().String()), 1),
		"other algorithm":       `unibus=` + components + `;created=1760000000` + nonce + strings.Replace(rest, "ed25519", "hmac-sha256", 1),
		"no algorithm":          `unibus=` + components + `;created=1760000000` + nonce + strings.Replace(rest, `;alg="ed25519"`, "", 1),
		"other tag":             `unibus=` + components + `;created=1760000000` + nonce + strings.Replace(rest, "unibus-1", "unibus-2", 1),
		"fewer components":      `unibus=("@method" "@path" "@query" "content-digest");created=1760000000` + nonce + rest,
		"no components":         `unibus=();created=1760000000` + nonce + rest,
		"more components":       `unibus=("@method" "@authority" "@path" "@query" "content-digest" "date");created=1760000000` + nonce + rest,
		"without digest":        `unibus=("@method" "@authority" "@path" "@query");created=1760000000` + nonce + rest,
		"component parameter":   `unibus=("@method" "@authority" "@path" "@query" "content-digest";req);created=1760000000` + nonce + rest,
	}
	for name, input := range inputs {
		h := mustSign(t, post())
		h.SignatureInput = input
		if err := check(post(), h); bus.KindOf(err) != bus.Invalid {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
	}
}

func TestParseRefusesHeaders(t *testing.T) {
	t.Parallel()
	signed := mustSign(t, post())
	raw, _ := base64.StdEncoding.DecodeString(strings.Trim(strings.TrimPrefix(signed.Signature, "unibus="), ":"))
	signatures := []string{
		"", "unibus", "unibus=::", "unibus=:AAAA:", signed.Signature + ", sig1=:AAAA:", "sig1" + signed.Signature[6:],
		strings.TrimSuffix(signed.Signature, ":"), signed.Signature + ";a=1", namedBytes(label, append(raw, 0)),
		"unibus=:" + base64.RawStdEncoding.EncodeToString(raw) + ":", "unibus=:" + base64.URLEncoding.EncodeToString(append([]byte{0xff, 0xff}, raw[2:]...)) + ":",
	}
	for _, signature := range signatures {
		h := signed
		h.Signature = signature
		if err := check(post(), h); bus.KindOf(err) != bus.Invalid {
			t.Errorf("signature %q: got %v, want Invalid", signature, err)
		}
	}
	digests := []string{
		"", "sha-256", "sha-256=::", "sha-512=" + signed.ContentDigest[8:], "SHA-256=" + signed.ContentDigest[8:],
		signed.ContentDigest + ", sha-512=:AAAA:", signed.ContentDigest + "," + signed.ContentDigest, signed.ContentDigest + ";a",
		strings.Replace(signed.ContentDigest, "=:", ":", 1), "sha-256=:" + strings.Repeat("A", 43) + "=:", "sha-256=:" + strings.Repeat("A", 64) + ":",
	}
	for _, digest := range digests {
		h := signed
		h.ContentDigest = digest
		if err := check(post(), h); bus.KindOf(err) != bus.Invalid {
			t.Errorf("digest %q: got %v, want Invalid", digest, err)
		}
	}
	h := mustSign(t, get())
	h.ContentDigest = signed.ContentDigest
	if err := check(get(), h); bus.KindOf(err) != bus.Invalid {
		t.Errorf("a GET with a digest: got %v, want Invalid", err)
	}
}

func TestParseRefusesTarget(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"https://bus.example/rooms", "/rooms/../x", "/rooms//x", "/%72ooms", "/a%2Fb", "/rooms#x", "/x?a=1&a=2", "/%zz"} {
		r := get()
		h := mustSign(t, r)
		r.Target = target
		if err := check(r, h); bus.KindOf(err) != bus.Invalid || bus.CodeOf(err) != "bad_target" {
			t.Errorf("%s: got %v, want Invalid", target, err)
		}
	}
}

func TestUnsigned(t *testing.T) {
	t.Parallel()
	err := check(get(), Headers{ContentDigest: "sha-256=:x:"})
	if !errors.Is(err, ErrUnsigned) || bus.KindOf(err) != bus.Unauthenticated {
		t.Errorf("got %v, want %v", err, ErrUnsigned)
	}
	h := mustSign(t, get())
	for _, half := range []Headers{{SignatureInput: h.SignatureInput}, {Signature: h.Signature}} {
		if err := check(get(), half); bus.KindOf(err) != bus.Invalid {
			t.Errorf("half a signature: got %v, want Invalid", err)
		}
	}
}

func TestForBus(t *testing.T) {
	t.Parallel()
	s, err := Parse("GET", get().Authority, get().Target, mustSign(t, get()))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ForBus(bus.ID{8}); !errors.Is(err, ErrWrongBus) {
		t.Errorf("got %v, want %v", err, ErrWrongBus)
	}
}

func TestReadHeaders(t *testing.T) {
	t.Parallel()
	all := map[string][]string{SignatureInputHeader: {"a"}, SignatureHeader: {"b"}}
	values := func(name string) []string { return all[name] }
	if got, err := ReadHeaders(values); err != nil || got != (Headers{SignatureInput: "a", Signature: "b"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	for name := range map[string]bool{SignatureInputHeader: true, SignatureHeader: true, ContentDigestHeader: true} {
		double := func(n string) []string {
			if n == name {
				return []string{"x", "x"}
			}
			return nil
		}
		if _, err := ReadHeaders(double); bus.KindOf(err) != bus.Invalid {
			t.Errorf("%s twice: got %v, want Invalid", name, err)
		}
	}
}

// FuzzParse: whatever is accepted is what CanonicalRequest writes, and nobody
// finds a signature by accident.
func FuzzParse(f *testing.F) {
	for _, r := range []Request{get(), post()} {
		h := mustSign(f, r)
		f.Add(r.Method, r.Authority, r.Target, h.SignatureInput, h.Signature, h.ContentDigest)
		f.Add(r.Method, r.Authority, r.Target, h.SignatureInput+",a", h.Signature, h.ContentDigest)
	}
	known := map[string]bool{}
	for _, r := range []Request{get(), post()} {
		known[fmt.Sprint(r.Method, "bus.example:8443", r.Target, mustSign(f, r))] = true
	}
	f.Fuzz(func(t *testing.T, method, authority, target, input, signature, digest string) {
		h := Headers{SignatureInput: input, Signature: signature, ContentDigest: digest}
		s, err := Parse(method, authority, target, h)
		if err != nil {
			if k := bus.KindOf(err); k != bus.Invalid && k != bus.Unauthenticated {
				t.Errorf("kind %d for %v", k, err)
			}
			return
		}
		_, again, err := CanonicalRequest(s.Request)
		if err != nil || again != input {
			t.Errorf("accepted %q, writes %q, %v", input, again, err)
		}
		authority, _ = Authority(authority)
		if s.Key.Signer == testKey.Public() && s.Verify() == nil && !known[fmt.Sprint(method, authority, target, h)] {
			t.Errorf("verified a request that was never signed: %s %s", method, target)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	r := post()
	h := mustSign(b, r)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(r.Method, r.Authority, r.Target, h); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseVerify(b *testing.B) {
	r := post()
	h := mustSign(b, r)
	b.ReportAllocs()
	for b.Loop() {
		if err := check(r, h); err != nil {
			b.Fatal(err)
		}
	}
}
