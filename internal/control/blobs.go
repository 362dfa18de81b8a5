package control

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"

	"unibus/internal/blob"
	"unibus/internal/bus"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

func (x *exchange) listBlobs() error {
	scope, err := x.scope()
	if err != nil {
		return err
	}
	after, err := x.place()
	if err != nil {
		return err
	}
	limit, err := x.number("limit", membership.MaxBlobList)
	if err != nil || limit == 0 || limit > membership.MaxBlobList {
		return badNumber("limit")
	}
	return x.json(x.o.Membership.ListBlobs(x.ctx(), x.by, scope, after, int(limit)))
}

// place is where a page of a listing begins.
func (x *exchange) place() (membership.BlobPlace, error) {
	text, asked := x.query["after"]
	if !asked {
		return membership.BlobPlace{}, nil
	}
	return membership.ParseBlobPlace(text)
}

// scope reads whose a blob is: a room's, or everybody's on the bus.
func (x *exchange) scope() (membership.Scope, error) {
	text := x.query["scope"]
	if text == "bus" {
		return membership.Scope{}, nil
	}
	room, err := bus.ParseRoomID(text)
	if err == nil && room == (bus.RoomID{}) { // that scope has another name
		err = errScope
	}
	return membership.Scope(room), err
}

var (
	errScope = bus.Errorf(bus.Invalid, "bad_scope", "a scope is a room's id, or bus")
	errPart  = bus.Errorf(bus.Invalid, "bad_part", "a part is piece, whole or manifest")
	errID    = bus.Errorf(bus.Invalid, "other_digest", "the digest of the body is not the id of the blob")
)

// putBlob stores a piece, a whole blob or a manifest. The rules are asked
// before the body is read, and again when it is stored: rights may have gone
// while it came.
func (x *exchange) putBlob() error {
	up, err := x.upload()
	if err != nil {
		return err
	}
	if err := x.o.Membership.MayUpload(x.ctx(), x.by, up.Scope, max(x.http.ContentLength, 0)); err != nil {
		return err
	}
	if up.Part == membership.PartManifest || x.http.ContentLength < 0 {
		return x.putWhole(up)
	}
	body, err := x.streamed()
	if err != nil {
		return err
	}
	up.Size = x.http.ContentLength
	return x.done(x.store(up, body))
}

// upload reads what an upload says it is.
func (x *exchange) upload() (up membership.Upload, err error) {
	if up.ID, err = bus.ParseHash(x.values[0]); err != nil {
		return up, err
	}
	if up.Scope, err = x.scope(); err != nil {
		return up, err
	}
	switch x.query["part"] {
	case wire.PartPiece:
		up.Part = membership.PartPiece
	case wire.PartWhole:
		up.Part = membership.PartWhole
	case wire.PartManifest:
		up.Part = membership.PartManifest
	default:
		return up, errPart
	}
	if x.signed && x.digest != up.ID {
		return up, errID
	}
	return up, nil
}

// putWhole takes a body into memory, under the budget: a manifest, which must
// be read, and a body whose length was not declared.
func (x *exchange) putWhole(up membership.Upload) error {
	if err := x.readAll(); err != nil {
		return err
	}
	up.Size = int64(len(x.raw))
	if up.Part == membership.PartManifest {
		if err := x.reserve(up.Size); err != nil { // the list that is made of it
			return err
		}
		m, err := blob.ParseManifest(x.raw)
		if err != nil {
			return err
		}
		up.Pieces, up.Total = m.Pieces, m.Total
	}
	return x.done(x.store(up, bytes.NewReader(x.raw)))
}

