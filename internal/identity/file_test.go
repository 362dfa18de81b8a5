package identity

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"filippo.io/age/armor"

	"unibus/internal/bus"
)

// testWork keeps scrypt fast; what is sealed so opens with the product's code.
const testWork = 10

func newFile(t testing.TB) *File {
	t.Helper()
	ca, seed, next, org := newCAForTest(t), NewSeed(), NewSeed(), NewSigningKey()
	return &File{
		Bus: bus.ID{1}, Handle: "alice", Account: AccountIDOf(seed.Account().Public()), Name: "laptop",
		Content: NewSigningKey(), Transport: NewTransportKey(), ProfileKey: NewProfileKey(),
		KEMs: []KEMEntry{{Serial: 1, Key: NewKEMKey(), Made: time.Now()}, {Serial: 4, Key: NewKEMKey(), Made: time.Now()}},
		Seed: &seed, Next: &next, Org: &org, NextOrg: &org, CA: &ca,
		Context: &ContextInfo{Name: "local", URL: "https://127.0.0.1:8443", NATS: "127.0.0.1:4222",
			CAPEM: ca.CertificatePEM(), Org: org.Public()},
	}
}

// sameFile compares what two files hold, by what they write.
func sameFile(t testing.TB, a, b *File) bool {
	t.Helper()
	rawA, err := Marshal(a, nil)
	if err != nil {
		t.Fatal(err)
	}
	rawB, err := Marshal(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(rawA, rawB) && a.Endpoint() == b.Endpoint()
}

func asked(s string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(s), nil }
}

