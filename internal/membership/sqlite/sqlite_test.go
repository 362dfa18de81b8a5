package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/membership"
	"unibus/internal/membership/membershiptest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	membershiptest.Run(t, newPlace)
}

func BenchmarkStore(b *testing.B) { membershiptest.Benchmark(b, newPlace) }

// newPlace opens stores in one directory.
func newPlace(t testing.TB) membershiptest.Opener {
	dir := t.TempDir()
	return func() membership.Store { return openAt(t, dir) }
}

func openAt(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatalf("%v (because of %v)", err, errors.Unwrap(errors.Unwrap(err)))
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (%s)", err, bus.CodeOf(err))
	}
}

// entry is the next entry of a chain, which holds index.
func entry(index int) membership.Batch {
	return membership.Batch{Entries: []membership.StoredEntry{
		{Log: membership.LogBus, Chain: chain.ID{1}, Index: uint32(index), Raw: bytes.Repeat([]byte{byte(index)}, 200)}}}
}

// TestModes: nobody but the owner reads the store, whatever was there before.
func TestModes(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "membership")
	must(t, os.MkdirAll(dir, 0o777))
	must(t, os.WriteFile(filepath.Join(dir, file), nil, 0o666))
	s := openAt(t, dir)
	must(t, s.Commit(t.Context(), entry(0)))
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		must(t, err)
		info, err := d.Info()
		must(t, err)
		if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		return nil
	}))
}

// TestStrangePath: a name that means something in a URL is a name.
func TestStrangePath(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a?_pragma=journal_mode(OFF)&mode=memory#x%20y")
	s := openAt(t, dir)
	must(t, s.Commit(t.Context(), entry(0)))
	if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
		t.Error(err)
	}
	must(t, s.Close())
	got, err := openAt(t, dir).Entries(t.Context(), membership.LogBus, chain.ID{1}, 0, 10)
	if err != nil || len(got) != 1 {
		t.Errorf("%d entries, %v", len(got), err)
	}
}

// TestDurable: what a commit promises is what the file says.
func TestDurable(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir())
	for pragma, want := range map[string]int64{"synchronous": 2, "foreign_keys": 0} {
		got, err := number(t.Context(), s.writer.conn, "PRAGMA "+pragma)
		if err != nil || got != want {
			t.Errorf("%s is %d, %v; want %d", pragma, got, err, want)
		}
	}
	var mode string
	must(t, s.read.QueryRowContext(t.Context(), "PRAGMA journal_mode").Scan(&mode))
	if mode != "wal" {
		t.Errorf("journal mode %s, want wal", mode)
	}
	if _, err := s.read.ExecContext(t.Context(), "DELETE FROM entries"); err == nil {
		t.Error("a reader may write")
	}
}

// old makes a store of schema 1 with one entry.
func old(t *testing.T) (dir string) {
	dir = t.TempDir()
	db, err := connect(filepath.Join(dir, file), 1)
	must(t, err)
	defer db.Close()
	must(t, apply(t.Context(), db, steps()[:1], 1))
	_, err = db.Exec("INSERT INTO entries (log, chain, idx, raw) VALUES (1, ?, 0, ?)", make([]byte, 16), []byte("first"))
	must(t, err)
	return dir
}

func TestMigration(t *testing.T) {
	t.Parallel()
	dir := old(t)
	copied := filepath.Join(dir, "membership-schema1.db")
	must(t, os.WriteFile(copied, []byte("of a migration that was interrupted"), 0o600))
	s := openAt(t, dir)
	got, err := s.Entries(t.Context(), membership.LogBus, chain.ID{}, 0, 10)
	must(t, err)
	if len(got) != 1 || string(got[0]) != "first" {
		t.Errorf("got %q, want what was there", got)
	}
	must(t, s.SetMeta(t.Context(), "k", []byte("v")))
	must(t, s.Close())
	must(t, openAt(t, dir).Close())

	info, err := os.Stat(copied)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the copy has mode %s", info.Mode())
	}
	db, err := connect(copied, 1)
	must(t, err)
	defer db.Close()
	version, err := number(t.Context(), db, "PRAGMA user_version")
	entries, err2 := number(t.Context(), db, "SELECT count(*) FROM entries")
	if version != 1 || entries != 1 || errors.Join(err, err2) != nil {
		t.Errorf("the copy has schema %d and %d entries, %v", version, entries, errors.Join(err, err2))
	}
}

func TestSchemaRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change string
		want   error
	}{
		"newer":         {"PRAGMA user_version = 99", membership.ErrNewer},
		"negative":      {"PRAGMA user_version = -1", membership.ErrDamaged},
		"older":         {"PRAGMA user_version = 1", membership.ErrDamaged},
		"empty":         {"PRAGMA user_version = 0", membership.ErrDamaged},
		"no table":      {"DROP TABLE meta", membership.ErrDamaged},
		"more":          {"CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM heads; END", membership.ErrDamaged},
		"another view":  {"CREATE VIEW v AS SELECT 1", membership.ErrDamaged},
		"a flipped sum": {"INSERT INTO meta (key, value, sum) VALUES ('mode', x'00', x'0011223344556677')", membership.ErrDamaged},
		"a short id":    {"INSERT INTO rooms (id, shard, created, closed, sum) VALUES (x'00', 1, 1, 0, x'00')", membership.ErrDamaged},
		"no truth":      {"INSERT INTO rooms (id, shard, created, closed, sum) VALUES (zeroblob(16), 1, 1, 7, x'00')", membership.ErrDamaged},
	} {
		dir := t.TempDir()
		must(t, openAt(t, dir).Close())
		db, err := connect(filepath.Join(dir, file), 1)
		must(t, err)
		_, err = db.Exec(c.change)
		must(t, errors.Join(err, db.Close()))
		if _, err := Open(t.Context(), dir); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestForeignFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, file), bytes.Repeat([]byte("no database "), 1000), 0o600))
	_, err := Open(t.Context(), dir)
	if !errors.Is(err, membership.ErrDamaged) {
		t.Errorf("got %v, want store_damaged", err)
	}
	if strings.Contains(err.Error(), dir) || strings.Contains(err.Error(), "SQL") {
		t.Errorf("the error tells too much: %v", err)
	}
	must(t, os.WriteFile(filepath.Join(dir, "plain"), nil, 0o600))
	if _, err := Open(t.Context(), filepath.Join(dir, "plain")); err == nil || strings.Contains(err.Error(), dir) {
		t.Errorf("a file as directory: %v", err)
	}
}

// TestErrors: nothing of SQL or of the machine is in what a caller shows.
func TestErrors(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir())
	_, err := s.read.QueryContext(t.Context(), "SELECT secret FROM nowhere")
	err = translate(err)
	if !errors.Is(err, membership.ErrDamaged) || strings.Contains(err.Error(), "nowhere") {
		t.Errorf("got %v", err)
	}
	if translate(nil) != nil {
		t.Error("no error became one")
	}
	for _, c := range []struct{ err, want error }{
		{context.Canceled, membership.ErrUnreadable}, {context.DeadlineExceeded, membership.ErrUnreadable},
		{sql.ErrConnDone, membership.ErrClosed}, {fs.ErrPermission, errPermission}, {errors.New("?"), membership.ErrUnreadable},
		{bus.ErrBehind, bus.ErrBehind},
	} {
		if got := translate(c.err); !errors.Is(got, c.want) || !errors.Is(got, c.err) {
			t.Errorf("%v became %v, want %v with its cause", c.err, got, c.want)
		}
	}
}

// TestTurn: a write whose context ends while it waits for its turn is not
// written; one that has begun is seen through.
func TestTurn(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir())
	began, goOn := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var group sync.WaitGroup
	var first, waits error
	group.Go(func() {
		var once sync.Once
		first = s.writer.write(ctx, false, func(tx *tx) error {
			once.Do(func() { close(began) })
			<-goOn
			return tx.exec("INSERT INTO meta (key, value, sum) VALUES ('first', x'01', ?)", sum([]byte("first"), []byte{1}))
		})
	})
	<-began
	queued := make(chan struct{})
	group.Go(func() {
		close(queued)
		waits = s.Commit(ctx, entry(0))
	})
	<-queued
	cancel()
	close(goOn)
	group.Wait()
	must(t, first)
	got, err := s.Meta(t.Context(), "first")
	if err != nil || !bytes.Equal(got, []byte{1}) {
		t.Errorf("what had begun is %x, %v", got, err)
	}
	entries, err := s.Entries(t.Context(), membership.LogBus, chain.ID{1}, 0, 1)
	must(t, err)
	if (waits == nil) != (len(entries) == 1) {
		t.Errorf("told %v, stored %d", waits, len(entries))
	}
}

// TestCloseWaits: closing ends what waits and sees through what has begun.
func TestCloseWaits(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir())
	var group sync.WaitGroup
	results := make([]error, 64)
	for i := range results {
		group.Go(func() {
			b := entry(0)
			b.Entries[0].Chain[1] = byte(i)
			results[i] = s.Commit(t.Context(), b)
		})
	}
	must(t, s.Close())
	group.Wait()
	for i, err := range results {
		if err != nil && !errors.Is(err, membership.ErrClosed) {
			t.Errorf("writer %d: %v", i, err)
		}
	}
}

