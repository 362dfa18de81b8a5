package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"math"
	"time"

	"unibus/internal/bus"
	"unibus/internal/membership"
)

const (
	selectBlobs = "SELECT id, scope, uploader, manifest, pieces, size, total, created, expires, sum FROM blobs"
	thisBlob    = " WHERE id = ? AND scope = ? AND uploader = ?"
)

// blobSum covers a total that is there: rows that are older than that column
// keep the sum they have.
func blobSum(r membership.BlobRow) []byte {
	fields := []any{r.ID[:], r.Scope[:], r.Uploader[:], truth(r.Manifest), int64(r.Pieces), r.Size,
		r.Created.UnixMilli(), r.Expires.UnixMilli()}
	if r.Total != 0 {
		fields = append(fields, r.Total)
	}
	return sum(fields...)
}

func scanBlob(row *sql.Rows) (r membership.BlobRow, err error) {
	var created, expires int64
	var check []byte
	if err := row.Scan(id32((*[32]byte)(&r.ID)), id16((*[16]byte)(&r.Scope)), id16((*[16]byte)(&r.Uploader)),
		&r.Manifest, &r.Pieces, &r.Size, &r.Total, &created, &expires, &check); err != nil {
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
	old.Pieces, old.Total = max(old.Pieces, row.Pieces), max(old.Total, row.Total)
	if row.Expires.After(old.Expires) {
		old.Expires = row.Expires
	}
	return old
}

func (t *tx) storeBlob(r membership.BlobRow) error {
	return t.exec("INSERT OR REPLACE INTO blobs (id, scope, uploader, manifest, pieces, size, total, created, expires, sum) "+
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", r.ID[:], r.Scope[:], r.Uploader[:], r.Manifest, r.Pieces, r.Size, r.Total,
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
func (s *Store) BlobsOf(ctx context.Context, scope membership.Scope, after membership.BlobPlace, limit int) ([]membership.BlobRow, error) {
	created := int64(math.MaxInt64)
	if after != (membership.BlobPlace{}) {
		created = after.Created.UnixMilli()
	}
	rows, err := collect(ctx, s.read, scanBlob, selectBlobs+" WHERE scope = ? AND pieces > 0 AND created <= ? "+
		"AND (created < ? OR (id, uploader) > (?, ?)) ORDER BY created DESC, id, uploader LIMIT ?",
		scope[:], created, created, after.ID[:], after.Uploader[:], limit)
	return rows, translate(err)
}

// DeleteBlobs implements membership.Store.
func (s *Store) DeleteBlobs(ctx context.Context, rows []membership.BlobRow) error {
	return s.writer.write(ctx, false, func(t *tx) error {
		for _, r := range rows {
			err := t.exec("DELETE FROM blobs"+thisBlob+" AND expires = ?", r.ID[:], r.Scope[:], r.Uploader[:],
				r.Expires.UnixMilli())
			if err != nil {
				return err
			}
		}
		return nil
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
