package profile

import (
	"context"
	"database/sql"
	"strconv"
	"time"

	"unibus/internal/bus"
)

// OutboxRecord is a record that waits to be sent. It is sealed into a frame
// only then: by a newer epoch, it may be.
type OutboxRecord struct {
	ID     bus.RecordID
	Room   bus.RoomID
	Made   time.Time
	File   bool // Record is none yet, but tells of a file that is to be uploaded first
	Record []byte
}

// place binds a record to its room: moved to another one it would be told to
// the wrong people.
func (r OutboxRecord) place() string {
	place := "outbox/" + r.ID.String() + "/" + r.Room.String() + "/" + strconv.FormatInt(r.Made.UnixMilli(), 10)
	if r.File {
		place += "/file"
	}
	return place
}

// PutOutbox keeps a record behind those that wait already, on disk when it
// returns. The same ID again replaces the record and keeps its turn.
func (s *Store) PutOutbox(ctx context.Context, r OutboxRecord) error {
	return s.exec(ctx, kept, `INSERT INTO outbox (id, room, made, file, sealed) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET room = excluded.room, made = excluded.made, file = excluded.file, sealed = excluded.sealed`,
		r.ID[:], r.Room[:], r.Made.UnixMilli(), r.File, s.key.Seal(r.place(), r.Record))
}

// ReplaceFile puts a record, or what is told of the file now, in the place of a
// file that waits under its ID, Room and Made, on disk when it returns. False:
// none does, as when it was given up meanwhile, and nothing was changed.
func (s *Store) ReplaceFile(ctx context.Context, r OutboxRecord) (found bool, err error) {
	err = s.write(ctx, kept, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, "UPDATE outbox SET file = ?, sealed = ? WHERE id = ? AND room = ? AND made = ? AND file = 1",
			r.File, s.key.Seal(r.place(), r.Record), r.ID[:], r.Room[:], r.Made.UnixMilli())
		if err != nil {
			return err
		}
		n, err := done.RowsAffected()
		found = n > 0
		return err
	})
	return found, err
}

// Outbox lists the records that wait to be sent to a room, oldest first.
func (s *Store) Outbox(ctx context.Context, room bus.RoomID) (records []OutboxRecord, err error) {
	err = each(ctx, s.db, func(scan func(...any) error) error {
		var id, sealed []byte
		var made int64
		r := OutboxRecord{Room: room}
		if err := scan(&id, &made, &r.File, &sealed); err != nil {
			return err
		}
		if len(id) != len(r.ID) {
			return errValue
		}
		r.ID, r.Made = bus.RecordID(id), time.UnixMilli(made).UTC()
		var err error
		r.Record, err = s.key.Open(r.place(), sealed)
		records = append(records, r)
		return err
	}, "SELECT id, made, file, sealed FROM outbox WHERE room = ? ORDER BY place", room[:])
	if err != nil {
		return nil, storeError(ctx, err)
	}
	return records, nil
}

// DeleteOutbox forgets a record that was sent, or given up. It is no error
// when there is none.
func (s *Store) DeleteOutbox(ctx context.Context, id bus.RecordID) error {
	return s.exec(ctx, kept, "DELETE FROM outbox WHERE id = ?", id[:])
}
