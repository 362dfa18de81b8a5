package profile

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"

	"unibus/internal/bus"
)

// trimTo is how much of a limit is left when it was passed: a room that is full
// is not cut for every frame.
const (
	trimTo = 19
	trimOf = 20
)

// bounds is how much is kept, of one room and of all.
type bounds struct{ roomFrames, roomWeight, frames, weight int64 }

func keptBounds() bounds {
	return bounds{bus.KeptRoomFrames, bus.KeptRoomBytes, bus.KeptFrames, bus.KeptBytes}
}

// bound forgets the oldest frames of a room that holds too many, and of the
// largest one while there are too many in all.
func (s *Store) bound(ctx context.Context, tx *sql.Tx, sh shelf) error {
	if sh.frames > s.most.roomFrames || sh.weight > s.most.roomWeight {
		return s.trim(ctx, tx, sh, s.most.roomFrames, s.most.roomWeight)
	}
	var frames, weight int64
	if err := tx.QueryRowContext(ctx, "SELECT sum(frames), sum(weight) FROM shelf").Scan(&frames, &weight); err != nil {
		return err
	}
	if frames <= s.most.frames && weight <= s.most.weight {
		return nil
	}
	by := "weight"
	if frames > s.most.frames {
		by = "frames"
	}
	var room []byte
	if err := tx.QueryRowContext(ctx, "SELECT room FROM shelf ORDER BY "+by+" DESC LIMIT 1").Scan(&room); err != nil {
		return err
	}
	if len(room) != len(sh.room) {
		return errValue
	}
	largest, err := findShelf(ctx, tx, bus.RoomID(room))
	if err != nil {
		return err
	}
	return s.trim(ctx, tx, largest, largest.frames, largest.weight)
}

// errDone ends a walk over rows.
var errDone = errors.New("done")

// trim forgets the oldest frames of a room until it is a little below a size.
func (s *Store) trim(ctx context.Context, tx *sql.Tx, sh shelf, frames, weight int64) error {
	frames, weight = frames*trimTo/trimOf, weight*trimTo/trimOf
	through := int64(0)
	count, size := sh.frames, sh.weight
	per := sh.weight / max(sh.frames, 1) // what its words weigh is not known for each
	err := each(ctx, tx, func(scan func(...any) error) error {
		if count <= frames && size <= weight {
			return errDone
		}
		count, size = count-1, size-per
		return scan(&through)
	}, "SELECT seq FROM frame WHERE shelf = ? ORDER BY seq", sh.number)
	if err != nil && !errors.Is(err, errDone) {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM stretch WHERE shelf = ? AND through <= ?", sh.number, through); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE stretch SET after = ? WHERE shelf = ? AND after < ?", through, sh.number, through); err != nil {
		return err
	}
	return s.forget(ctx, tx, sh, cut{to: through, at: math.MinInt64})
}

// cut is which frames are forgotten: from a sequence up to another, and of before
// a time.
type cut struct{ from, to, at int64 }

// takes reports whether a frame is forgotten.
func (c cut) takes(seq, at int64) bool { return c.from <= seq && seq <= c.to || at < c.at }

// forget drops frames, and counts what is left.
func (s *Store) forget(ctx context.Context, tx *sql.Tx, sh shelf, c cut) error {
	if err := s.drop(ctx, tx, sh, c); err != nil {
		return err
	}
	sh, err := weigh(ctx, tx, sh)
	if err != nil {
		return err
	}
	return writeShelf(ctx, tx, sh)
}

// drop forgets frames of a room, and what they are found by.
func (s *Store) drop(ctx context.Context, tx *sql.Tx, sh shelf, c cut) error {
	for _, query := range []string{
		"DELETE FROM about WHERE shelf = ? AND seq IN (SELECT seq FROM frame WHERE shelf = about.shelf AND (seq BETWEEN ? AND ? OR at < ?))",
		"DELETE FROM frame WHERE shelf = ? AND (seq BETWEEN ? AND ? OR at < ?)",
	} {
		if _, err := tx.ExecContext(ctx, query, sh.number, c.from, c.to, c.at); err != nil {
			return err
		}
	}
	return s.dropWords(ctx, tx, sh, c)
}

// weigh counts anew what is kept of a room.
func weigh(ctx context.Context, tx *sql.Tx, sh shelf) (shelf, error) {
	var words int64
	err := tx.QueryRowContext(ctx, "SELECT count(*), coalesce(sum(length(sealed)), 0) FROM frame WHERE shelf = ?", sh.number).Scan(&sh.frames, &sh.weight)
	if err != nil {
		return sh, err
	}
	err = tx.QueryRowContext(ctx, "SELECT coalesce(sum(length(sealed)), 0) FROM words WHERE shelf = ?", sh.number).Scan(&words)
	sh.weight += 4 * words
	return sh, err
}

// KeptRooms lists the rooms of which frames are kept, by id.
func (s *Store) KeptRooms(ctx context.Context) ([]bus.RoomID, error) { return s.roomsIn(ctx, "shelf") }

// ForgetFrames erases the frames of a room that its node took before a time. They
// are out of the files after the next Scrub.
func (s *Store) ForgetFrames(ctx context.Context, room bus.RoomID, before time.Time) error {
	old := 0
	err := s.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM words w JOIN shelf s ON s.number = w.shelf WHERE room = ? AND oldest < ?)",
		room[:], before.UnixMilli()).Scan(&old)
	if err != nil || old == 0 {
		return storeError(ctx, err)
	}
	return s.write(ctx, kept, func(tx *sql.Tx) error {
		sh, err := findShelf(ctx, tx, room)
		if errors.Is(err, errNoShelf) {
			return nil
		}
		if err != nil {
			return err
		}
		return s.forget(ctx, tx, sh, cut{to: -1, at: before.UnixMilli()})
	})
}

// ForgetShelf erases all frames of a room, and that any were kept.
func (s *Store) ForgetShelf(ctx context.Context, room bus.RoomID) error {
	return s.write(ctx, kept, func(tx *sql.Tx) error { return dropShelf(ctx, tx, room) })
}

// dropShelf forgets all that is kept of a room.
func dropShelf(ctx context.Context, tx *sql.Tx, room bus.RoomID) error {
	sh, err := findShelf(ctx, tx, room)
	if errors.Is(err, errNoShelf) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, table := range []string{"frame", "about", "stretch", "words"} {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE shelf = ?", sh.number); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM shelf WHERE number = ?", sh.number)
	return err
}
