package profile

import (
	"context"
	"database/sql"
	"errors"

	"unibus/internal/bus"
)

// Tally is what was counted of the frames of a room's newest epoch: never more
// than there are, since nobody sees all of them.
type Tally struct {
	Epoch bus.Epoch
	Sent  uint64 // by all processes of this context
	Seen  uint64 // by the process that saw most
	Top   uint64 // sequence up to which frames were seen
}

// Tally returns what was counted in a room; zero where nothing was.
func (s *Store) Tally(ctx context.Context, room bus.RoomID) (t Tally, err error) {
	var epoch, sent, seen, top int64
	err = s.db.QueryRowContext(ctx, "SELECT epoch, sent, seen, top FROM tally WHERE room = ?", room[:]).Scan(&epoch, &sent, &seen, &top)
	if errors.Is(err, sql.ErrNoRows) {
		return t, nil
	}
	if err != nil {
		return t, storeError(ctx, err)
	}
	return Tally{bus.Epoch(epoch), uint64(sent), uint64(seen), uint64(top)}, nil
}

// AddTally adds t.Sent to what was sent in its epoch, and moves the other counts
// up to those of t. What an older epoch counted is dropped; a t of one changes
// nothing.
func (s *Store) AddTally(ctx context.Context, room bus.RoomID, t Tally) error {
	return s.exec(ctx, cached, `INSERT INTO tally (room, epoch, sent, seen, top) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET
			sent = excluded.sent + iif(excluded.epoch > epoch, 0, sent),
			seen = max(excluded.seen, iif(excluded.epoch > epoch, 0, seen)),
			top = max(excluded.top, top),
			epoch = excluded.epoch
		WHERE excluded.epoch >= epoch`,
		room[:], int64(t.Epoch), int64(t.Sent), int64(t.Seen), int64(t.Top))
}

// ForgetTally begins the counts of a room anew.
func (s *Store) ForgetTally(ctx context.Context, room bus.RoomID) error {
	return s.exec(ctx, cached, "UPDATE tally SET sent = 0, seen = 0 WHERE room = ?", room[:])
}
