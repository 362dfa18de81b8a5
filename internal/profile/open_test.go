package profile

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

func memory(tb testing.TB) *Store {
	tb.Helper()
	s, err := Memory(context.Background(), identity.NewProfileKey())
	must(tb, err)
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

func TestKeptOverOpens(t *testing.T) {
	t.Parallel()
	h, key := newHome(t)
	ctx := context.Background()
	for _, want := range []string{"", "one", "two"} {
		s, err := h.Open(ctx, "work", key)
		must(t, err)
		if got, _ := s.State(ctx, "a"); string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
		must(t, s.PutState(ctx, "a", []byte(map[string]string{"": "one", "one": "two"}[want])))
		must(t, s.Close())
	}
	must(t, os.Remove(h.path("work", databaseName)))
	s := openStore(t, h, key)
	_, err := s.State(ctx, "a")
	wantCode(t, err, bus.NotFound, "no_state")
	wantMode(t, h.path("work", databaseName), 0o600)
}

func TestMemoryIsApart(t *testing.T) {
	t.Parallel()
	key, ctx := identity.NewProfileKey(), context.Background()
	a, err := Memory(ctx, key)
	must(t, err)
	defer a.Close()
	b, err := Memory(ctx, key)
	must(t, err)
	defer b.Close()
	must(t, a.PutState(ctx, "a", []byte("x")))
	_, err = b.State(ctx, "a")
	wantCode(t, err, bus.NotFound, "no_state")
}

// A command that was given up must not take the store in memory with it.
func TestMemoryOutlivesCancel(t *testing.T) {
	t.Parallel()
	s := memory(t)
	must(t, s.PutState(context.Background(), "a", []byte("x")))
	for range 20 {
		ctx, cancel := context.WithCancel(context.Background())
		go cancel()
		_ = s.write(ctx, kept, func(tx *sql.Tx) error {
			for range 100 {
				if _, err := tx.ExecContext(ctx, "UPDATE state SET name = name"); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if got, err := s.State(context.Background(), "a"); err != nil || string(got) != "x" {
		t.Fatalf("got %q, %v", got, err)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	s, why := memory(t), errors.New("the person stopped it")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(why)
	for name, err := range map[string]error{
		"read":  func() error { _, err := s.State(ctx, "a"); return err }(),
		"list":  func() error { _, err := s.Rooms(ctx); return err }(),
		"chain": func() error { _, err := s.Entries(ctx, LogBus, [16]byte{}); return err }(),
		"write": s.PutState(ctx, "a", nil),
	} {
		if !errors.Is(err, why) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	h, key := newHome(t)
	if _, err := h.Open(ctx, "work", key); !errors.Is(err, why) {
		t.Errorf("open: got %v", err)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	s := memory(t)
	must(t, s.Close())
	must(t, s.Close())
	wantCode(t, s.PutState(context.Background(), "a", nil), bus.Failed, "profile_failed")
}

func TestNewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	h, key := newHome(t)
	s, err := h.Open(context.Background(), "work", key)
	must(t, err)
	_, err = s.db.Exec("PRAGMA user_version = 1000")
	must(t, err)
	must(t, s.Close())
	_, err = h.Open(context.Background(), "work", key)
	wantCode(t, err, bus.Unsafe, "schema_newer")
}

func TestDamagedIsRefused(t *testing.T) {
	t.Parallel()
	h, key := newHome(t)
	must(t, os.WriteFile(h.path("work", databaseName), []byte(strings.Repeat("this is no database ", 500)), 0o600))
	_, err := h.Open(context.Background(), "work", key)
	wantCode(t, err, bus.Integrity, "profile_damaged")
	if strings.Contains(err.Error(), "SQL") {
		t.Errorf("%q speaks of databases", err)
	}
}

func TestNoKey(t *testing.T) {
	t.Parallel()
	_, err := Memory(context.Background(), identity.ProfileKey{})
	wantCode(t, err, bus.Invalid, "no_profile_key")
}

// A folder may have any name that the system allows.
func TestStrangeFolders(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Log("these names are not allowed here")
		return
	}
	for _, name := range []string{"with space", "50%", "%41", "a?b=c&_pragma=x", "#1", "a:b", "ö", "new\nline"} {
		h, f := At(filepath.Join(t.TempDir(), name)), testIdentity()
		must(t, h.Create(testContext("work"), f, nil))
		s, err := h.Open(context.Background(), "work", f.ProfileKey)
		must(t, err)
		must(t, s.PutState(context.Background(), "a", []byte("b")))
		if _, err := os.Stat(h.path("work", databaseName+"-wal")); err != nil {
			t.Errorf("%q: the database is not in its folder: %v", name, err)
		}
		must(t, s.Close())
	}
}

func TestErrorsKeepTheirCause(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{5: "profile_busy", 6: "profile_busy", 11: "profile_damaged", 26: "profile_damaged",
		13: "profile_disk", 10: "profile_disk", 8: "profile_disk", 14: "profile_disk", 1: "profile_failed"} {
		if got := codeError(code).Code; got != want {
			t.Errorf("%d: got %s, want %s", code, got, want)
		}
	}
	if !codeError(5).Retryable || codeError(13).Retryable {
		t.Error("busy is tried again, a full disk is not")
	}
}
