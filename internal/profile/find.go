package profile

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"slices"
	"strconv"
	"time"

	"unibus/internal/bus"
)

// The index is blocks, each of some frames of one room as they came, sealed: who
// has the file without the key sees how large they are. A search reads them all.
// In a block stands of each frame, integers little endian:
//
//	seq 8 | at 8 | unread 2 | mentions 2 | terms 2 | each 4: the keyed hash of a term
const entryHead = 8 + 8 + 2 + 2 + 2

// maxBlock is the size at which a block is full, in bytes: each batch of frames
// writes the last one of its room anew.
const maxBlock = 16 << 10

// entry is what a frame is found by.
type entry struct {
	seq, at          int64
	unread, mentions uint16
	terms            []byte // 4 bytes each
}

func (e entry) size() int64 { return int64(entryHead + len(e.terms)) }

// newEntry hashes what a frame is found by, up to bus.KeptTerms.
func newEntry(r row, hash func(string) uint32) entry {
	e := entry{seq: r.seq, at: r.at, unread: clamp16(r.Unread), mentions: clamp16(r.Mentions)}
	words, known := map[word]bool{}, map[uint32]bool{}
	for _, text := range r.Texts {
		for _, w := range split(text) {
			if words[w] {
				continue
			}
			words[w] = true
			w.terms(func(term string) {
				if len(known) >= bus.KeptTerms {
					return
				}
				if h := hash(term); !known[h] {
					known[h] = true
					e.terms = binary.LittleEndian.AppendUint32(e.terms, h)
				}
			})
		}
	}
	return e
}

func clamp16(n int) uint16 { return uint16(min(max(n, 0), 1<<16-1)) }

func (e entry) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(e.seq))
	b = binary.LittleEndian.AppendUint64(b, uint64(e.at))
	b = binary.LittleEndian.AppendUint16(b, e.unread)
	b = binary.LittleEndian.AppendUint16(b, e.mentions)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(e.terms)/4))
	return append(b, e.terms...)
}

// eachEntry calls each for every entry of a block. Its terms are part of the block.
func eachEntry(block []byte, each func(entry)) error {
	for len(block) > 0 {
		if len(block) < entryHead {
			return errValue
		}
		e := entry{seq: int64(binary.LittleEndian.Uint64(block)), at: int64(binary.LittleEndian.Uint64(block[8:])),
			unread: binary.LittleEndian.Uint16(block[16:]), mentions: binary.LittleEndian.Uint16(block[18:])}
		end := entryHead + 4*int(binary.LittleEndian.Uint16(block[20:]))
		if len(block) < end {
			return errValue
		}
		e.terms = block[entryHead:end]
		each(e)
		block = block[end:]
	}
	return nil
}

// has reports whether all hashes are among the terms of e.
func (e entry) has(hashes []uint32) bool {
next:
	for _, h := range hashes {
		for t := e.terms; len(t) >= 4; t = t[4:] {
			if binary.LittleEndian.Uint32(t) == h {
				continue next
			}
		}
		return false
	}
	return true
}

func wordsPlace(room bus.RoomID, number int64) string {
	return "words/" + room.String() + "/" + strconv.FormatInt(number, 10)
}

// block is one block of the index.
type block struct {
	room                bus.RoomID
	number              int64
	first, last, oldest int64 // the lowest and highest sequence in it, the earliest time
	plain               []byte
}

func (b *block) add(e entry) {
	if len(b.plain) == 0 {
		b.first, b.last, b.oldest = e.seq, e.seq, e.at
	}
	b.first, b.last, b.oldest = min(b.first, e.seq), max(b.last, e.seq), min(b.oldest, e.at)
	b.plain = e.append(b.plain)
}

// addWords puts entries into the last block of a room, and into new ones behind
// it when that is full.
func (s *Store) addWords(ctx context.Context, tx *sql.Tx, sh shelf, fresh []entry) error {
	if len(fresh) == 0 {
		return nil
	}
	b, err := s.lastBlock(ctx, tx, sh)
	if err != nil {
		return err
	}
	for _, e := range fresh {
		if len(b.plain) > 0 && len(b.plain)+int(e.size()) > maxBlock {
			if err := s.writeBlock(ctx, tx, sh, b); err != nil {
				return err
			}
			b = block{number: b.number + 1}
		}
		b.add(e)
	}
	return s.writeBlock(ctx, tx, sh, b)
}

// selectBlocks is the beginning of a query for scanBlock.
const selectBlocks = `SELECT s.room, w.number, w.first, w.last, w.oldest, w.sealed
	FROM words w JOIN shelf s ON s.number = w.shelf WHERE `

// scanBlock opens a block into buf, which may be nil.
func (s *Store) scanBlock(buf []byte, scan func(...any) error) (b block, err error) {
	var room, sealed sql.RawBytes
	if err := scan(&room, &b.number, &b.first, &b.last, &b.oldest, &sealed); err != nil {
		return b, err
	}
	if len(room) != len(b.room) {
		return b, errValue
	}
	b.room = bus.RoomID(room)
	b.plain, err = s.key.OpenTo(buf[:0], wordsPlace(b.room, b.number), sealed)
	return b, err
}

