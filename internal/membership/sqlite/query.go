package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"unibus/internal/membership"
)

// querier is the pool of readers, or a transaction of the writer.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// collect reads all rows of a query.
func collect[T any](ctx context.Context, q querier, scan func(*sql.Rows) (T, error), query string, args ...any) (out []T, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, misread(ctx, err)
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

// misread tells a value that cannot have been written from a scan that ended
// with its context.
func misread(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	return membership.ErrDamaged.Because(err)
}

// number reads the one number that a query answers.
func number(ctx context.Context, q querier, query string, args ...any) (int64, error) {
	got, err := collect(ctx, q, func(row *sql.Rows) (n int64, err error) { return n, row.Scan(&n) }, query, args...)
	if err == nil && len(got) != 1 {
		err = membership.ErrDamaged
	}
	if err != nil {
		return 0, err
	}
	return got[0], nil
}

// fixed scans bytes of a fixed length into the array of an id or a hash.
type fixed[A [16]byte | [32]byte] struct{ to *A }

// Scan implements sql.Scanner.
func (f fixed[A]) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok || len(b) != len(*f.to) {
		return membership.ErrDamaged.Because(fmt.Errorf("%d bytes for %d", len(b), len(*f.to)))
	}
	switch to := any(f.to).(type) {
	case *[16]byte:
		copy(to[:], b)
	case *[32]byte:
		copy(to[:], b)
	}
	return nil
}

func id16(to *[16]byte) fixed[[16]byte] { return fixed[[16]byte]{to} }
func id32(to *[32]byte) fixed[[32]byte] { return fixed[[32]byte]{to} }
