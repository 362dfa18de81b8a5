package profile

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"unibus/internal/atomicfile"
	"unibus/internal/bus"
	"unibus/internal/identity"
)

// caPEM is one certificate for all tests: making one takes a while.
var caPEM = sync.OnceValue(func() []byte {
	ca, err := identity.NewCA("test", time.Now())
	if err != nil {
		panic(err)
	}
	return ca.CertificatePEM()
})

func testContext(name string) Context {
	return Context{Name: name, URL: "https://127.0.0.1:8443", NATS: "127.0.0.1:4222", CAPEM: caPEM(),
		Bus: bus.ID{1}, Org: identity.VerifyKey{2}, Handle: "alice"}
}

func testIdentity() *identity.File {
	return &identity.File{Account: bus.AccountID{1}, Name: "laptop", Content: identity.NewSigningKey(),
		Transport: identity.NewTransportKey(), ProfileKey: identity.NewProfileKey(),
		KEMs: []identity.KEMEntry{{Serial: 1, Key: identity.NewKEMKey(), Made: time.Unix(1, 0)}}}
}

// newHome makes a home with the context "work" and returns the key of its store.
func newHome(tb testing.TB) (Home, identity.ProfileKey) {
	tb.Helper()
	h, f := At(filepath.Join(tb.TempDir(), "home")), testIdentity()
	if err := h.Create(testContext("work"), f, nil); err != nil {
		tb.Fatal(err)
	}
	return h, f.ProfileKey
}

func openStore(tb testing.TB, h Home, key identity.ProfileKey) *Store {
	tb.Helper()
	s, err := h.Open(context.Background(), "work", key)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// newStore is a store on disk with a context of its own.
func newStore(tb testing.TB) *Store {
	tb.Helper()
	h, key := newHome(tb)
	return openStore(tb, h, key)
}

func wantCode(tb testing.TB, err error, kind bus.Kind, code string) {
	tb.Helper()
	if bus.KindOf(err) != kind || bus.CodeOf(err) != code {
		tb.Errorf("got %v (%d %s), want kind %d, code %s", err, bus.KindOf(err), bus.CodeOf(err), kind, code)
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// wantMode checks what others may do with a file.
func wantMode(tb testing.TB, path string, want os.FileMode) {
	tb.Helper()
	info, err := os.Stat(path)
	must(tb, err)
	if atomicfile.UnixModes && info.Mode().Perm() != want {
		tb.Errorf("%s has mode %o, want %o", filepath.Base(path), info.Mode().Perm(), want)
	}
}
