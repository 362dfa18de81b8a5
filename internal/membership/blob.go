package membership

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
)

// Part is what an upload is of a blob.
type Part uint8

// A piece of a larger blob lives PieceLife, until a manifest names it; a whole
// blob of one piece, and a manifest, as long as its room keeps messages.
const (
	PartPiece Part = iota + 1
	PartWhole
	PartManifest
)

// PieceLife is how long a piece waits for its manifest.
const PieceLife = 24 * time.Hour

// MaxBlobList bounds one page of a listing.
const MaxBlobList = 1000

// Upload is one stored object.
type Upload struct {
	ID     bus.Hash
	Scope  Scope
	Size   int64 // of the stored bytes
	Part   Part
	Pieces []bus.Hash // of a manifest
	Total  int64      // of a manifest: bytes in all pieces
}

// MayUpload asks before a body is read whether AddBlob would take it: the
// signer writes in the scope's room, and size fits his cap.
func (s *Service) MayUpload(ctx context.Context, by Signer, scope Scope, size int64) error {
	by, _, err := s.uploader(by, scope)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, OpTimeout)
	defer cancel()
	return s.fits(ctx, by, size)
}

// uploader is by as he is now if he may put blobs in scope, and how long they
// are kept there.
func (s *Service) uploader(by Signer, scope Scope) (found Signer, keep time.Duration, err error) {
	err = s.ask(by, func(v *view, by Signer) error {
		found, keep = by, bus.DefaultRetention
		switch {
		case by.OneTime():
			return errGuest
		case scope == (Scope{}) && by.Rights.Scope != nil:
			return roomlog.ErrScope
		case scope == (Scope{}):
			return nil
		}
		at, err := v.seat(by, bus.RoomID(scope))
		if err != nil {
			return err
		}
		keep = at.state.Retention
		if !at.writes {
			return errReadOnly
		}
		return nil
	})
	return found, keep, err
}

var errReadOnly = bus.Errorf(bus.Forbidden, "read_only", "you may only read in this room").
	WithHint("ask an owner of the room")

func (s *Service) fits(ctx context.Context, by Signer, size int64) error {
	if by.unsigned {
		return nil
	}
	used, err := s.store.BlobBytes(ctx, by.Account)
	if err == nil && (size < 0 || max(size, BlobFloor) > s.opts.Caps.BlobBytes-used) {
		err = errBlobCap
	}
	return err
}

// AddBlob records an upload whose bytes are stored; the same again renews its
// expiry. A manifest is taken only when the same uploader put every piece in
// the same scope, else Conflict (no_piece).
func (s *Service) AddBlob(ctx context.Context, by Signer, u Upload) error {
	by, keep, err := s.uploader(by, u.Scope)
	if err != nil {
		return err
	}
	now := s.opts.Now().UTC().Truncate(time.Millisecond)
	row := BlobRow{ID: u.ID, Scope: u.Scope, Uploader: by.Account, Size: u.Size, Created: now, Expires: now.Add(keep)}
	switch u.Part {
	case PartPiece:
		row.Expires = now.Add(min(keep, PieceLife))
	case PartWhole:
		row.Pieces = 1
	case PartManifest:
		row.Manifest, row.Pieces, row.Total = true, len(u.Pieces), u.Total
		if err := s.keepPieces(ctx, row, u.Pieces); err != nil {
			return err
		}
	default:
		return errPart
	}
	return s.putBlob(ctx, by, row)
}

var (
	errPart  = bus.Errorf(bus.Invalid, "bad_part", "an upload is a piece, a whole blob or a manifest")
	errPiece = bus.Errorf(bus.Conflict, "no_piece", "the manifest names a piece that you have not put in this scope").
			WithHint("put the pieces first")
)

// keepPieces lets the pieces of a manifest live as long as it does.
func (s *Service) keepPieces(ctx context.Context, manifest BlobRow, pieces []bus.Hash) error {
	if len(pieces) == 0 || len(pieces) > bus.MaxPieces {
		return errPiece
	}
	each := slices.Clone(pieces)
	slices.SortFunc(each, func(a, b bus.Hash) int { return bytes.Compare(a[:], b[:]) })
	for ids := range slices.Chunk(slices.Compact(each), BlobBatch) {
		ctx, cancel := context.WithTimeout(ctx, OpTimeout)
		found, err := s.store.RenewBlobs(ctx, manifest.Scope, manifest.Uploader, ids, manifest.Expires)
		cancel()
		if err != nil {
			return err
		}
		if found != len(ids) {
			return errPiece
		}
	}
	return nil
}

// putBlob stores the row if it fits. One at a time for each uploader, so that
// parallel uploads do not pass the cap together.
func (s *Service) putBlob(ctx context.Context, by Signer, row BlobRow) error {
	lock := s.quota(row.Uploader)
	lock.Lock()
	defer lock.Unlock()
	ctx, cancel := context.WithTimeout(ctx, OpTimeout)
	defer cancel()
	rows, err := s.store.Blobs(ctx, row.ID)
	if err != nil {
		return err
	}
	mine := slices.ContainsFunc(rows, func(r BlobRow) bool { return r.Scope == row.Scope && r.Uploader == row.Uploader })
	if !mine {
		if err := s.fits(ctx, by, row.Size); err != nil {
			return err
		}
	}
	return s.store.PutBlob(ctx, row)
}

func (s *Service) quota(id bus.AccountID) *sync.Mutex { return &s.quotas[int(id[0])%len(s.quotas)] }
