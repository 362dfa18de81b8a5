package profile

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

func TestContextLife(t *testing.T) {
	t.Parallel()
	h := At(filepath.Join(t.TempDir(), "a", "home"))
	if list, err := h.Contexts(); err != nil || len(list) != 0 {
		t.Fatalf("a home that is not there: %v, %v", list, err)
	}
	_, err := h.Current()
	wantCode(t, err, bus.NotFound, "no_context")
	_, err = h.Context("work")
	wantCode(t, err, bus.NotFound, "no_context")
	wantCode(t, h.Use("work"), bus.NotFound, "no_context")
	wantCode(t, h.Remove("work"), bus.NotFound, "no_context")
	wantCode(t, h.Save(testContext("work")), bus.NotFound, "no_context")
	_, err = h.Open(context.Background(), "work", identity.NewProfileKey())
	wantCode(t, err, bus.NotFound, "no_context")

	work, home := testContext("work"), testContext("home")
	f := testIdentity()
	must(t, h.Create(work, f, nil))
	must(t, h.Create(home, testIdentity(), nil))
	wantCode(t, h.Create(work, testIdentity(), nil), bus.Conflict, "context_exists")
	if list, err := h.Contexts(); err != nil || !reflect.DeepEqual(list, []Context{home, work}) {
		t.Fatalf("got %v, %v", list, err)
	}
	if got, err := identity.Load(h.IdentityPath("work"), nil); err != nil || got.Endpoint() != f.Endpoint() {
		t.Fatalf("the identity is not the one that was created: %v", err)
	}

	must(t, h.Use("work"))
	if name, err := h.Current(); err != nil || name != "work" {
		t.Fatalf("current is %q, %v", name, err)
	}
	work.Handle, work.NATS = "bob", "[::1]:4222"
	must(t, h.Save(work))
	if got, err := h.Context("work"); err != nil || !reflect.DeepEqual(got, work) {
		t.Fatalf("got %v, %v", got, err)
	}

	must(t, h.Remove("home"))
	if name, err := h.Current(); err != nil || name != "work" {
		t.Fatalf("another context was removed: current is %q, %v", name, err)
	}
	must(t, h.Remove("work"))
	_, err = h.Current()
	wantCode(t, err, bus.NotFound, "no_context")
	if left, err := os.ReadDir(h.contexts()); err != nil || len(left) != 0 {
		t.Fatalf("left behind: %v, %v", left, err)
	}
}

func TestCreateSealed(t *testing.T) {
	t.Parallel()
	h := At(t.TempDir())
	must(t, h.Create(testContext("work"), testIdentity(), []byte("correct horse")))
	_, err := identity.Load(h.IdentityPath("work"), func() ([]byte, error) { return []byte("wrong"), nil })
	wantCode(t, err, bus.Unauthenticated, "identity_locked")
}

func TestPendingIsReplaced(t *testing.T) {
	t.Parallel()
	h, old := At(t.TempDir()), testIdentity()
	c := testContext("work")
	c.Pending = true
	must(t, h.Create(c, old, nil))
	s, err := h.Open(context.Background(), "work", old.ProfileKey)
	must(t, err)
	must(t, s.PutState(context.Background(), "of the old one", []byte("x")))
	must(t, s.Close())

	c.Pending = false
	f := testIdentity()
	must(t, h.Create(c, f, nil))
	if got, err := identity.Load(h.IdentityPath("work"), nil); err != nil || got.Endpoint() != f.Endpoint() {
		t.Fatalf("the old identity is still there: %v", err)
	}
	s, err = h.Open(context.Background(), "work", f.ProfileKey)
	must(t, err)
	defer s.Close()
	_, err = s.State(context.Background(), "of the old one")
	wantCode(t, err, bus.NotFound, "no_state")
	wantCode(t, h.Create(c, f, nil), bus.Conflict, "context_exists")
}

// A context that was confirmed after Create looked holds the keys of an admin.
func TestConfirmedIsKept(t *testing.T) {
	t.Parallel()
	h, _ := newHome(t)
	wantCode(t, h.clear("work"), bus.Conflict, "context_exists")
	if _, err := identity.Load(h.IdentityPath("work"), nil); err != nil {
		t.Fatal(err)
	}
}

