package client

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"unibus/internal/blob"
	"unibus/internal/bus"
	"unibus/internal/profile"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// inflight is how many pieces are in memory at once, whatever the size of the
// blob.
const inflight = 2

// PutBlob encrypts a source under a fresh key and stores it: for a room, or
// with the zero room for the whole bus. The reference holds the key. See
// WatchTransfers for what bounds it.
func (c *Client) PutBlob(ctx context.Context, room bus.RoomID, src Source) (ref blob.Ref, err error) {
	ref, up, err := c.putBlob(ctx, room, src)
	if err != nil {
		return ref, err
	}
	return ref, c.forgetUpload(ctx, up)
}

// putBlob is PutBlob that remembers the upload: begun again it gives the same blob.
func (c *Client) putBlob(ctx context.Context, room bus.RoomID, src Source) (ref blob.Ref, up *upload, err error) {
	if up, err = c.beginUpload(ctx, room, src); err != nil {
		return ref, nil, err
	}
	ref, err = c.put(ctx, up, src)
	if !errors.Is(err, errOtherFile) {
		return ref, up, err
	}
	if up, err = c.startOver(ctx, room, src, up); err != nil {
		return ref, nil, err
	}
	ref, err = c.put(ctx, up, src)
	return ref, up, err
}

// upload is one blob on its way up.
type upload struct {
	id    bus.Hash // zero: cannot go on after an interruption
	key   seal.BlobKey
	salt  seal.Salt
	scope seal.Scope
	sent  map[uint32]bus.Hash // pieces that an earlier run sent under this key
	heard atomic.Bool         // the node has taken something of it
	stop  context.CancelCauseFunc
}

// beginUpload takes up an interrupted upload of the same file, or begins one.
func (c *Client) beginUpload(ctx context.Context, room bus.RoomID, src Source) (*upload, error) {
	if src.Mark == "" || src.Size < bus.PieceSize {
		return newUpload(room), nil
	}
	id := bus.Hash(sha256.Sum256(fmt.Appendf(nil, "%x\x00%s\x00%s", room[:], src.Name, src.Mark)))
	kept, err := c.store.Upload(ctx, id)
	if bus.KindOf(err) == bus.NotFound {
		return c.keepUpload(ctx, id, newUpload(room))
	}
	if err != nil {
		return nil, err
	}
	up := &upload{id: id, scope: seal.Scope(room), sent: kept.Pieces}
	if len(kept.Secret) != seal.SecretSize+len(up.salt) {
		return c.keepUpload(ctx, id, newUpload(room))
	}
	copy(up.salt[:], kept.Secret[seal.SecretSize:])
	up.key, err = seal.BlobKeyFrom(kept.Secret[:seal.SecretSize])
	return up, err
}

func newUpload(room bus.RoomID) *upload {
	up := &upload{scope: seal.Scope(room)}
	up.key, up.salt = seal.NewBlobKey()
	return up
}

func (c *Client) keepUpload(ctx context.Context, id bus.Hash, up *upload) (*upload, error) {
	up.id = id
	secret := append(up.key.Bytes(), up.salt[:]...)
	return up, c.store.PutUpload(ctx, profile.Upload{ID: id, Secret: secret, Made: c.now()})
}

// forgetUpload ends what beginUpload kept of an upload.
func (c *Client) forgetUpload(ctx context.Context, up *upload) error {
	if up.id == (bus.Hash{}) {
		return nil
	}
	return c.store.DeleteUpload(ctx, up.id)
}

// errOtherFile stops an upload before bytes of another file would be encrypted
// under the key of the earlier run: whoever has both could read their
// difference.
var errOtherFile = bus.Errorf(bus.Conflict, "file_changed", "the file changed since its upload was interrupted").
	WithHint("try again: the upload starts anew")

// startOver begins the upload of a file that is not what it was.
func (c *Client) startOver(ctx context.Context, room bus.RoomID, src Source, old *upload) (*upload, error) {
	if err := c.store.DeleteUpload(ctx, old.id); err != nil {
		return nil, err
	}
	file, ok := src.Data.(io.Seeker)
	if !ok {
		return nil, errOtherFile
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, errOtherFile.Because(err)
	}
	return c.keepUpload(ctx, old.id, newUpload(room))
}

