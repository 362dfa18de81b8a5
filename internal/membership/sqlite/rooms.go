package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"time"

	"unibus/internal/bus"
	"unibus/internal/membership"
)

const selectRooms = "SELECT id, shard, created, closed, sum FROM rooms"

func roomSum(r membership.RoomRecord) []byte {
	return sum(r.ID[:], int64(r.Shard), r.Created.UnixMilli(), truth(r.Closed))
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func scanRoom(row *sql.Rows) (r membership.RoomRecord, err error) {
	var created int64
	var check []byte
	if err := row.Scan(id16((*[16]byte)(&r.ID)), &r.Shard, &created, &r.Closed, &check); err != nil {
		return r, err
	}
	r.Created = time.UnixMilli(created).UTC()
	if !bytes.Equal(check, roomSum(r)) {
		return r, membership.ErrDamaged
	}
	return r, nil
}

// Rooms implements membership.Store.
func (s *Store) Rooms(ctx context.Context) ([]membership.RoomRecord, error) {
	rooms, err := collect(ctx, s.read, scanRoom, selectRooms+" ORDER BY id")
	return rooms, translate(err)
}

func (t *tx) addRoom(r membership.RoomRecord) error {
	added, err := t.change("INSERT INTO rooms (id, shard, created, closed, sum) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		r.ID[:], r.Shard, r.Created.UnixMilli(), r.Closed, roomSum(r))
	if err == nil && added == 0 {
		err = bus.ErrBehind
	}
	return err
}

func (t *tx) closeRoom(id bus.RoomID) error {
	rooms, err := collect(t.ctx, t, scanRoom, selectRooms+" WHERE id = ?", id[:])
	if err != nil {
		return err
	}
	if len(rooms) == 0 {
		return bus.ErrBehind
	}
	r := rooms[0]
	r.Closed = true
	return t.exec("UPDATE rooms SET closed = 1, sum = ? WHERE id = ?", roomSum(r), id[:])
}
