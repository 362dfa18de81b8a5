package membership

import (
	"context"
	"iter"
	"slices"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
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
//
// The pieces go in batches, and the claim to the manifest last: when this is
// broken off, the same call again goes on with it. Bytes whose claims went and
// that were not erased any more are found by CollectBlobs.
func (s *Service) DeleteBlob(ctx context.Context, by Signer, erase func(bus.Hash) error, id bus.Hash, pieces ...bus.Hash) error {
	by, err := s.user(by)
	if err != nil {
		return err
	}
	claims, err := s.claims(ctx, by, id)
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(pieces, BlobBatch) {
		if err := s.unclaimPieces(ctx, batch, claims, erase); err != nil {
			return err
		}
	}
	return s.unclaim(ctx, claims, []bus.Hash{id}, erase)
}

// unclaimPieces removes the claims to pieces that go with claims to their
// manifest.
func (s *Service) unclaimPieces(ctx context.Context, pieces []bus.Hash, manifests []BlobRow, erase func(bus.Hash) error) error {
	var gone []BlobRow
	for _, piece := range pieces {
		rows, err := s.rows(ctx, piece)
		if err != nil {
			return err
		}
		gone = append(gone, ofManifests(rows, manifests)...)
	}
	return s.unclaim(ctx, gone, pieces, erase)
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

// unclaim removes rows, then the bytes of those of ids that have no row left.
func (s *Service) unclaim(ctx context.Context, rows []BlobRow, ids []bus.Hash, erase func(bus.Hash) error) error {
	for batch := range slices.Chunk(rows, BlobBatch) {
		if err := s.deleteRows(ctx, batch); err != nil {
			return err
		}
	}
	for _, id := range ids {
		if _, err := s.EraseUnclaimed(ctx, id, erase); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) deleteRows(ctx context.Context, rows []BlobRow) error {
	ctx, cancel := context.WithTimeout(ctx, OpTimeout)
	defer cancel()
	return s.store.DeleteBlobs(ctx, rows)
}

// claims are the rows of a blob that by may remove; bus.ErrNoBlob when there
// are none.
func (s *Service) claims(ctx context.Context, by Signer, id bus.Hash) ([]BlobRow, error) {
	rows, err := s.rows(ctx, id)
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(r BlobRow) bool {
		return !by.unsigned && !by.Admin && (r.Uploader != by.Account || !by.publishes(r.Scope))
	})
	if len(rows) == 0 {
		return nil, bus.ErrNoBlob
	}
	return rows, nil
}

// publishes reports whether the scope of an endpoint lets it put blobs in a
// scope, and so remove its user's.
func (s Signer) publishes(scope Scope) bool {
	return s.Rights.Scope == nil || scope != (Scope{}) && s.Rights.Verbs(bus.RoomID(scope)).Has(account.VerbPublish)
}

func (s *Service) rows(ctx context.Context, id bus.Hash) ([]BlobRow, error) {
	ctx, cancel := context.WithTimeout(ctx, OpTimeout)
	defer cancel()
	return s.store.Blobs(ctx, id)
}

// CollectBlobs erases those of ids, all of them stored bytes, that nobody
// claims: what a crash left between the bytes of an upload and the claim to
// them, or between the end of a claim and that of its bytes.
func (s *Service) CollectBlobs(ctx context.Context, ids iter.Seq2[bus.Hash, error], erase func(bus.Hash) error) (erased int, err error) {
	for id, err := range ids {
		if err != nil {
			return erased, err
		}
		gone, err := s.EraseUnclaimed(ctx, id, erase)
		if err != nil {
			return erased, err
		}
		if gone {
			erased++
		}
	}
	return erased, nil
}

// ExpireBlobs removes expired claims and erases what nobody claims any more.
func (s *Service) ExpireBlobs(ctx context.Context, erase func(bus.Hash) error) (erased int, err error) {
	for {
		rows, err := s.expired(ctx)
		if err != nil || len(rows) == 0 {
			return erased, err
		}
		if err := s.deleteRows(ctx, rows); err != nil {
			return erased, err
		}
		for _, r := range rows {
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
	return s.store.ExpiredBlobs(ctx, s.opts.Now(), BlobBatch)
}
