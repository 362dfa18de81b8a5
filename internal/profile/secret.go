package profile

import (
	"context"
	"database/sql"
	"strconv"
	"time"

	"unibus/internal/bus"
)

var errNoSecret = bus.Errorf(bus.NotFound, "no_secret", "this client keeps no key for that epoch")

func secretPlace(room bus.RoomID, epoch bus.Epoch) string {
	return "secret/" + room.String() + "/" + strconv.FormatUint(uint64(epoch), 10)
}

// Secret returns the secret of an epoch; NotFound, code no_secret, where none
// is kept.
func (s *Store) Secret(ctx context.Context, room bus.RoomID, epoch bus.Epoch) ([]byte, error) {
	return s.sealed(ctx, s.db, secretPlace(room, epoch), errNoSecret,
		"SELECT sealed FROM secret WHERE room = ? AND epoch = ?", room[:], int64(epoch))
}

// PutSecret keeps the secret of an epoch, on disk when it returns: an invite's
// envelopes cannot be opened again. It replaces one that was kept before.
func (s *Store) PutSecret(ctx context.Context, room bus.RoomID, epoch bus.Epoch, secret []byte) error {
	return s.exec(ctx, kept, `INSERT INTO secret (room, epoch, sealed) VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET sealed = excluded.sealed`,
		room[:], int64(epoch), s.key.Seal(secretPlace(room, epoch), secret))
}

// SecretRooms lists the rooms of which secrets are kept, by id.
func (s *Store) SecretRooms(ctx context.Context) ([]bus.RoomID, error) {
	return s.roomsIn(ctx, "secret")
}

// roomsIn lists the rooms that a table holds something of, by id.
func (s *Store) roomsIn(ctx context.Context, table string) (rooms []bus.RoomID, err error) {
	err = each(ctx, s.db, func(scan func(...any) error) error {
		var id []byte
		if err := scan(&id); err != nil {
			return err
		}
		if len(id) != len(bus.RoomID{}) {
			return errValue
		}
		rooms = append(rooms, bus.RoomID(id))
		return nil
	}, "SELECT DISTINCT room FROM "+table+" ORDER BY room")
	if err != nil {
		return nil, storeError(ctx, err)
	}
	return rooms, nil
}

// ForgetSecrets erases the secrets of a room's epochs up to one. They are out of
// the files after the next Scrub.
func (s *Store) ForgetSecrets(ctx context.Context, room bus.RoomID, through bus.Epoch) error {
	return s.exec(ctx, kept, "DELETE FROM secret WHERE room = ? AND epoch <= ?", room[:], int64(through))
}

// Scrub forgets uploads that cannot be continued at a time, and takes what was
// deleted out of the files: the database overwrites it where it stood, and the log
// of its changes is written back and emptied. While another process reads, the
// log stays, and Scrub fails with profile_busy.
func (s *Store) Scrub(ctx context.Context, now time.Time) error {
	err := s.write(ctx, kept, func(tx *sql.Tx) error {
		return dropUploads(ctx, tx, "made < ?", now.Add(-UploadLife).UnixMilli())
	})
	if err != nil {
		return err
	}
	return s.empty(ctx)
}

// empty writes the log of changes back and empties it.
func (s *Store) empty(ctx context.Context) error {
	var busy, pages, moved int
	if err := s.db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved); err != nil {
		return storeError(ctx, err)
	}
	if busy != 0 {
		return errBusy
	}
	return nil
}
