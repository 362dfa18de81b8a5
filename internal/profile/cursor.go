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

// Cursors returns the cursors of all rooms that were set under a name.
func (s *Store) Cursors(ctx context.Context, name string) (map[bus.RoomID]uint64, error) {
	all := map[bus.RoomID]uint64{}
	err := each(ctx, s.db, func(scan func(...any) error) error {
		var id []byte
		var seq int64
		if err := scan(&id, &seq); err != nil {
			return err
		}
		if len(id) != len(bus.RoomID{}) {
			return errValue
		}
		all[bus.RoomID(id)] = uint64(max(seq, 0))
		return nil
	}, "SELECT room, seq FROM cursor WHERE name = ?", name)
	return all, storeError(ctx, err)
}

// CutCursor sets a cursor back that is still where it was, from there.
func (s *Store) CutCursor(ctx context.Context, room bus.RoomID, name string, from, to uint64) error {
	if max(from, to) > math.MaxInt64 {
		return errSequence
	}
	return s.exec(ctx, cached, "UPDATE cursor SET seq = ? WHERE room = ? AND name = ? AND seq = ?", int64(to), room[:], name, int64(from))
}

// errSequence: no node can count that far.
var errSequence = bus.Errorf(bus.Invalid, "bad_sequence", "no message can have that sequence number")
