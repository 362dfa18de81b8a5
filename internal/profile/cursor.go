package profile

import (
	"context"
	"database/sql"
	"errors"
	"math"

	"unibus/internal/bus"
)

// Cursor returns the newest sequence that was set for a room under a name, ""
// being the mark up to which a person has read; 0 where none was.
func (s *Store) Cursor(ctx context.Context, room bus.RoomID, name string) (uint64, error) {
	var seq int64
	err := s.db.QueryRowContext(ctx, "SELECT seq FROM cursor WHERE room = ? AND name = ?", room[:], name).Scan(&seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, storeError(ctx, err)
	}
	return uint64(max(seq, 0)), nil
}

// SetCursor moves a cursor on. It never goes back: a lower sequence changes
// nothing, whoever comes last.
func (s *Store) SetCursor(ctx context.Context, room bus.RoomID, name string, seq uint64) error {
	if seq > math.MaxInt64 {
		return errSequence
	}
	return s.exec(ctx, cached, `INSERT INTO cursor (room, name, seq) VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET seq = excluded.seq WHERE excluded.seq > seq`, room[:], name, int64(seq))
}

// errSequence: no node can count that far.
var errSequence = bus.Errorf(bus.Invalid, "bad_sequence", "no message can have that sequence number")