// TestGroup: in a shared transaction a refusal is one writer's own, and a
// trouble of SQLite is tried again alone.
func TestGroup(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir())
	ok := func(key string) *job {
		return &job{result: make(chan error, 1), do: func(t *tx) error {
			return t.exec("INSERT INTO meta (key, value, sum) VALUES (?, x'01', ?)", key, sum([]byte(key), []byte{1}))
		}}
	}
	refuse := &job{result: make(chan error, 1), do: func(t *tx) error {
		if err := t.exec("DELETE FROM meta"); err != nil {
			return err
		}
		return bus.ErrBehind
	}}
	trouble := &job{result: make(chan error, 1), do: func(t *tx) error { return t.exec("DELETE FROM nowhere") }}
	for name, group := range map[string][]*job{
		"refusal": {ok("a"), refuse, ok("b")}, "trouble": {ok("c"), trouble, ok("d")},
	} {
		// Nobody else writes here, so the group may run outside its goroutine.
		s.writer.group(group)
		for i, j := range group {
			if err := <-j.result; (err != nil) != (i == 1) {
				t.Errorf("%s: job %d: %v", name, i, err)
			}
		}
	}
	for _, key := range []string{"a", "b", "c", "d"} {
		if got, err := s.Meta(t.Context(), key); err != nil || got == nil {
			t.Errorf("%s: %x, %v", key, got, err)
		}
	}
	if err := s.Err(); err != nil {
		t.Errorf("a wrong query ended writing: %v", err)
	}
}

// TestBroken: a disk that failed once is not trusted again, and the store says
// so. What was stored can still be read.
func TestBroken(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir())
	must(t, s.SetMeta(t.Context(), "before", []byte{1}))
	readOnly := func(on string) {
		// A database that became read-only stands for a disk that failed.
		if _, err := s.writer.conn.ExecContext(t.Context(), "PRAGMA query_only = "+on); err != nil {
			t.Fatal(err)
		}
	}
	readOnly("1")
	if err := s.SetMeta(t.Context(), "after", []byte{1}); bus.CodeOf(err) != errBroken.Code {
		t.Errorf("while the disk fails: %v, want %s", err, errBroken.Code)
	}
	readOnly("0")
	for what, err := range map[string]error{"a write": s.SetMeta(t.Context(), "after", []byte{1}), "Err": s.Err()} {
		if bus.CodeOf(err) != errBroken.Code || errors.Unwrap(err) == nil {
			t.Errorf("%s after it: %v (because of %v), want %s and a cause", what, err, errors.Unwrap(err), errBroken.Code)
		}
	}
	if got, err := s.Meta(t.Context(), "before"); err != nil || len(got) != 1 {
		t.Errorf("read %x, %v", got, err)
	}
}

// TestFull: a full disk refuses with its own code, spares what takes rights
// away, and ends nothing for good.
func TestFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir)
	must(t, s.Commit(t.Context(), entry(0)))
	pages, err := number(t.Context(), s.writer.conn, "PRAGMA page_count")
	must(t, err)
	limit := func(n int64) {
		// SQLite's own limit stands for the disk's; only this test writes.
		if _, err := number(t.Context(), s.writer.conn, "PRAGMA max_page_count = "+strconv.FormatInt(n, 10)); err != nil {
			t.Fatal(err)
		}
	}
	big := entry(1)
	big.Entries[0].Raw = bytes.Repeat([]byte{7}, 100_000)
	limit(pages)
	if err := s.Commit(t.Context(), big); !errors.Is(err, membership.ErrFull) || bus.KindOf(err) != bus.Full {
		t.Fatalf("got %v, want store_full", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "reserve")); err != nil {
		t.Errorf("an ordinary write took the reserve: %v", err)
	}
	big.Urgent = true
	if err := s.Commit(t.Context(), big); !errors.Is(err, membership.ErrFull) {
		t.Fatalf("got %v, want store_full", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "reserve")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an urgent write left the reserve: %v", err)
	}
	limit(pages + 1000)
	must(t, s.Commit(t.Context(), big))
	for i := range mendEvery + 1 {
		must(t, s.Commit(t.Context(), entry(2+i)))
	}
	if info, err := os.Stat(filepath.Join(dir, "reserve")); err != nil || info.Size() != reserveSize {
		t.Errorf("the reserve did not come back: %v", err)
	}
}

// TestManyReaders: reads go on while the writer is busy.
func TestManyReaders(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir())
	must(t, s.Commit(t.Context(), entry(0)))
	began, goOn := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		var once sync.Once
		if err := s.writer.write(t.Context(), false, func(tx *tx) error {
			once.Do(func() { close(began) })
			<-goOn
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
	<-began
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for range 4 * readers {
		if got, err := s.Entries(ctx, membership.LogBus, chain.ID{1}, 0, 1); err != nil || len(got) != 1 {
			t.Errorf("%d entries, %v", len(got), err)
		}
	}
	close(goOn)
	group.Wait()
}

// What stands in a row is whole leaves or nothing of it is believed.
func FuzzUnpackLeaves(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, leafSize-1))
	f.Add(bytes.Repeat([]byte{7}, 3*leafSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		leaves, ok := unpackLeaves(b)
		if ok != (len(b)%leafSize == 0) || len(leaves) != len(b)/leafSize {
			t.Fatalf("%d bytes are %d leaves, whole %t", len(b), len(leaves), ok)
		}
		if again := packLeaves(leaves); !bytes.Equal(again, b[:len(again)]) {
			t.Errorf("packed again: %x, was %x", again, b)
		}
	})
}
