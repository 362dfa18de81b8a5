package sqlite

import (
	"bytes"
	"context"
	"database/sql"

	"unibus/internal/membership"
)

// pair is a row of meta.
type pair struct {
	key   string
	value []byte
}

const selectMeta = "SELECT key, value, sum FROM meta"

func scanMeta(row *sql.Rows) (p pair, err error) {
	var check []byte
	if err := row.Scan(&p.key, &p.value, &check); err != nil {
		return p, err
	}
	if !bytes.Equal(check, sum([]byte(p.key), p.value)) {
		return p, membership.ErrDamaged
	}
	return p, nil
}

// Meta implements membership.Store.
func (s *Store) Meta(ctx context.Context, key string) ([]byte, error) {
	got, err := collect(ctx, s.read, scanMeta, selectMeta+" WHERE key = ?", key)
	if err != nil || len(got) == 0 {
		return nil, translate(err)
	}
	return got[0].value, nil
}

// SetMeta implements membership.Store.
func (s *Store) SetMeta(ctx context.Context, key string, value []byte) error {
	value = append([]byte{}, value...)
	return s.writer.write(ctx, false, func(t *tx) error {
		return t.exec("INSERT OR REPLACE INTO meta (key, value, sum) VALUES (?, ?, ?)", key, value, sum([]byte(key), value))
	})
}

// checkSums reads every row that has a sum of its own and no chain behind it.
func checkSums(ctx context.Context, db *sql.DB) error {
	if _, err := collect(ctx, db, scanRoom, selectRooms); err != nil {
		return err
	}
	if _, err := collect(ctx, db, scanMeta, selectMeta); err != nil {
		return err
	}
	rows, err := db.QueryContext(ctx, selectBlobs)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if _, err := scanBlob(rows); err != nil {
			return misread(ctx, err)
		}
	}
	return rows.Err()
}
