package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/membership"
)

// Commit implements membership.Store.
func (s *Store) Commit(ctx context.Context, b membership.Batch) error {
	return s.writer.write(ctx, b.Urgent, func(t *tx) error {
		for _, e := range b.Entries {
			if err := t.addEntry(e); err != nil {
				return err
			}
		}
		if b.Room != nil {
			if err := t.addRoom(*b.Room); err != nil {
				return err
			}
		}
		if b.Keys != nil {
			if err := t.addKeys(*b.Keys); err != nil {
				return err
			}
		}
		if b.CloseRoom != nil {
			return t.closeRoom(*b.CloseRoom)
		}
		return nil
	})
}

// addEntry appends an entry if its chain ends just before it.
func (t *tx) addEntry(e membership.StoredEntry) error {
	hash := sha256.Sum256(e.Raw)
	var moved int64
	var err error
	if e.Index == 0 {
		moved, err = t.change("INSERT INTO heads (log, chain, idx, hash) VALUES (?, ?, 0, ?) ON CONFLICT DO NOTHING",
			e.Log, e.Chain[:], hash[:])
	} else {
		moved, err = t.change("UPDATE heads SET idx = ?, hash = ? WHERE log = ? AND chain = ? AND idx = ?",
			e.Index, hash[:], e.Log, e.Chain[:], e.Index-1)
	}
	if err != nil {
		return err
	}
	if moved != 1 {
		return bus.ErrBehind
	}
	return t.exec("INSERT INTO entries (log, chain, idx, raw) VALUES (?, ?, ?, ?)", e.Log, e.Chain[:], e.Index, e.Raw)
}

// Entries implements membership.Store.
func (s *Store) Entries(ctx context.Context, log membership.Log, id chain.ID, from uint32, limit int) ([][]byte, error) {
	rows, err := s.read.QueryContext(ctx,
		"SELECT raw FROM entries WHERE log = ? AND chain = ? AND idx >= ? ORDER BY idx LIMIT ?", log, id[:], from, limit)
	if err != nil {
		return nil, translate(err)
	}
	defer rows.Close()
	var out [][]byte
	for size := 0; rows.Next(); {
		var raw []byte
		if err := rows.Scan(&raw); err != nil {
			return nil, translate(misread(ctx, err))
		}
		if size += len(raw); size > membership.PageBytes && len(out) > 0 {
			return out, nil
		}
		out = append(out, raw)
	}
	return out, translate(rows.Err())
}

// Walk implements membership.Store.
func (s *Store) Walk(ctx context.Context, fn func(membership.StoredEntry) error) error {
	rows, err := s.read.QueryContext(ctx, "SELECT log, chain, idx, raw FROM entries ORDER BY seq")
	if err != nil {
		return translate(err)
	}
	defer rows.Close()
	for rows.Next() {
		var e membership.StoredEntry
		if err := rows.Scan(&e.Log, id16((*[16]byte)(&e.Chain)), &e.Index, &e.Raw); err != nil {
			return translate(misread(ctx, err))
		}
		if err := fn(e); err != nil {
			return err
		}
	}
	return translate(rows.Err())
}

// Heads implements membership.Store.
func (s *Store) Heads(ctx context.Context) ([]membership.ChainHead, error) {
	heads, err := collect(ctx, s.read, func(row *sql.Rows) (h membership.ChainHead, err error) {
		return h, row.Scan(&h.Log, id16((*[16]byte)(&h.Chain)), &h.Head.Index, id32((*[32]byte)(&h.Head.Hash)))
	}, "SELECT log, chain, idx, hash FROM heads")
	return heads, translate(err)
}
