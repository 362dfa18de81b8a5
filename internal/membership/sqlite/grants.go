package sqlite

import (
	"context"
	"database/sql"
	"math"
	"strings"

	"unibus/internal/bus"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

// PutGrants implements membership.Store.
func (s *Store) PutGrants(ctx context.Context, at membership.Granting, grants []wire.Grant) error {
	return s.writer.write(ctx, false, func(t *tx) error {
		for _, g := range grants {
			if err := t.exec("INSERT OR REPLACE INTO grants (room, endpoint, epoch, actor, since, serial, author, sealed) "+
				"SELECT room, ?, epoch, ?, ?, ?, ?, ? FROM epochs WHERE room = ? AND epoch = ?", g.Endpoint[:], at.Actor[:],
				int64(at.Since), g.Serial, at.By[:], g.Sealed, at.Room[:], int64(g.Epoch)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Grants implements membership.Store.
func (s *Store) Grants(ctx context.Context, room bus.RoomID, endpoint bus.EndpointID, from bus.Epoch, limit int) ([]wire.Granted, error) {
	list, err := collect(ctx, s.read, func(row *sql.Rows) (g wire.Granted, err error) {
		return g, row.Scan(&g.Epoch, &g.Since, id16((*[16]byte)(&g.Actor)), &g.Serial, &g.Sealed)
	}, "SELECT epoch, since, actor, serial, sealed FROM grants WHERE room = ? AND endpoint = ? AND epoch >= ? "+
		"ORDER BY epoch, actor LIMIT ?", room[:], endpoint[:], int64(min(from, math.MaxInt64)), limit)
	return list, translate(err)
}

// GrantCount implements membership.Store.
func (s *Store) GrantCount(ctx context.Context, by bus.AccountID) (int, error) {
	n, err := number(ctx, s.read, "SELECT count(*) FROM grants WHERE author = ?", by[:])
	return int(n), translate(err)
}

// GrantsTo implements membership.Store.
func (s *Store) GrantsTo(ctx context.Context, room bus.RoomID, heir bus.AccountID, endpoints []bus.EndpointID) (int, error) {
	args := []any{room[:], heir[:]}
	for _, e := range endpoints {
		args = append(args, e[:])
	}
	marks := strings.TrimPrefix(strings.Repeat(", ?", len(endpoints)), ", ")
	n, err := number(ctx, s.read, "SELECT count(*) FROM grants WHERE room = ? AND author <> ? AND endpoint IN ("+marks+")", args...)
	return int(n), translate(err)
}
