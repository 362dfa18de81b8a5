package profile

import (
	"context"
	"database/sql"
	"errors"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// Store is the database of one context. Many goroutines, and many processes
// with a Store each, may use it at once. Every method may fail with
//
//	profile_busy      Unavailable  other processes did not let go within 5 s; try again
//	bad_profile       Integrity    a value was changed, moved, or sealed by another identity
//	profile_damaged   Integrity    the file is no database any more
//	profile_disk      Failed       the disk is full, or the file cannot be written
//
// and with the cause of a context that ended. What was written when a method
// returns survives the end of the process; see durable for a power cut.
type Store struct {
	db  *sql.DB // of one connection
	key identity.ProfileKey

	most bounds
}

// Close gives the database up.
func (s *Store) Close() error {
	return storeError(context.Background(), s.db.Close())
}

// durable says what a write must survive besides the end of the process.
type durable string

const (
	// cached may be lost in a power cut, the newest first: the bus has it, or
	// it is only where somebody was reading.
	cached durable = "NORMAL"
	// kept is on disk when the write returns: nobody else has it.
	kept durable = "FULL"
)

// write runs do in a transaction that excludes other writers from its start.
func (s *Store) write(ctx context.Context, d durable, do func(*sql.Tx) error) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return storeError(ctx, err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "PRAGMA synchronous = "+string(d)); err != nil {
		return storeError(ctx, err)
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return storeError(ctx, err)
	}
	defer tx.Rollback() // does nothing after Commit
	if err := do(tx); err != nil {
		return storeError(ctx, err)
	}
	return storeError(ctx, tx.Commit())
}

// exec writes by one statement.
func (s *Store) exec(ctx context.Context, d durable, query string, args ...any) error {
	return s.write(ctx, d, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
}

// read runs do on one state of the database, whatever is written meanwhile.
func (s *Store) read(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return storeError(ctx, err)
	}
	defer tx.Rollback()
	return storeError(ctx, do(tx))
}

// querier is the database, or a transaction on it.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// each calls do for every row of a query.
func each(ctx context.Context, q querier, do func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := do(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// sealed opens the one value that a query finds; missing where there is none.
func (s *Store) sealed(ctx context.Context, q querier, place string, missing *bus.Error, query string, args ...any) ([]byte, error) {
	var raw []byte
	err := q.QueryRowContext(ctx, query, args...).Scan(&raw)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, missing
	}
	if err != nil {
		return nil, storeError(ctx, err)
	}
	return s.key.Open(place, raw)
}
