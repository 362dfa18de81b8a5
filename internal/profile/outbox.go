package profile

import (
	"context"
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
	Record []byte
}

// outboxPlace binds a record to its room: moved to another one it would be
// told to the wrong people.
func outboxPlace(id bus.RecordID, room bus.RoomID, made int64) string {
	return "outbox/" + id.String() + "/" + room.String() + "/" + strconv.FormatInt(made, 10)
}

// PutOutbox keeps a record behind those that wait already, on disk when it
// returns. The same ID again replaces the record and keeps its turn.
func (s *Store) PutOutbox(ctx context.Context, r OutboxRecord) error {
	made := r.Made.UnixMilli()
	return s.exec(ctx, kept, `INSERT INTO outbox (id, room, made, sealed) VALUES (?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET room = excluded.room, made = excluded.made, sealed = excluded.sealed`,
		r.ID[:], r.Room[:], made, s.key.Seal(outboxPlace(r.ID, r.Room, made), r.Record))
}

// Outbox lists the records that wait to be sent to a room, oldest first.
func (s *Store) Outbox(ctx context.Context, room bus.RoomID) (records []OutboxRecord, err error) {
	err = each(ctx, s.db, func(scan func(...any) error) error {
		var id, sealed []byte
		var made int64
		if err := scan(&id, &made, &sealed); err != nil {
			return err
		}
		r := OutboxRecord{Room: room, Made: time.UnixMilli(made).UTC()}
		if copy(r.ID[:], id) != len(id) {
			return errValue
		}
		var err error
		r.Record, err = s.key.Open(outboxPlace(r.ID, room, made), sealed)
		records = append(records, r)
		return err
	}, "SELECT id, made, sealed FROM outbox WHERE room = ? ORDER BY place", room[:])
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
