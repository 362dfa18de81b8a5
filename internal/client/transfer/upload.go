package transfer

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
	"unibus/internal/client/call"
	"unibus/internal/profile"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// inflight is how many pieces are in memory at once, whatever the size of the
// blob.
const inflight = 2

// Put encrypts a source under a fresh key and stores it: for a room, or
// with the zero room for the whole bus. The reference holds the key. See
// Watch for what bounds it.
func (b Blobs) Put(ctx context.Context, room bus.RoomID, src Source) (ref blob.Ref, err error) {
	up, err := b.beginUpload(ctx, room, src)
	if err != nil {
		return ref, err
	}
	if ref, err = b.send(ctx, up, src); errors.Is(err, errOtherFile) {
		if up, err = b.startOver(ctx, room, src, up); err != nil {
			return ref, err
		}
		ref, err = b.send(ctx, up, src)
	}
	if err != nil {
		return ref, err
	}
	return ref, b.forgetUpload(ctx, up)
}

// PutAgain is Put that gives the same blob when it is done again, until forget is
// called: for who must keep the reference first. Sources without a mark, and small
// ones, are another blob each time. One that is not what an earlier run sent some of
// is refused, with the code file_changed, and may be put the next time.
func (b Blobs) PutAgain(ctx context.Context, room bus.RoomID, src Source) (ref blob.Ref, forget func(context.Context) error, err error) {
	up, err := b.beginUpload(ctx, room, src)
	if err != nil {
		return ref, nil, err
	}
	forget = func(ctx context.Context) error { return b.forgetUpload(ctx, up) }
	ref, err = b.send(ctx, up, src)
	if errors.Is(err, errOtherFile) {
		err = cmp.Or(forget(ctx), err)
	}
	return ref, forget, err
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
func (b Blobs) beginUpload(ctx context.Context, room bus.RoomID, src Source) (*upload, error) {
	if src.Mark == "" || src.Size < bus.PieceSize {
		return newUpload(room), nil
	}
	id := bus.Hash(sha256.Sum256(fmt.Appendf(nil, "%x\x00%s\x00%s", room[:], src.Name, src.Mark)))
	kept, err := b.Store.Upload(ctx, id)
	if bus.KindOf(err) == bus.NotFound {
		return b.keepUpload(ctx, id, newUpload(room))
	}
	if err != nil {
		return nil, err
	}
	up := &upload{id: id, scope: seal.Scope(room), sent: kept.Pieces}
	if len(kept.Secret) != seal.SecretSize+len(up.salt) {
		return b.keepUpload(ctx, id, newUpload(room))
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

func (b Blobs) keepUpload(ctx context.Context, id bus.Hash, up *upload) (*upload, error) {
	up.id = id
	secret := append(up.key.Bytes(), up.salt[:]...)
	return up, b.Store.PutUpload(ctx, profile.Upload{ID: id, Secret: secret, Made: b.Now()})
}

// forgetUpload ends what beginUpload kept of an upload.
func (b Blobs) forgetUpload(ctx context.Context, up *upload) error {
	if up.id == (bus.Hash{}) {
		return nil
	}
	return b.Store.DeleteUpload(ctx, up.id)
}

// errOtherFile stops an upload before bytes of another file would be encrypted
// under the key of the earlier run: whoever has both could read their
// difference.
var errOtherFile = bus.Errorf(bus.Conflict, "file_changed", "the file changed since its upload was interrupted").
	WithHint("try again: the upload starts anew")

// startOver begins the upload of a file that is not what it was.
func (b Blobs) startOver(ctx context.Context, room bus.RoomID, src Source, old *upload) (*upload, error) {
	if err := b.Store.DeleteUpload(ctx, old.id); err != nil {
		return nil, err
	}
	file, ok := src.Data.(io.Seeker)
	if !ok {
		return nil, errOtherFile
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, errOtherFile.Because(err)
	}
	return b.keepUpload(ctx, old.id, newUpload(room))
}

// send does one upload from its first byte to its last.
func (b Blobs) send(ctx context.Context, up *upload, src Source) (ref blob.Ref, err error) {
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
	if err := b.putPieces(ctx, cutter, up); err != nil {
		return ref, err
	}
	return b.putManifest(ctx, cutter.Manifest(), up)
}

// putPieces uploads the pieces, some at a time; the first error stops all.
func (b Blobs) putPieces(ctx context.Context, cutter *blob.Cutter, up *upload) error {
	var work sync.WaitGroup
	var once sync.Once
	var refused error
	err := cut(ctx, cutter, func(p *blob.Piece, part string) {
		work.Go(func() {
			defer p.Release()
			if err := b.putPiece(ctx, up, p, part); err != nil {
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
func (b Blobs) putPiece(ctx context.Context, up *upload, p *blob.Piece, part string) error {
	number := uint32(p.Index)
	switch before, sent := up.sent[number]; {
	case sent && before != p.ID:
		return errOtherFile
	case sent && b.Call.Call(ctx, call.Request{Method: http.MethodHead, Target: wire.BlobTarget(p.ID)}, nil) == nil:
		m := meter{watch: watchOf(ctx)}
		m.reached(int64(len(p.Data)))
		return nil
	case up.id != (bus.Hash{}):
		if err := b.Store.PutPiece(ctx, up.id, number, p.ID); err != nil {
			return err
		}
	}
	return b.putObject(ctx, up, p.ID, p.Data, part)
}

// putObject stores bytes under their hash. A node that took a part of this
// upload and is away now is waited for, as far as somebody bounds that: it may
// be starting again.
func (b Blobs) putObject(ctx context.Context, up *upload, id bus.Hash, data []byte, part string) error {
	watch := watchOf(ctx)
	defer watch.wait()()
	node := b.Call.Through(counting(&meter{watch: watch}))
	r := call.Request{Method: http.MethodPut, Target: wire.BlobPutTarget(id, scopeText(up.scope), part),
		Kind: "application/octet-stream", Body: data}
	var pause call.Backoff
	for {
		err := node.Call(ctx, r, nil)
		if err == nil {
			up.heard.Store(true)
			return nil
		}
		if watch == nil || !up.heard.Load() || !errors.Is(err, call.ErrUnreachable) || !pause.Sleep(ctx) {
			return err
		}
	}
}

// putManifest ends an upload: a blob of one piece is that piece.
func (b Blobs) putManifest(ctx context.Context, m blob.Manifest, up *upload) (ref blob.Ref, err error) {
	fragment := [blob.FragmentSize]byte(up.key.Fragment(up.scope))
	if len(m.Pieces) == 1 {
		return blob.PieceRef(m.Pieces[0], fragment), nil
	}
	raw, err := m.Encode()
	if err != nil {
		return ref, err
	}
	id := blob.ID(raw)
	return blob.ManifestRef(id, fragment), b.putObject(ctx, up, id, raw, wire.PartManifest)
}
