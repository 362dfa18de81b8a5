package profile

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"time"

	"unibus/internal/bus"
)

// Upload is a file on its way to the bus, so that another run can go on.
type Upload struct {
	ID     bus.Hash // SHA-256 over what makes it the same upload: path, size, time of change, scope
	Secret []byte   // key and salt: the same ones make the same pieces again
	Made   time.Time
	Pieces map[uint32]bus.Hash // by number, those that the node has
}

// UploadLife is how long an upload can be continued: the node forgets pieces
// that nothing refers to.
const UploadLife = 7 * 24 * time.Hour

var errNoUpload = bus.Errorf(bus.NotFound, "no_upload", "no such upload was begun")

func uploadPlace(id bus.Hash, made int64) string {
	return "upload/" + id.String() + "/" + strconv.FormatInt(made, 10)
}

func piecePlace(id bus.Hash, number uint32) string {
	return "piece/" + id.String() + "/" + strconv.FormatUint(uint64(number), 10)
}

// PutUpload begins an upload; one of the same ID is forgotten with its pieces.
// So is every one that was made UploadLife before this one.
func (s *Store) PutUpload(ctx context.Context, u Upload) error {
	made := u.Made.UnixMilli()
	return s.write(ctx, kept, func(tx *sql.Tx) error {
		old := made - UploadLife.Milliseconds()
		if err := dropUploads(ctx, tx, "id = ? OR made < ?", u.ID[:], old); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO upload (id, made, sealed) VALUES (?, ?, ?)",
			u.ID[:], made, s.key.Seal(uploadPlace(u.ID, made), u.Secret))
		if err != nil {
			return err
		}
		for number, piece := range u.Pieces {
			if err := s.putPiece(ctx, tx, u.ID, number, piece); err != nil {
				return err
			}
		}
		return nil
	})
}

// PutPiece remembers that the node has a piece of an upload.
func (s *Store) PutPiece(ctx context.Context, upload bus.Hash, number uint32, piece bus.Hash) error {
	return s.write(ctx, cached, func(tx *sql.Tx) error { return s.putPiece(ctx, tx, upload, number, piece) })
}

func (s *Store) putPiece(ctx context.Context, tx *sql.Tx, upload bus.Hash, number uint32, piece bus.Hash) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO piece (upload, number, sealed) VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET sealed = excluded.sealed`,
		upload[:], number, s.key.Seal(piecePlace(upload, number), piece[:]))
	return err
}

// Upload returns an upload that was begun; NotFound, code no_upload, where
// there is none. It may be older than UploadLife when none was begun since.
func (s *Store) Upload(ctx context.Context, id bus.Hash) (Upload, error) {
	u := Upload{ID: id, Pieces: map[uint32]bus.Hash{}}
	err := s.read(ctx, func(tx *sql.Tx) error {
		var made int64
		var sealed []byte
		err := tx.QueryRowContext(ctx, "SELECT made, sealed FROM upload WHERE id = ?", id[:]).Scan(&made, &sealed)
		if errors.Is(err, sql.ErrNoRows) {
			return errNoUpload
		}
		if err != nil {
			return err
		}
		u.Made = time.UnixMilli(made).UTC()
		if u.Secret, err = s.key.Open(uploadPlace(id, made), sealed); err != nil {
			return err
		}
		return s.pieces(ctx, tx, u)
	})
	if err != nil {
		return Upload{}, err
	}
	return u, nil
}

func (s *Store) pieces(ctx context.Context, tx *sql.Tx, u Upload) error {
	return each(ctx, tx, func(scan func(...any) error) error {
		var number uint32
		var sealed []byte
		if err := scan(&number, &sealed); err != nil {
			return err
		}
		raw, err := s.key.Open(piecePlace(u.ID, number), sealed)
		if err != nil {
			return err
		}
		if len(raw) != len(bus.Hash{}) {
			return errValue
		}
		u.Pieces[number] = bus.Hash(raw)
		return nil
	}, "SELECT number, sealed FROM piece WHERE upload = ?", u.ID[:])
}

// DeleteUpload forgets an upload that is done, or was given up.
func (s *Store) DeleteUpload(ctx context.Context, id bus.Hash) error {
	return s.write(ctx, kept, func(tx *sql.Tx) error { return dropUploads(ctx, tx, "id = ?", id[:]) })
}

// dropUploads also deletes pieces that came after their upload was gone.
func dropUploads(ctx context.Context, tx *sql.Tx, where string, args ...any) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM upload WHERE "+where, args...); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM piece WHERE upload NOT IN (SELECT id FROM upload)")
	return err
}
