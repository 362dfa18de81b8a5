package profile

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"unibus/internal/bus"
)

// Newest is the newest frame of a room that a node has shown and that held.
type Newest struct {
	Seq   uint64
	Frame bus.Prefix // of its hash
	At    time.Time  // when the node stored it, as it says; kept to the millisecond
}

// Newest returns the newest frame that was seen in a room; zero where none was.
func (s *Store) Newest(ctx context.Context, room bus.RoomID) (n Newest, err error) {
	var seq, at int64
	var frame []byte
	err = s.db.QueryRowContext(ctx, "SELECT seq, frame, at FROM newest WHERE room = ?", room[:]).Scan(&seq, &frame, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return n, nil
	}
	switch {
	case err != nil:
		return n, storeError(ctx, err)
	case len(frame) != len(n.Frame):
		return n, errValue
	}
	return Newest{uint64(seq), bus.Prefix(frame), time.UnixMilli(at)}, nil
}

// PutNewest remembers frames that were seen, one of each room; an older one than was
// seen before changes nothing.
func (s *Store) PutNewest(ctx context.Context, seen map[bus.RoomID]Newest) error {
	return s.write(ctx, cached, func(tx *sql.Tx) error {
		for room, n := range seen {
			_, err := tx.ExecContext(ctx, `INSERT INTO newest (room, seq, frame, at) VALUES (?, ?, ?, ?)
				ON CONFLICT DO UPDATE SET seq = excluded.seq, frame = excluded.frame, at = excluded.at WHERE excluded.seq > seq`,
				room[:], int64(n.Seq), n.Frame[:], n.At.UnixMilli())
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// ForgetNewest forgets what was seen of a room's messages, with those that are kept
// and up to where they were read: nobody knows where two stories of a node part.
func (s *Store) ForgetNewest(ctx context.Context, room bus.RoomID) error {
	return s.write(ctx, kept, func(tx *sql.Tx) error {
		if err := deleteOf(ctx, tx, room, "newest", "cursor", "tally"); err != nil {
			return err
		}
		return dropShelf(ctx, tx, room)
	})
}
