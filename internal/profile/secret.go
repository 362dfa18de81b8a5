package profile

import (
	"context"
	"strconv"

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