func TestFileRoundTrip(t *testing.T) {
	t.Parallel()
	full, bare := newFile(t), newFile(t)
	bare.Bus, bare.Handle, bare.Name = bus.ID{}, "", ""
	bare.Seed, bare.Org, bare.CA, bare.Context = nil, nil, nil, nil
	for name, f := range map[string]*File{"full": full, "bare": bare} {
		for _, passphrase := range [][]byte{nil, []byte("correct horse")} {
			raw, err := marshal(f, passphrase, testWork)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Parse(raw, asked("correct horse"))
			if err != nil || !sameFile(t, got, f) {
				t.Errorf("%s, passphrase %q: %v", name, passphrase, err)
			}
			if (passphrase == nil) != bytes.HasPrefix(raw, []byte("{")) {
				t.Errorf("%s, passphrase %q: wrong form", name, passphrase)
			}
		}
	}
	raw, err := Marshal(full, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Seed.Bytes() != full.Seed.Bytes() || got.Org.Public() != full.Org.Public() || got.CA.Hash() != full.CA.Hash() ||
		got.ProfileKey.Bytes() != full.ProfileKey.Bytes() || got.KEMs[1].Key.Seed() != full.KEMs[1].Key.Seed() ||
		!got.KEMs[1].Made.Equal(full.KEMs[1].Made) || got.Context.URL != full.Context.URL {
		t.Error("something did not come back")
	}
}

func TestPassphrase(t *testing.T) {
	t.Parallel()
	sealed, err := marshal(newFile(t), []byte("right"), testWork)
	if err != nil {
		t.Fatal(err)
	}
	costly := hostileWork(t, sealed)
	noTerminal := errors.New("no terminal")
	for _, c := range []struct {
		name string
		raw  []byte
		ask  func() ([]byte, error)
		code string
		kind bus.Kind
	}{
		{"nobody to ask", sealed, nil, "identity_locked", bus.Unauthenticated},
		{"wrong", sealed, asked("wrong"), "identity_locked", bus.Unauthenticated},
		{"empty", sealed, asked(""), "identity_locked", bus.Unauthenticated},
		{"damaged at the end", damage(sealed, len(sealed)-60), asked("right"), "identity_bad", bus.Integrity},
		{"cut", sealed[:len(sealed)/2], asked("right"), "identity_bad", bus.Integrity},
		{"hostile work factor", costly, asked("right"), "identity_bad", bus.Integrity},
	} {
		f, err := Parse(c.raw, c.ask)
		if f != nil || bus.CodeOf(err) != c.code || bus.KindOf(err) != c.kind {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
	if _, err := Parse(sealed, func() ([]byte, error) { return nil, noTerminal }); !errors.Is(err, noTerminal) {
		t.Errorf("the reason why nobody was asked is lost: %v", err)
	}
	if raw, err := Marshal(newFile(t), []byte{}); raw != nil || bus.CodeOf(err) != "no_passphrase" {
		t.Errorf("an empty passphrase: %v", err)
	}
}

// hostileWork claims a work factor that would take a tebibyte of memory.
func hostileWork(t *testing.T, sealed []byte) []byte {
	t.Helper()
	raw, err := io.ReadAll(armor.NewReader(bytes.NewReader(sealed)))
	if err != nil {
		t.Fatal(err)
	}
	hostile := regexp.MustCompile(`(?m)^(-> scrypt \S+) 10$`).ReplaceAll(raw, []byte("$1 30"))
	if bytes.Equal(hostile, raw) {
		t.Fatal("no work factor found")
	}
	var out bytes.Buffer
	w := armor.NewWriter(&out)
	if _, err := w.Write(hostile); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// damage changes one character of the armour to another of its alphabet.
func damage(b []byte, i int) []byte {
	b = bytes.Clone(b)
	if b[i]++; b[i] > 'z' || b[i] == '\n'+1 {
		b[i] = 'a'
	}
	return b
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	raw, err := Marshal(newFile(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	good := string(raw)
	for name, s := range map[string]string{
		"empty":            "",
		"junk":             "hello",
		"null":             "null",
		"empty object":     "{}",
		"a list":           "[]",
		"cut":              good[:len(good)-10],
		"something behind": good + "{}",
		"later version":    strings.Replace(good, `"unibus_identity": 1`, `"unibus_identity": 2`, 1),
		"unknown field":    strings.Replace(good, `"handle"`, `"sign_key"`, 1),
		"no content key":   strings.Replace(good, `"content": "`, `"content": "", "name": "`, 1),
		"short key":        strings.Replace(good, `"transport": "`, `"transport": "QUJD", "name": "`, 1),
		"bad handle":       strings.Replace(good, `"alice"`, `"Alice!"`, 1),
		"at in the handle": strings.Replace(good, `"alice"`, `"@alice"`, 1),
		"bad id":           strings.Replace(good, `"account": "`, `"account": "x`, 1),
		"serials fall":     strings.Replace(good, `"serial": 4`, `"serial": 1`, 1),
		"negative serial":  strings.Replace(good, `"serial": 4`, `"serial": -1`, 1),
		"long name":        strings.Replace(good, `"laptop"`, `"`+strings.Repeat("x", 65)+`"`, 1),
		"damaged CA":       strings.Replace(good, "BEGIN CERTIFICATE", "BEGIN CERTIFICATION", 1),
		"empty seed":       strings.Replace(good, `"seed": "`, `"seed": "","made":"2026-01-01T00:00:00Z","x":"`, 1),
		"too large":        good + strings.Repeat(" ", maxFile),
	} {
		if s == good {
			t.Fatalf("%s: the test changes nothing", name)
		}
		if f, err := Parse([]byte(s), nil); f != nil || bus.CodeOf(err) != "identity_bad" || bus.KindOf(err) != bus.Integrity {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestMarshalRefuses: nothing is written that could not be read again.
func TestMarshalRefuses(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*File){
		"no content key":     func(f *File) { f.Content = SigningKey{} },
		"no transport key":   func(f *File) { f.Transport = TransportKey{} },
		"no profile key":     func(f *File) { f.ProfileKey = ProfileKey{} },
		"no account":         func(f *File) { f.Account = bus.AccountID{} },
		"no kem key":         func(f *File) { f.KEMs = nil },
		"empty kem key":      func(f *File) { f.KEMs[0].Key = KEMKey{} },
		"serials fall":       func(f *File) { f.KEMs[0].Serial = 5 },
		"one key for two":    func(f *File) { f.Transport = TransportKeyFromSeed(f.Content.Seed()) },
		"empty seed":         func(f *File) { f.Seed = &Seed{} },
		"empty next seed":    func(f *File) { f.Next = &Seed{} },
		"empty O":            func(f *File) { f.Org = &SigningKey{} },
		"empty CA":           func(f *File) { f.CA = &CA{} },
		"handle":             func(f *File) { f.Handle = "Bob" },
		"name":               func(f *File) { f.Name = "\xff" },
		"context without CA": func(f *File) { f.Context.CAPEM = nil },
	} {
		f := newFile(t)
		spoil(f)
		if raw, err := Marshal(f, nil); raw != nil || bus.CodeOf(err) != "identity_bad" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	raw, err := Marshal(newFile(f), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"unibus_identity":1,"kems":[{}]}`))
	f.Add([]byte("-----BEGIN AGE ENCRYPTED FILE-----\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		id, err := Parse(raw, nil)
		if err != nil {
			return
		}
		again, err := Marshal(id, nil)
		if err != nil {
			t.Fatalf("read, but cannot be written: %v", err)
		}
		if _, err := Parse(again, nil); err != nil {
			t.Fatalf("written, but cannot be read: %v", err)
		}
	})
}