// put does one upload from its first byte to its last.
func (c *Client) put(ctx context.Context, up *upload, src Source) (ref blob.Ref, err error) {
	ctx, up.stop = context.WithCancelCause(ctx)
	defer up.stop(nil)
	if src, err = measure(ctx, src); err != nil {
		return ref, err
	}
	packed, err := seal.Pack(src.Data, seal.File{Name: src.Name, Size: src.Size})
	if err != nil {
		return ref, err
	}
	cutter := blob.NewCutter(seal.EncryptBlob(packed, up.key, up.salt, up.scope), inflight)
	if err := c.putPieces(ctx, cutter, up); err != nil {
		return ref, err
	}
	return c.putManifest(ctx, cutter.Manifest(), up)
}

// putPieces uploads the pieces, some at a time; the first error stops all.
func (c *Client) putPieces(ctx context.Context, cutter *blob.Cutter, up *upload) error {
	var work sync.WaitGroup
	var once sync.Once
	var refused error
	err := cut(ctx, cutter, func(p *blob.Piece, part string) {
		work.Go(func() {
			defer p.Release()
			if err := c.putPiece(ctx, up, p, part); err != nil {
				once.Do(func() { refused = err })
				up.stop(err)
			}
		})
	})
	work.Wait()
	return cmp.Or(refused, err)
}

// cut hands out the pieces. Whether the first is the whole blob is only known
// when there is no second.
func cut(ctx context.Context, cutter *blob.Cutter, send func(*blob.Piece, string)) error {
	first, err := cutter.Next(ctx)
	if err != nil {
		return err
	}
	part := wire.PartWhole
	p, err := cutter.Next(ctx)
	if err == nil {
		part = wire.PartPiece
	}
	if err != nil && !errors.Is(err, io.EOF) {
		first.Release()
		return err
	}
	for send(first, part); err == nil; p, err = cutter.Next(ctx) {
		send(p, wire.PartPiece)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// putPiece uploads one piece, unless an earlier run did. It is remembered
// before it is sent, so that no run sends another under its key.
func (c *Client) putPiece(ctx context.Context, up *upload, p *blob.Piece, part string) error {
	number := uint32(p.Index)
	switch before, sent := up.sent[number]; {
	case sent && before != p.ID:
		return errOtherFile
	case sent && c.call.call(ctx, request{method: http.MethodHead, target: wire.BlobTarget(p.ID)}, nil) == nil:
		m := meter{watch: watchOf(ctx)}
		m.reached(int64(len(p.Data)))
		return nil
	case up.id != (bus.Hash{}):
		if err := c.store.PutPiece(ctx, up.id, number, p.ID); err != nil {
			return err
		}
	}
	return c.putObject(ctx, up, p.ID, p.Data, part)
}

// putObject stores bytes under their hash. A node that took a part of this
// upload and is away now is waited for, as far as somebody bounds that: it may
// be starting again.
func (c *Client) putObject(ctx context.Context, up *upload, id bus.Hash, data []byte, part string) error {
	watch := watchOf(ctx)
	defer watch.wait()()
	call := c.call.metered(&meter{watch: watch})
	r := request{method: http.MethodPut, target: wire.BlobPutTarget(id, scopeText(up.scope), part),
		kind: "application/octet-stream", body: data}
	var pause backoff
	for {
		err := call.call(ctx, r, nil)
		if err == nil {
			up.heard.Store(true)
			return nil
		}
		if watch == nil || !up.heard.Load() || !errors.Is(err, errUnreachable) || !pause.sleep(ctx) {
			return err
		}
	}
}

// putManifest ends an upload: a blob of one piece is that piece.
func (c *Client) putManifest(ctx context.Context, m blob.Manifest, up *upload) (ref blob.Ref, err error) {
	fragment := [blob.FragmentSize]byte(up.key.Fragment(up.scope))
	if len(m.Pieces) == 1 {
		return blob.PieceRef(m.Pieces[0], fragment), nil
	}
	raw, err := m.Encode()
	if err != nil {
		return ref, err
	}
	id := blob.ID(raw)
	return blob.ManifestRef(id, fragment), c.putObject(ctx, up, id, raw, wire.PartManifest)
}
