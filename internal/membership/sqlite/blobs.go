package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"time"

	"unibus/internal/bus"
	"unibus/internal/membership"
)

const (
	selectBlobs = "SELECT id, scope, uploader, manifest, pieces, size, created, expires, sum FROM blobs"
	thisBlob    = " WHERE id = ? AND scope = ? AND uploader = ?"
)

func blobSum(r membership.BlobRow) []byte {
	return sum(r.ID[:], r.Scope[:], r.Uploader[:], truth(r.Manifest), int64(r.Pieces), r.Size,
		r.Created.UnixMilli(), r.Expires.UnixMilli())
}

func scanBlob(row *sql.Rows) (r membership.BlobRow, err error) {
	var created, expires int64
	var check []byte
	if err := row.Scan(id32((*[32]byte)(&r.ID)), id16((*[16]byte)(&r.Scope)), id16((*[16]byte)(&r.Uploader)),
		&r.Manifest, &r.Pieces, &r.Size, &created, &expires, &check); err != nil {
		return r, err
	}
	r.Created, r.Expires = time.UnixMilli(created).UTC(), time.UnixMilli(expires).UTC()
	if !bytes.Equal(check, blobSum(r)) {
		return r, membership.ErrDamaged
	}
	return r, nil
}

// PutBlob implements membership.Store.
func (s *Store) PutBlob(ctx context.Context, row membership.BlobRow) error {
	return s.writer.write(ctx, false, func(t *tx) error {
		old, err := collect(t.ctx, t, scanBlob, selectBlobs+thisBlob, row.ID[:], row.Scope[:], row.Uploader[:])
		if err != nil {
			return err
		}
		if len(old) == 1 {
			return t.storeBlob(merge(old[0], row))
		}
		return t.storeBlob(row)
	})
}

// merge renews a row by a later upload of the same bytes.
func merge(old, row membership.BlobRow) membership.BlobRow {
	old.Manifest = old.Manifest || row.Manifest
	old.Pieces = max(old.Pieces, row.Pieces)
	if row.Expires.After(old.Expires) {
		old.Expires = row.Expires
	}
	return old
}

func (t *tx) storeBlob(r membership.BlobRow) error {
	return t.exec("INSERT OR REPLACE INTO blobs (id, scope, uploader, manifest, pieces, size, created, expires, sum) "+
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", r.ID[:], r.Scope[:], r.Uploader[:], r.Manifest, r.Pieces, r.Size,
		r.Created.UnixMilli(), r.Expires.UnixMilli(), blobSum(r))
}

// RenewBlobs implements membership.Store.
func (s *Store) RenewBlobs(ctx context.Context, scope membership.Scope, uploader bus.AccountID, ids []bus.Hash, expires time.Time) (found int, err error) {
	err = s.writer.write(ctx, false, func(t *tx) error {
		found = 0
		for _, id := range ids {
			rows, err := collect(t.ctx, t, scanBlob, selectBlobs+thisBlob, id[:], scope[:], uploader[:])
			if err != nil {
				return err
			}
			for _, row := range rows {
				found++
				if err := t.storeBlob(merge(row, membership.BlobRow{Expires: expires})); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return found, err
}

// Blobs implements membership.Store.
func (s *Store) Blobs(ctx context.Context, id bus.Hash) ([]membership.BlobRow, error) {
	rows, err := collect(ctx, s.read, scanBlob, selectBlobs+" WHERE id = ?", id[:])
	return rows, translate(err)
}

// BlobsOf implements membership.Store.
func (s *Store) BlobsOf(ctx context.Context, scope membership.Scope, limit int) ([]membership.BlobRow, error) {
	rows, err := collect(ctx, s.read, scanBlob,
		selectBlobs+" WHERE scope = ? AND pieces > 0 ORDER BY created DESC, id LIMIT ?", scope[:], limit)
	return rows, translate(err)
}

// DeleteBlob implements membership.Store.
func (s *Store) DeleteBlob(ctx context.Context, row membership.BlobRow) error {
	return s.writer.write(ctx, false, func(t *tx) error {
		return t.exec("DELETE FROM blobs"+thisBlob+" AND expires = ?", row.ID[:], row.Scope[:], row.Uploader[:],
			row.Expires.UnixMilli())
	})
}

// ExpiredBlobs implements membership.Store.
func (s *Store) ExpiredBlobs(ctx context.Context, now time.Time, limit int) ([]membership.BlobRow, error) {
	rows, err := collect(ctx, s.read, scanBlob,
		selectBlobs+" WHERE expires < ? ORDER BY expires LIMIT ?", now.UnixMilli(), limit)
	return rows, translate(err)
}

// BlobBytes implements membership.Store.
func (s *Store) BlobBytes(ctx context.Context, by bus.AccountID) (int64, error) {
	n, err := number(ctx, s.read, "SELECT coalesce(sum(max(size, ?)), 0) FROM blobs WHERE uploader = ?",
		membership.BlobFloor, by[:])
	return n, translate(err)
}
