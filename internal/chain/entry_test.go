package chain_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/identity"
)

// key makes the signing key number n.
func key(n byte) identity.SigningKey { return identity.SigningKeyFromSeed([32]byte{n}) }

// sample is an entry with every field set.
func sample() *chain.Entry {
	e := &chain.Entry{
		Bus: bus.ID{1}, Chain: chain.ID{2}, Index: 3, Prev: bus.Hash{4},
		Time: time.UnixMilli(1767225600123).UTC(), Seen: bus.Ref{Index: 5, Hash: bus.Prefix{6}},
		Account: bus.AccountID{7}, Actor: bus.EndpointID{8}, Op: 9, Body: []byte("body"),
	}
	return e.Sign(identity.ContextRoom, key(1), key(2))
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	want := sample()
	got, err := chain.Parse(want.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got.Hash() != want.Hash() || got.Head() != (bus.Head{Index: 3, Hash: want.Hash()}) {
		t.Error("the hash changed on the way")
	}
}

// TestLayout holds the bytes to the documented layout.
func TestLayout(t *testing.T) {
	t.Parallel()
	e := sample()
	raw := e.Encode()
	at := 0
	for _, f := range []struct {
		name string
		want []byte
	}{
		{"version, algorithm", []byte{1, 1}},
		{"bus", e.Bus[:]},
		{"chain", e.Chain[:]},
		{"index", []byte{0, 0, 0, 3}},
		{"prev", e.Prev[:]},
		{"time", []byte{0, 0, 0x01, 0x9b, 0x76, 0xda, 0xa8, 0x7b}},
		{"seen index", []byte{0, 0, 0, 5}},
		{"seen hash", e.Seen.Hash[:]},
		{"account", e.Account[:]},
		{"actor", e.Actor[:]},
		{"op", []byte{9}},
		{"body", append([]byte{0, 0, 4}, e.Body...)},
		{"signatures", slices.Concat([]byte{2}, e.Sigs[0], e.Sigs[1])},
	} {
		if got := raw[at:min(at+len(f.want), len(raw))]; !bytes.Equal(got, f.want) {
			t.Errorf("%s at %d: got %x, want %x", f.name, at, got, f.want)
		}
		at += len(f.want)
	}
	if at != len(raw) {
		t.Errorf("%d bytes, want %d", len(raw), at)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	good := sample().Encode()
	count := len(good) - 2*identity.SignatureSize - 1
	with := func(at int, b ...byte) []byte { return slices.Replace(slices.Clone(good), at, at+len(b), b...) }
	for name, raw := range map[string][]byte{
		"nothing":                 nil,
		"a trailing byte":         append(slices.Clone(good), 0),
		"another version":         with(0, 2),
		"another algorithm":       with(1, 2),
		"no signature":            append(slices.Clone(good[:count]), 0),
		"a signature too few":     with(count, 3),
		"a signature too many":    with(count, 1),
		"four signatures":         slices.Concat(with(count, 4), good[count+1:]),
		"a time after year 9999":  with(70, 0, 0, 0xe6, 0x77, 0xd2, 0x1f, 0xdc, 0x00),
		"a time below zero":       with(70, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		"a body beyond the end":   with(131, 0xff, 0xff, 0xff),
		"more than the size cap":  make([]byte, bus.MaxEntry+1),
		"a JSON document instead": []byte(`{"version":1}`),
	} {
		if _, err := chain.Parse(raw); !errors.Is(err, chain.ErrEntry) {
			t.Errorf("%s: got %v, want bad_entry", name, err)
		}
	}
	last := with(70, 0, 0, 0xe6, 0x77, 0xd2, 0x1f, 0xdb, 0xff)
	if e, err := chain.Parse(last); err != nil || e.Time.Year() != 9999 {
		t.Errorf("the last time of all: %v", err)
	}
	for n := range good {
		if _, err := chain.Parse(good[:n]); err == nil {
			t.Fatalf("an entry cut to %d bytes was read", n)
		}
	}
}

func TestSignedBy(t *testing.T) {
	t.Parallel()
	a, b, c := key(1), key(2), key(3)
	pa, pb, pc := a.Public(), b.Public(), c.Public()
	e := sample()
	for _, tc := range []struct {
		name string
		ctx  identity.Context
		keys []identity.VerifyKey
		want bool
	}{
		{"both, in order", identity.ContextRoom, []identity.VerifyKey{pa, pb}, true},
		{"the other order", identity.ContextRoom, []identity.VerifyKey{pb, pa}, false},
		{"one key for two signatures", identity.ContextRoom, []identity.VerifyKey{pa}, false},
		{"three keys for two signatures", identity.ContextRoom, []identity.VerifyKey{pa, pb, pc}, false},
		{"a wrong key", identity.ContextRoom, []identity.VerifyKey{pa, pc}, false},
		{"one key twice", identity.ContextRoom, []identity.VerifyKey{pa, pa}, false},
		{"no key", identity.ContextRoom, nil, false},
		{"the zero key", identity.ContextRoom, []identity.VerifyKey{pa, {}}, false},
		{"the context of the bus log", identity.ContextBus, []identity.VerifyKey{pa, pb}, false},
		{"the context of an account chain", identity.ContextAccount, []identity.VerifyKey{pa, pb}, false},
		{"the context of frames", identity.ContextFrame, []identity.VerifyKey{pa, pb}, false},
	} {
		if got := e.SignedBy(tc.ctx, tc.keys...); got != tc.want {
			t.Errorf("%s: got %v, want %v", tc.name, got, tc.want)
		}
	}
}

// TestSignatureCoversAll changes every byte before the signatures.
func TestSignatureCoversAll(t *testing.T) {
	t.Parallel()
	good := sample()
	raw := good.Encode()
	for i := range len(good.Message()) {
		changed := slices.Clone(raw)
		changed[i] ^= 1
		e, err := chain.Parse(changed)
		if err != nil {
			continue
		}
		if e.Hash() == good.Hash() || e.SignedBy(identity.ContextRoom, key(1).Public(), key(2).Public()) {
			t.Fatalf("byte %d can be changed", i)
		}
	}
}

func TestSignReplaces(t *testing.T) {
	t.Parallel()
	e := sample().Sign(identity.ContextBus, key(3))
	if len(e.Sigs) != 1 || !e.SignedBy(identity.ContextBus, key(3).Public()) {
		t.Error("an entry that was signed again carries old signatures")
	}
}

// TestVerified spares the arithmetic, not the number of signatures.
func TestVerified(t *testing.T) {
	t.Parallel()
	a, b, none := key(1).Public(), key(2).Public(), identity.KEMPublic{}
	e := sample()
	e.Sigs[0][0] ^= 1
	if e.SignedBy(identity.ContextRoom, a, b) || e.CheckKEM(&none) == nil {
		t.Error("a fresh entry passed without a check")
	}
	e.Verified()
	if !e.SignedBy(identity.ContextRoom, a, b) || e.CheckKEM(&none) != nil {
		t.Error("a verified entry was checked again")
	}
	if e.SignedBy(identity.ContextRoom, a) {
		t.Error("a verified entry passed with a signature too many")
	}
	again, err := chain.Parse(e.Encode())
	if err != nil || again.SignedBy(identity.ContextRoom, a, b) {
		t.Error("an entry stays verified across its bytes")
	}
}

func TestCheckKEM(t *testing.T) {
	t.Parallel()
	e, good := sample(), identity.KEMKeyFromSeed([32]byte{1}).Public()
	if err := e.CheckKEM(&good); err != nil {
		t.Errorf("a good key: %v", err)
	}
	low := good
	clear(low[len(low)-32:])
	for name, k := range map[string]*identity.KEMPublic{"zero": {}, "a point of small order": &low} {
		if err := e.CheckKEM(k); bus.CodeOf(err) != "bad_key" {
			t.Errorf("%s: got %v, want bad_key", name, err)
		}
	}
}

func TestTimely(t *testing.T) {
	t.Parallel()
	e := sample()
	for off, want := range map[time.Duration]string{
		0: "failed", bus.ChainSkew: "failed", -bus.ChainSkew: "failed",
		bus.ChainSkew + time.Millisecond: "bad_time", -bus.ChainSkew - time.Millisecond: "bad_time",
		1 << 62: "bad_time", -1 << 62: "bad_time",
	} {
		if err := e.Timely(e.Time.Add(off)); bus.CodeOf(err) != want {
			t.Errorf("a clock %v off: got %v, want %s", off, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample().Encode())
	f.Add(sample().Sign(identity.ContextBus, key(1)).Encode())
	f.Add([]byte{1, 1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := chain.Parse(raw)
		if err != nil {
			return
		}
		if again := e.Encode(); !bytes.Equal(again, raw) {
			t.Errorf("encodes to %x, was %x", again, raw)
		}
	})
}
