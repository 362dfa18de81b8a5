package profile

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"time"

	"unibus/internal/bus"
)

// Frame is a frame of a room as a node gave it, and how it is found.
type Frame struct {
	Seq  uint64
	At   time.Time // by the node's clock, in milliseconds
	Raw  []byte
	Mark bus.Prefix // of its hash

	// The rest is of use to Keep alone, and empty in what is read.
	About    []bus.Prefix // frames of the same room that records in it change
	Texts    []string     // that it is found by
	Unread   int          // messages in it that count as unread until they are seen
	Mentions int          // of them, those that call this user
}

// Stretch is a part of a room of which nothing is missing here: what came after
// one sequence, up to another one.
type Stretch struct{ After, Through uint64 }

func framePlace(room bus.RoomID, seq, at int64) string {
	return "frame/" + room.String() + "/" + strconv.FormatInt(seq, 10) + "/" + strconv.FormatInt(at, 10)
}

// mark is as much of a frame's hash as the index tells apart.
func mark(p bus.Prefix) int64 { return int64(binary.BigEndian.Uint32(p[:])) }

// row is a frame as it is written.
type row struct {
	Frame
	seq, at int64
	sealed  []byte
	words   entry
}

// Keep keeps frames of a room, and that nothing is missing in a stretch of it
// then. One that opened, that has a Mark, takes the place of another that is kept
// at its sequence: a node may have been set back, or have shown something else
// there before; else what is kept stays as it is. Where this makes it more
// than bus.KeptFrames and the limits beside it allow, the oldest of that room, or
// of the largest one, are forgotten.
func (s *Store) Keep(ctx context.Context, room bus.RoomID, frames []Frame, of Stretch) error {
	if of.Through > math.MaxInt64 || of.After > of.Through {
		return errSequence
	}
	rows := make([]row, len(frames))
	hash := s.key.WordHash()
	for i, f := range frames {
		if f.Seq > math.MaxInt64 {
			return errSequence
		}
		r := row{Frame: f, seq: int64(f.Seq), at: f.At.UnixMilli()}
		r.sealed = s.key.Seal(framePlace(room, r.seq, r.at), f.Raw)
		r.words = newEntry(r, hash)
		rows[i] = r
	}
	return s.write(ctx, cached, func(tx *sql.Tx) error {
		shelf, err := shelfOf(ctx, tx, room)
		if err != nil {
			return err
		}
		return s.shelve(ctx, tx, shelf, rows, of)
	})
}

// shelf is what is kept of one room.
type shelf struct {
	number int64
	room   bus.RoomID
	frames int64
	weight int64 // in bytes, see row.weight
}

// weight is what a frame counts towards the limits: what it is found by is read
// with every search, and counts four times.
func (r row) weight() int64 { return int64(len(r.sealed)) + 4*r.words.size() }

func shelfOf(ctx context.Context, tx *sql.Tx, room bus.RoomID) (shelf, error) {
	if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO shelf (room, frames, weight) VALUES (?, 0, 0)", room[:]); err != nil {
		return shelf{}, err
	}
	return findShelf(ctx, tx, room)
}

var errNoShelf = bus.Errorf(bus.NotFound, "not_kept", "nothing of that is kept on this device")

// findShelf finds what is kept of a room; errNoShelf where nothing is.
func findShelf(ctx context.Context, q querier, room bus.RoomID) (shelf, error) {
	sh := shelf{room: room}
	err := q.QueryRowContext(ctx, "SELECT number, frames, weight FROM shelf WHERE room = ?", room[:]).Scan(&sh.number, &sh.frames, &sh.weight)
	if errors.Is(err, sql.ErrNoRows) {
		err = errNoShelf
	}
	return sh, err
}

