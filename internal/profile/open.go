package profile

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// busyTimeout is how long one statement waits for other processes. Each holds
// the database for a few milliseconds.
const busyTimeout = 5 * time.Second

// Open opens the database of a context with the profile key of its identity,
// and makes it where it is missing. A database of a newer version is refused:
// Unsafe, code schema_newer.
func (h Home) Open(ctx context.Context, name string, key identity.ProfileKey) (*Store, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	path := h.path(name, databaseName)
	if err := touch(path); errors.Is(err, fs.ErrNotExist) {
		return nil, noContext(name)
	} else if err != nil {
		return nil, homeError("make this client's store", err)
	}
	return open(ctx, fileSource(path), key)
}

// Memory makes a store that is gone when it is closed, for identities that
// bring their context along: processes with the same one share nothing.
func Memory(ctx context.Context, key identity.ProfileKey) (*Store, error) {
	return open(ctx, ":memory:?"+options(), key)
}

// touch makes an empty file that others cannot read where there is none:
// SQLite would take the mode from the umask. An existing file is not opened,
// since closing it would drop the locks that this process has on it.
func touch(path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil // another process was faster
	}
	if err != nil {
		return err
	}
	return file.Close()
}

// fileSource names a file to the driver, which takes a URI.
func fileSource(path string) string {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") && filepath.IsAbs(path) {
		slashed = "/" + slashed // a drive letter
	}
	return "file:" + (&url.URL{Path: slashed}).EscapedPath() + "?" + options()
}

// options hold for every connection. Transactions that write take the lock at
// their start: one that reads first and writes then cannot wait for its turn.
// What a changed schema would call stays uncalled. What is deleted is overwritten:
// the key that it is sealed under stays.
func options() string {
	return url.Values{
		"_busy_timeout": {strconv.Itoa(int(busyTimeout.Milliseconds()))},
		"_txlock":       {"immediate"},
		"_pragma":       {"trusted_schema(OFF)", "secure_delete(ON)"},
	}.Encode()
}

func open(ctx context.Context, source string, key identity.ProfileKey) (*Store, error) {
	if key.IsZero() {
		return nil, bus.Errorf(bus.Invalid, "no_profile_key", "the identity holds no key for this client's store")
	}
	db, err := sql.Open("sqlite", source)
	if err != nil {
		return nil, storeError(ctx, err)
	}
	db.SetMaxOpenConns(1) // what one process does at once takes turns without locks
	s := &Store{db: db, key: key, most: keptBounds()}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// retryPause is between attempts to set a new database up.
const retryPause = 5 * time.Millisecond

// prepare brings the database to this version. The change to write-ahead
// logging answers busy at once where several processes do it together, whatever
// the timeout says: then it is tried again.
func (s *Store) prepare(ctx context.Context) error {
	deadline, done := context.WithTimeout(ctx, busyTimeout)
	defer done()
	for {
		err := s.migrate(ctx)
		if !errors.Is(err, errBusy) {
			return err
		}
		select {
		case <-deadline.Done():
			return err
		case <-time.After(retryPause):
		}
	}
}

func (s *Store) migrate(ctx context.Context) error {
	steps := migrations()
	at, err := version(ctx, s.db)
	if err != nil || at == len(steps) {
		return storeError(ctx, err)
	}
	if at > len(steps) {
		return bus.Errorf(bus.Unsafe, "schema_newer", "a newer unibus wrote this client's store").WithHint("use that version")
	}
	if _, err := s.db.ExecContext(ctx, "PRAGMA journal_mode = WAL"); err != nil {
		return storeError(ctx, err)
	}
	return s.write(ctx, kept, func(tx *sql.Tx) error {
		at, err := version(ctx, tx) // another process may have been faster
		if err != nil || at >= len(steps) {
			return err
		}
		for _, step := range steps[at:] {
			if _, err := tx.ExecContext(ctx, step); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, "PRAGMA user_version = "+strconv.Itoa(len(steps)))
		return err
	})
}

func version(ctx context.Context, q querier) (n int, err error) {
	err = q.QueryRowContext(ctx, "PRAGMA user_version").Scan(&n)
	return n, err
}