// store keeps the bytes, then the claim to them.
func (x *exchange) store(up membership.Upload, body io.Reader) error {
	release, err := x.o.Membership.HoldBlob(x.ctx(), up.ID)
	if err != nil {
		return err
	}
	defer release()
	err = x.o.Blobs.Put(x.ctx(), up.ID, body, up.Size)
	switch {
	case err == nil:
		err = x.o.Membership.AddBlob(x.ctx(), x.by, up)
	case !errors.Is(err, blob.ErrStore) && !errors.Is(err, blob.ErrFull):
		return err // nothing was stored
	}
	if err != nil {
		release()
		x.eraseUnclaimed(up.ID)
	}
	return err
}

// eraseUnclaimed removes bytes whose claim was refused, also when the request
// is over.
func (x *exchange) eraseUnclaimed(id bus.Hash) {
	ctx := context.WithoutCancel(x.ctx())
	if _, err := x.o.Membership.EraseUnclaimed(ctx, id, x.erase(ctx)); err != nil {
		x.o.Log.Warn("unclaimed blob stays", append(x.about(), "err", err)...)
	}
}

func (x *exchange) erase(ctx context.Context) func(bus.Hash) error {
	return func(id bus.Hash) error { return x.o.Blobs.Delete(ctx, id) }
}

// source is a blob that the signer may read, as long as still says so.
type source struct {
	io.ReadSeekCloser
	size  int64 // in bytes
	still func() error
}

// open finds a blob that the signer may read.
func (x *exchange) open() (src source, err error) {
	id, err := bus.ParseHash(x.values[0])
	if err != nil {
		return src, err
	}
	if src.still, err = x.o.Membership.MayRead(x.ctx(), x.by, id); err != nil {
		return src, err
	}
	src.ReadSeekCloser, src.size, err = x.o.Blobs.Get(x.ctx(), id)
	return src, err
}

func (x *exchange) headBlob() error {
	src, err := x.open()
	if err != nil {
		return err
	}
	x.blobHeader(span{0, src.size}, src.size)
	return src.Close()
}

// getBlob sends a blob or a range of it, until its reader may read it no
// longer. Its bytes are not checked here, since who asked checks them: they may
// also be damaged on the way.
func (x *exchange) getBlob() error {
	src, err := x.open()
	if err != nil {
		return err
	}
	defer src.Close()
	part := spanOf(x.http.Header.Get("Range"), src.size)
	if _, err := src.Seek(part.from, io.SeekStart); err != nil {
		return err
	}
	x.blobHeader(part, src.size)
	_, err = io.CopyBuffer(guarded{x.w, src.still}, io.LimitReader(src, part.size), make([]byte, chunk))
	return err
}

func (x *exchange) blobHeader(part span, size int64) {
	h, status := x.w.Header(), http.StatusOK
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.FormatInt(part.size, 10))
	h.Set("Accept-Ranges", "bytes")
	if part.size != size {
		h.Set("Content-Range", part.contentRange(size))
		status = http.StatusPartialContent
	}
	x.w.WriteHeader(status)
}

// deleteBlob removes a blob with its pieces.
func (x *exchange) deleteBlob() error {
	id, err := bus.ParseHash(x.values[0])
	if err != nil {
		return err
	}
	if err := x.o.Membership.MayDelete(x.ctx(), x.by, id); err != nil {
		return err
	}
	pieces, err := x.pieces(id)
	if err != nil {
		return err
	}
	return x.done(x.o.Membership.DeleteBlob(x.ctx(), x.by, x.erase(x.ctx()), id, pieces...))
}

// pieces lists those that the bytes of a blob name if they are a manifest.
// Whether it is one, and whose pieces they are, the rules know.
func (x *exchange) pieces(id bus.Hash) ([]bus.Hash, error) {
	src, size, err := x.o.Blobs.Get(x.ctx(), id)
	if errors.Is(err, bus.ErrNoBlob) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer src.Close()
	if err := x.reserve(2 * size); err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(src, size))
	if err != nil {
		return nil, err
	}
	m, err := blob.ParseManifest(raw)
	if err != nil { // it is none
		return nil, nil
	}
	return m.Pieces, nil
}