// evict forgets the frames in whose places others opened.
func (s *Store) evict(ctx context.Context, tx *sql.Tx, sh shelf, rows []row) (shelf, error) {
	there, err := marksOf(ctx, tx, sh, rows)
	if err != nil || len(there) == 0 {
		return sh, err
	}
	evicted := false
	for _, r := range rows {
		if m, is := there[r.seq]; !is || r.Mark == (bus.Prefix{}) || m == mark(r.Mark) {
			continue
		}
		if err := s.drop(ctx, tx, sh, cut{from: r.seq, to: r.seq, at: math.MinInt64}); err != nil {
			return sh, err
		}
		evicted = true
	}
	if !evicted {
		return sh, nil
	}
	return weigh(ctx, tx, sh)
}

// marksOf returns the marks of what is kept between the first and the last row,
// by sequence.
func marksOf(ctx context.Context, tx *sql.Tx, sh shelf, rows []row) (map[int64]int64, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	marks := map[int64]int64{}
	err := each(ctx, tx, func(scan func(...any) error) error {
		var seq, m int64
		err := scan(&seq, &m)
		marks[seq] = m
		return err
	}, "SELECT seq, mark FROM frame WHERE shelf = ? AND seq BETWEEN ? AND ?", sh.number, rows[0].seq, rows[len(rows)-1].seq)
	return marks, err
}

// shelve writes frames that are not there yet.
func (s *Store) shelve(ctx context.Context, tx *sql.Tx, sh shelf, rows []row, of Stretch) error {
	sh, err := s.evict(ctx, tx, sh, rows)
	if err != nil {
		return err
	}
	var fresh []entry
	for _, r := range rows {
		added, err := insertFrame(ctx, tx, sh, r)
		if err != nil {
			return err
		}
		if added {
			fresh = append(fresh, r.words)
			sh.frames++
			sh.weight += r.weight()
		}
	}
	if err := s.addWords(ctx, tx, sh, fresh); err != nil {
		return err
	}
	if err := cover(ctx, tx, sh, of); err != nil {
		return err
	}
	if len(fresh) == 0 {
		return nil
	}
	if err := writeShelf(ctx, tx, sh); err != nil {
		return err
	}
	return s.bound(ctx, tx, sh)
}

func writeShelf(ctx context.Context, tx *sql.Tx, sh shelf) error {
	_, err := tx.ExecContext(ctx, "UPDATE shelf SET frames = ?, weight = ? WHERE number = ?", sh.frames, sh.weight, sh.number)
	return err
}