// lastBlock is the last block of a room; an empty one where there is none.
func (s *Store) lastBlock(ctx context.Context, tx *sql.Tx, sh shelf) (last block, err error) {
	err = each(ctx, tx, func(scan func(...any) error) (err error) {
		last, err = s.scanBlock(nil, scan)
		return err
	}, selectBlocks+"w.shelf = ? ORDER BY w.number DESC LIMIT 1", sh.number)
	return last, err
}

func (s *Store) writeBlock(ctx context.Context, tx *sql.Tx, sh shelf, b block) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO words (shelf, number, first, last, oldest, sealed) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET first = excluded.first, last = excluded.last, oldest = excluded.oldest, sealed = excluded.sealed`,
		sh.number, b.number, b.first, b.last, b.oldest, s.key.Seal(wordsPlace(sh.room, b.number), b.plain))
	return err
}

// dropWords takes what forgotten frames were found by out of the blocks.
func (s *Store) dropWords(ctx context.Context, tx *sql.Tx, sh shelf, c cut) error {
	var touched []block
	err := each(ctx, tx, func(scan func(...any) error) error {
		b, err := s.scanBlock(nil, scan)
		touched = append(touched, b)
		return err
	}, selectBlocks+"w.shelf = ? AND (w.first <= ? AND w.last >= ? OR w.oldest < ?)", sh.number, c.to, c.from, c.at)
	if err != nil {
		return err
	}
	for _, b := range touched {
		left := block{number: b.number}
		err := eachEntry(b.plain, func(e entry) {
			if !c.takes(e.seq, e.at) {
				left.add(e)
			}
		})
		if err != nil {
			return err
		}
		if len(left.plain) > 0 {
			err = s.writeBlock(ctx, tx, sh, left)
		} else {
			_, err = tx.ExecContext(ctx, "DELETE FROM words WHERE shelf = ? AND number = ?", sh.number, b.number)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Spot is where something may be that somebody looks for.
type Spot struct {
	Room bus.RoomID
	Seq  uint64
	At   time.Time
}

// maxSpots bounds what one search returns: what is older is not looked at.
const maxSpots = 2000

// Find returns the frames of a room, or of all with the zero room, that may hold
// what somebody looks for, newest first: those that do are among them, but for
// words that stand behind the first bus.KeptTerms terms of a frame.
func (s *Store) Find(ctx context.Context, room bus.RoomID, q Query) ([]Spot, error) {
	if q.Empty() {
		return nil, nil
	}
	var want []uint32
	hash := s.key.WordHash()
	for _, w := range q.words {
		w.sought(func(term string) { want = append(want, hash(term)) })
	}
	var found newest
	err := s.blocks(ctx, room, 0, func(room bus.RoomID, e entry) {
		if e.at >= found.floor && e.has(want) {
			found.add(hit{e.at, e.seq, room})
		}
	})
	if err != nil {
		return nil, err
	}
	found.cut()
	spots := make([]Spot, len(found.hits))
	for i, h := range found.hits {
		spots[i] = Spot{h.room, uint64(h.seq), time.UnixMilli(h.at).UTC()}
	}
	return spots, nil
}

// hit is a Spot while it is looked for.
type hit struct {
	at, seq int64
	room    bus.RoomID
}

// newest collects the newest maxSpots hits.
type newest struct {
	hits  []hit
	floor int64 // older ones are none of them
}

func (n *newest) add(h hit) {
	if n.hits = append(n.hits, h); len(n.hits) >= 2*maxSpots {
		n.cut()
		n.floor = n.hits[maxSpots-1].at
	}
}

// cut puts them in order, newest first, and drops what is too much.
func (n *newest) cut() {
	slices.SortFunc(n.hits, func(a, b hit) int {
		if a.at != b.at {
			return cmp.Compare(b.at, a.at)
		}
		return cmp.Compare(b.seq, a.seq)
	})
	n.hits = n.hits[:min(len(n.hits), maxSpots)]
}

// Count is what of one frame counts as unread.
type Count struct {
	Seq              uint64
	Unread, Mentions int
}

// Unread lists the frames of a room with something that counts as unread, after a
// sequence, oldest first.
func (s *Store) Unread(ctx context.Context, room bus.RoomID, after uint64) (list []Count, err error) {
	err = s.blocks(ctx, room, after, func(_ bus.RoomID, e entry) {
		if uint64(e.seq) > after && e.unread > 0 {
			list = append(list, Count{uint64(e.seq), int(e.unread), int(e.mentions)})
		}
	})
	slices.SortFunc(list, func(a, b Count) int { return cmp.Compare(a.Seq, b.Seq) })
	return list, err
}

// blocks calls each for the entries of the blocks of a room, or of all with the
// zero room, that hold something after a sequence: the blocks that were written last
// first, so that who wants the newest soon knows which are not among them.
func (s *Store) blocks(ctx context.Context, room bus.RoomID, after uint64, do func(bus.RoomID, entry)) error {
	query, args := selectBlocks+"w.last > ?", []any{clampSeq(after)}
	if room != (bus.RoomID{}) {
		query, args = query+" AND s.room = ?", append(args, room[:])
	}
	var buf []byte
	err := each(ctx, s.db, func(scan func(...any) error) error {
		b, err := s.scanBlock(buf, scan)
		if err != nil {
			return err
		}
		buf = b.plain
		return eachEntry(b.plain, func(e entry) { do(b.room, e) })
	}, query+" ORDER BY w.shelf DESC, w.number DESC", args...)
	return storeError(ctx, err)
}