func TestCreateAtOnce(t *testing.T) {
	t.Parallel()
	h := At(t.TempDir())
	const many = 8
	files, errs := make([]*identity.File, many), make([]error, many)
	var wg sync.WaitGroup
	for i := range many {
		files[i] = testIdentity()
		wg.Go(func() { errs[i] = h.Create(testContext("work"), files[i], nil) })
	}
	wg.Wait()
	winner := -1
	for i, err := range errs {
		if err == nil && winner < 0 {
			winner = i
		} else {
			wantCode(t, err, bus.Conflict, "context_exists")
		}
	}
	if winner < 0 {
		t.Fatal("nobody won")
	}
	got, err := identity.Load(h.IdentityPath("work"), nil)
	if err != nil || got.Endpoint() != files[winner].Endpoint() {
		t.Fatalf("the context is not the winner's: %v", err)
	}
	if left, _ := os.ReadDir(h.contexts()); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestFailedCreateLeavesNothing(t *testing.T) {
	t.Parallel()
	h, f := At(t.TempDir()), testIdentity()
	f.KEMs = nil
	wantCode(t, h.Create(testContext("work"), f, nil), bus.Integrity, "identity_bad")
	if left, err := os.ReadDir(h.contexts()); err != nil || len(left) != 0 {
		t.Fatalf("left behind: %v, %v", left, err)
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	h := At(t.TempDir())
	stray, fresh := filepath.Join(h.contexts(), tempPrefix+"stray"), filepath.Join(h.contexts(), tempPrefix+"fresh")
	for _, dir := range []string{stray, fresh} {
		must(t, os.MkdirAll(dir, 0o700))
		must(t, os.WriteFile(filepath.Join(dir, identityName), []byte("a key"), 0o600))
	}
	past := time.Now().Add(-2 * strayAge)
	must(t, os.Chtimes(stray, past, past))
	must(t, h.Create(testContext("work"), testIdentity(), nil))
	if _, err := os.Stat(stray); !os.IsNotExist(err) {
		t.Errorf("what a crash left is still there: %v", err)
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Errorf("what another process makes was removed: %v", err)
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	h, key := newHome(t)
	s := openStore(t, h, key)
	must(t, s.PutState(context.Background(), "a", []byte("b")))
	must(t, h.Use("work"))
	must(t, h.Save(testContext("work")))
	wantMode(t, h.dir, 0o700)
	wantMode(t, h.contexts(), 0o700)
	wantMode(t, h.path("work", ""), 0o700)
	wantMode(t, filepath.Join(h.dir, currentName), 0o600)
	files, err := os.ReadDir(h.path("work", ""))
	if err != nil || len(files) != 5 { // context, identity, database and its two logs
		t.Fatalf("got %v, %v", files, err)
	}
	for _, f := range files {
		wantMode(t, h.path("work", f.Name()), 0o600)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	h := At(t.TempDir())
	outside := filepath.Join(h.dir, "outside")
	must(t, os.MkdirAll(filepath.Join(h.contexts(), "x"), 0o700))
	must(t, os.MkdirAll(outside, 0o700))
	must(t, os.WriteFile(filepath.Join(outside, contextName), []byte("{}"), 0o600))
	for _, name := range []string{"", ".", "..", "../outside", "x/../../outside", "/etc", `..\outside`, "a/b", ".new-1",
		"-x", "_x", "Work", "wörk", "a b", "a\x00b", "a\n", "c:", strings.Repeat("a", 33)} {
		c := testContext(name)
		_, err := h.Context(name)
		wantCode(t, err, bus.Invalid, "bad_context_name")
		_, err = h.Open(context.Background(), name, identity.NewProfileKey())
		wantCode(t, err, bus.Invalid, "bad_context_name")
		wantCode(t, h.Create(c, testIdentity(), nil), bus.Invalid, "bad_context_name")
		wantCode(t, h.Save(c), bus.Invalid, "bad_context_name")
		wantCode(t, h.Use(name), bus.Invalid, "bad_context_name")
		wantCode(t, h.Remove(name), bus.Invalid, "bad_context_name")
		if p := h.IdentityPath(name); p != "" {
			t.Errorf("%q: identity at %s", name, p)
		}
	}
	if _, err := os.Stat(filepath.Join(outside, contextName)); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"a", "0", "a.b-c_d", "local", strings.Repeat("a", 32)} {
		must(t, h.Create(testContext(name), testIdentity(), nil))
	}
}

func TestCurrentIsChecked(t *testing.T) {
	t.Parallel()
	h, _ := newHome(t)
	must(t, os.WriteFile(filepath.Join(h.dir, currentName), []byte("../work\n"), 0o600))
	_, err := h.Current()
	wantCode(t, err, bus.Invalid, "bad_context_name")
}

func TestHomeThatIsNoFolder(t *testing.T) {
	t.Parallel()
	h := At(filepath.Join(t.TempDir(), "file"))
	must(t, os.WriteFile(h.dir, nil, 0o600))
	_, err := h.Current()
	wantCode(t, err, bus.Failed, "home")
	_, err = h.Contexts()
	wantCode(t, err, bus.Failed, "home")
	_, err = h.Context("work")
	wantCode(t, err, bus.Failed, "home")
	wantCode(t, h.Create(testContext("work"), testIdentity(), nil), bus.Failed, "home")
	wantCode(t, h.Remove("work"), bus.Failed, "home")
	_, err = h.Open(context.Background(), "work", identity.NewProfileKey())
	wantCode(t, err, bus.Failed, "home")
}
