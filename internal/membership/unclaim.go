package membership

import (
	"context"
	"slices"

	"unibus/internal/bus"
)

// MayDelete asks before anything of a blob is read whether DeleteBlob would
// remove it: who has no claim to it must not even make the node look at it.
func (s *Service) MayDelete(ctx context.Context, by Signer, id bus.Hash) error {
	by, err := s.user(by)
	if err != nil {
		return err
	}
	_, err = s.claims(ctx, by, id)
	return err
}

// DeleteBlob removes the signer's claims to a blob, an admin everybody's, and
// erases what nobody claims any more; bus.ErrNoBlob when there is no claim
// that he may remove. With a claim to a manifest go those of the same uploader
// in the same scope to its pieces, and no others: what a manifest names, its
// author chose, and an admin who removes it must not lose others their files.
func (s *Service) DeleteBlob(ctx context.Context, by Signer, erase func(bus.Hash) error, id bus.Hash, pieces ...bus.Hash) error {
	by, err := s.user(by)
	if err != nil {
		return err
	}
	claims, err := s.claims(ctx, by, id)
	if err != nil {
		return err
	}
	if err := s.unclaim(ctx, id, claims, erase); err != nil {
		return err
	}
	for _, piece := range pieces {
		rows, err := s.rows(ctx, piece)
		if err != nil {
			return err
		}
		if err := s.unclaim(ctx, piece, ofManifests(rows, claims), erase); err != nil {
			return err
		}
	}
	return nil
}

// ofManifests are the rows of a piece whose uploader has a manifest among
// claims in the same scope.
func ofManifests(rows, claims []BlobRow) []BlobRow {
	return slices.DeleteFunc(rows, func(r BlobRow) bool {
		return !slices.ContainsFunc(claims, func(c BlobRow) bool {
			return c.Manifest && c.Scope == r.Scope && c.Uploader == r.Uploader
		})
	})
}

// unclaim removes rows of a blob, then its bytes when no row is left.
func (s *Service) unclaim(ctx context.Context, id bus.Hash, rows []BlobRow, erase func(bus.Hash) error) error {
	ctx, cancel := context.WithTimeout(ctx, OpTimeout)
	defer cancel()
	for _, r := range rows {
		if err := s.store.DeleteBlob(ctx, r); err != nil {
			return err
		}
	}
	_, err := s.EraseUnclaimed(ctx, id, erase)
	return err
}

// claims are the rows of a blob that by may remove; bus.ErrNoBlob when there
// are none.
func (s *Service) claims(ctx context.Context, by Signer, id bus.Hash) ([]BlobRow, error) {
	rows, err := s.rows(ctx, id)
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(r BlobRow) bool {
		return r.Uploader != by.Account && !by.Admin && !by.unsigned
	})
	if len(rows) == 0 {
		return nil, bus.ErrNoBlob
	}
	return rows, nil
}

func (s *Service) rows(ctx context.Context, id bus.Hash) ([]BlobRow, error) {
	ctx, cancel := context.WithTimeout(ctx, OpTimeout)
	defer cancel()
	return s.store.Blobs(ctx, id)
}

// ExpireBlobs removes expired claims and erases what nobody claims any more.
func (s *Service) ExpireBlobs(ctx context.Context, erase func(bus.Hash) error) (erased int, err error) {
	for {
		rows, err := s.expired(ctx)
		if err != nil || len(rows) == 0 {
			return erased, err
		}
		for _, r := range rows {
			if err := s.store.DeleteBlob(ctx, r); err != nil {
				return erased, err
			}
			gone, err := s.EraseUnclaimed(ctx, r.ID, erase)
			if err != nil {
				return erased, err
			}
			if gone {
				erased++
			}
		}
	}
}

func (s *Service) expired(ctx context.Context) ([]BlobRow, error) {
	ctx, cancel := context.WithTimeout(ctx, OpTimeout)
	defer cancel()
	return s.store.ExpiredBlobs(ctx, s.opts.Now(), maxBlobList)
}
