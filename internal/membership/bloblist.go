package membership

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// MayRead asks whether the signer may read a blob; bus.ErrNoBlob for foreign
// and unknown ones alike. Still asks again, as often as one likes since it
// needs no store: who sends a blob asks between its parts, so that nobody who
// is removed or revoked meanwhile gets the rest.
func (s *Service) MayRead(ctx context.Context, by Signer, id bus.Hash) (still func() error, err error) {
	if _, err := s.user(by); err != nil {
		return nil, err
	}
	rows, err := s.rows(ctx, id)
	if err != nil {
		return nil, err
	}
	now := s.opts.Now()
	rows = slices.DeleteFunc(rows, func(r BlobRow) bool { return !now.Before(r.Expires) })
	still = func() error {
		return s.ask(by, func(v *view, by Signer) error {
			if slices.ContainsFunc(rows, func(r BlobRow) bool { return v.reads(by, r.Scope) }) {
				return nil
			}
			return bus.ErrNoBlob
		})
	}
	return still, still()
}

// reads reports whether a signer may read the blobs of a scope.
func (v *view) reads(by Signer, scope Scope) bool {
	if scope == (Scope{}) {
		return by.Rights.Scope == nil
	}
	at, err := v.seat(by, bus.RoomID(scope))
	return err == nil && at.reads
}

// ListBlobs lists whole blobs and manifests of a scope behind a place, newest
// first, at most limit and MaxBlobList of them.
func (s *Service) ListBlobs(ctx context.Context, by Signer, scope Scope, after BlobPlace, limit int) (out wire.List[wire.Blob], err error) {
	if _, err := s.user(by); err != nil {
		return out, err
	}
	limit = min(limit, MaxBlobList)
	ctx, cancel := context.WithTimeout(ctx, OpTimeout)
	defer cancel()
	rows, err := s.store.BlobsOf(ctx, scope, after, limit+1)
	if err != nil {
		return out, err
	}
	if len(rows) > limit {
		rows = rows[:limit]
		out.Next = rows[limit-1].place().String()
	}
	out.Items = []wire.Blob{}
	err = s.ask(by, func(v *view, by Signer) error {
		if !v.reads(by, scope) {
			return bus.ErrNotMember
		}
		for _, r := range rows {
			out.Items = append(out.Items, v.blob(r))
		}
		return nil
	})
	if err != nil {
		return wire.List[wire.Blob]{}, err
	}
	return out, nil
}

func (v *view) blob(r BlobRow) wire.Blob {
	b := wire.Blob{ID: r.ID, Size: max(r.Size, r.Total), Pieces: r.Pieces, Created: r.Created, Expires: r.Expires}
	if a := v.log.Account(r.Uploader); a != nil {
		b.Uploader = a.Handle
	}
	return b
}

func (r BlobRow) place() BlobPlace { return BlobPlace{r.Created, r.ID, r.Uploader} }

// String is the place as one word of base64url, for clients to hand back:
//
//	milliseconds since 1970, 8 | blob 32 | uploader 16
func (p BlobPlace) String() string {
	b := binary.BigEndian.AppendUint64(nil, uint64(p.Created.UnixMilli()))
	b = append(append(b, p.ID[:]...), p.Uploader[:]...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseBlobPlace reads what String wrote and nothing else.
func ParseBlobPlace(text string) (p BlobPlace, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != 8+len(p.ID)+len(p.Uploader) {
		return p, errPlace
	}
	p.Created = time.UnixMilli(int64(binary.BigEndian.Uint64(b))).UTC()
	copy(p.ID[:], b[8:])
	copy(p.Uploader[:], b[8+len(p.ID):])
	if p.String() != text { // such as line ends, which base64 passes over
		return BlobPlace{}, errPlace
	}
	return p, nil
}

var errPlace = bus.Errorf(bus.Invalid, "bad_place", "this is no place in a listing").
	WithHint("hand back what the page before gave as next")