func insertFrame(ctx context.Context, tx *sql.Tx, sh shelf, r row) (added bool, err error) {
	done, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO frame (shelf, seq, at, mark, sealed) VALUES (?, ?, ?, ?, ?)",
		sh.number, r.seq, r.at, mark(r.Mark), r.sealed)
	if err != nil {
		return false, err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	for _, about := range r.About {
		_, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO about (shelf, mark, seq) VALUES (?, ?, ?)", sh.number, mark(about), r.seq)
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// cover joins a stretch with those that it touches.
func cover(ctx context.Context, tx *sql.Tx, sh shelf, of Stretch) error {
	if of.After == of.Through {
		return nil
	}
	from, to := int64(of.After), int64(of.Through)
	err := tx.QueryRowContext(ctx, `SELECT min(?, coalesce(min(after), ?)), max(?, coalesce(max(through), ?)) FROM stretch
		WHERE shelf = ? AND after <= ? AND through >= ?`, from, from, to, to, sh.number, to, from).Scan(&from, &to)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM stretch WHERE shelf = ? AND after >= ? AND through <= ?", sh.number, from, to); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO stretch (shelf, after, through) VALUES (?, ?, ?)", sh.number, from, to)
	return err
}

// Stretches lists the stretches of a room of which nothing is missing here, from
// the first to the last; they do not touch.
func (s *Store) Stretches(ctx context.Context, room bus.RoomID) (list []Stretch, err error) {
	err = each(ctx, s.db, func(scan func(...any) error) error {
		var after, through int64
		err := scan(&after, &through)
		list = append(list, Stretch{uint64(max(after, 0)), uint64(max(through, 0))})
		return err
	}, "SELECT after, through FROM stretch JOIN shelf ON number = shelf WHERE room = ? ORDER BY after", room[:])
	return list, storeError(ctx, err)
}

// FramesBefore returns the newest frames of a stretch that came before a
// sequence, oldest first; FramesAfter the oldest that came after one.
func (s *Store) FramesBefore(ctx context.Context, room bus.RoomID, of Stretch, before uint64, limit int) ([]Frame, error) {
	return s.frames(ctx, room, `SELECT * FROM (SELECT seq, at, sealed FROM frame JOIN shelf ON number = shelf
		WHERE room = ? AND seq > ? AND seq < ? ORDER BY seq DESC LIMIT ?) ORDER BY seq`,
		room[:], clampSeq(of.After), clampSeq(min(before, of.Through+1)), limit)
}

// FramesAfter is described at FramesBefore.
func (s *Store) FramesAfter(ctx context.Context, room bus.RoomID, of Stretch, after uint64, limit int) ([]Frame, error) {
	return s.frames(ctx, room, `SELECT seq, at, sealed FROM frame JOIN shelf ON number = shelf
		WHERE room = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?`,
		room[:], clampSeq(max(after, of.After)), clampSeq(of.Through), limit)
}

// clampSeq is a sequence as the database takes it.
func clampSeq(seq uint64) int64 { return int64(min(seq, math.MaxInt64)) }

// FrameAt returns the frame of a sequence; NotFound, code not_kept, where it is
// not kept.
func (s *Store) FrameAt(ctx context.Context, room bus.RoomID, seq uint64) (Frame, error) {
	found, err := s.frames(ctx, room, `SELECT seq, at, sealed FROM frame JOIN shelf ON number = shelf
		WHERE room = ? AND seq = ?`, room[:], clampSeq(seq))
	if err == nil && len(found) == 0 {
		err = errNoShelf
	}
	if err != nil {
		return Frame{}, err
	}
	return found[0], nil
}

// FramesMarked returns the frames of a room whose hash begins like that of a
// mark: the caller compares the rest. Seldom more than one does.
func (s *Store) FramesMarked(ctx context.Context, room bus.RoomID, m bus.Prefix) ([]Frame, error) {
	return s.frames(ctx, room, `SELECT seq, at, sealed FROM frame JOIN shelf ON number = shelf
		WHERE mark = ? AND room = ? ORDER BY seq LIMIT ?`, mark(m), room[:], maxMarked)
}

// maxMarked bounds the frames that are read of one mark: their makers could look
// for hashes that begin alike.
const maxMarked = 16

// FramesAbout returns the newest so many frames before a sequence that say that they
// change messages of another one, oldest first; of all with sequence 0.
func (s *Store) FramesAbout(ctx context.Context, room bus.RoomID, m bus.Prefix, before uint64, limit int) ([]Frame, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	return s.frames(ctx, room, `SELECT * FROM (SELECT f.seq, f.at, f.sealed FROM about a JOIN shelf ON number = a.shelf
		JOIN frame f ON f.shelf = a.shelf AND f.seq = a.seq
		WHERE room = ? AND a.mark = ? AND a.seq < ? ORDER BY a.seq DESC LIMIT ?) ORDER BY seq`, room[:], mark(m), int64(before), limit)
}

func (s *Store) frames(ctx context.Context, room bus.RoomID, query string, args ...any) (list []Frame, err error) {
	err = each(ctx, s.db, func(scan func(...any) error) error {
		var seq, at int64
		var sealed []byte
		if err := scan(&seq, &at, &sealed); err != nil {
			return err
		}
		raw, err := s.key.Open(framePlace(room, seq, at), sealed)
		list = append(list, Frame{Seq: uint64(seq), At: time.UnixMilli(at).UTC(), Raw: raw})
		return err
	}, query, args...)
	if err != nil {
		return nil, storeError(ctx, err)
	}
	return list, nil
}
