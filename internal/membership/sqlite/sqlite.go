// Package sqlite keeps a membership store in one SQLite database, for a bus
// that runs on one node.
//
// What is acknowledged is on the disk (WAL, synchronous=FULL). All writes go
// through one goroutine, which commits together what waits together, so many
// writers share one fsync. Reads have connections of their own and never wait
// for it. Errors are bus errors; SQL, paths and driver errors stay inside,
// except as causes for our own log.
//
// The directory is one node's alone: it must not be opened by two processes.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	_ "modernc.org/sqlite" // the driver "sqlite", without cgo

	"unibus/internal/membership"
)

// file is the name of the database in its directory.
const file = "membership.db"

// Store implements membership.Store. It is safe for concurrent use.
type Store struct {
	read   *sql.DB
	write  *sql.DB
	writer *writer
	close  func() error
}

var _ membership.Store = (*Store)(nil)

// Open opens or makes the store in dir, a directory of its own, which it makes
// readable by its owner alone (0700, files 0600). An older schema is migrated,
// after a copy of it was put beside the database as membership-schema<N>.db. A
// newer one is refused (schema_newer), and so is a damaged one
// (store_damaged), as far as the file itself tells; membership.Open tells the
// rest.
func Open(ctx context.Context, dir string) (*Store, error) {
	s, err := open(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("open membership store: %w", translate(err))
	}
	return s, nil
}

func open(ctx context.Context, dir string) (*Store, error) {
	path, err := prepare(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{}
	if err := s.start(ctx, path); err != nil {
		return nil, errors.Join(err, s.closeFiles())
	}
	s.close = sync.OnceValue(s.shut)
	return s, nil
}

func (s *Store) start(ctx context.Context, path string) (err error) {
	if s.write, err = connect(path, 1, "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(0)"); err != nil {
		return err
	}
	if err := migrate(ctx, s.write, filepath.Dir(path)); err != nil {
		return err
	}
	if err := check(ctx, s.write); err != nil {
		return err
	}
	if s.read, err = connect(path, readers, "query_only(1)"); err != nil {
		return err
	}
	s.writer, err = startWriter(ctx, s.write, newReserve(filepath.Dir(path)))
	return err
}

// readers bounds the connections that read at once.
const readers = 4

// prepare makes the directory and an empty file with the right modes: SQLite
// gives its other files the mode of the database.
func prepare(dir string) (path string, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return "", err
	}
	path = filepath.Join(dir, file)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", err
	}
	return path, errors.Join(f.Chmod(0o600), f.Close())
}

// connect opens a pool of so many connections at most.
func connect(path string, most int, pragmas ...string) (*sql.DB, error) {
	pragmas = append([]string{"busy_timeout(5000)", "cell_size_check(1)"}, pragmas...)
	at := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: url.Values{"_pragma": pragmas}.Encode()}
	db, err := sql.Open("sqlite", at.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	return db, nil
}

// Err implements membership.Store.
func (s *Store) Err() error { return s.writer.err() }

// Close waits for the write in progress and closes the database. Writes that
// still wait get membership.ErrClosed.
func (s *Store) Close() error { return s.close() }

func (s *Store) shut() error {
	s.writer.stop()
	_, err := s.write.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
	return translate(errors.Join(err, s.closeFiles()))
}

func (s *Store) closeFiles() (err error) {
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	return err
}
