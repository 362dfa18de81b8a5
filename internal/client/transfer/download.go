package transfer

import (
	"context"
	"errors"
	"io"
	"net/http"

	"unibus/internal/blob"
	"unibus/internal/bus"
	"unibus/internal/client/call"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// Download is a blob that is being read. Its data are given out only as far as
// they are verified, and are whole only at io.EOF.
type Download struct {
	seal.File
	Data   io.Reader
	Pieces int
	Stored int64 // ciphertext bytes
	closer func() error
}

// Close ends the download.
func (d *Download) Close() error { return d.closer() }

// Get opens what a reference names. The download ends with ctx; see
// Watch for what else bounds it.
func (b Blobs) Get(ctx context.Context, ref blob.Ref) (*Download, error) {
	fragment := ref.Fragment()
	key, scope, err := seal.ParseFragment(fragment[:])
	if err != nil {
		return nil, err
	}
	d, ciphertext, err := b.openBlob(ctx, ref)
	if err != nil {
		return nil, err
	}
	d.File, d.Data, err = seal.Unpack(seal.DecryptBlob(ciphertext, key, scope))
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func (b Blobs) openBlob(ctx context.Context, ref blob.Ref) (*Download, io.Reader, error) {
	if !ref.IsManifest() {
		o, err := b.openObject(ctx, ref.ID())
		if err != nil {
			return nil, nil, err
		}
		if o.size < 0 || o.size > bus.MaxPieceBody {
			o.Close()
			return nil, nil, blob.ErrSize
		}
		d := &Download{Pieces: 1, Stored: o.size, closer: o.Close}
		return d, blob.Verify(o, ref.ID(), o.size), nil
	}
	m, err := b.manifest(ctx, ref.ID())
	if err != nil {
		return nil, nil, err
	}
	join := blob.Join(ctx, m, inflight, func(ctx context.Context, id bus.Hash) (io.ReadCloser, error) {
		return b.openObject(ctx, id)
	})
	return &Download{Pieces: len(m.Pieces), Stored: m.Total, closer: join.Close}, join, nil
}

func (b Blobs) manifest(ctx context.Context, id bus.Hash) (m blob.Manifest, err error) {
	o, err := b.openObject(ctx, id)
	if err != nil {
		return m, err
	}
	defer o.Close()
	raw, err := io.ReadAll(io.LimitReader(o, bus.MaxPieceBody+1))
	if err != nil {
		return m, err
	}
	if blob.ID(raw) != id {
		return m, blob.ErrDigest
	}
	return blob.ParseManifest(raw)
}

// object is a piece or a manifest that is being read. When the connection
// breaks it is asked for again and read on from where it was: its reader checks
// the hash of all of it, so that it does not matter in how many parts it came.
type object struct {
	ctx   context.Context
	b     Blobs
	id    bus.Hash
	size  int64 // as the node says, -1 when it does not
	body  io.ReadCloser
	at    int64
	pause call.Backoff
	meter meter
}

func (b Blobs) openObject(ctx context.Context, id bus.Hash) (*object, error) {
	o := &object{ctx: ctx, b: b, id: id, meter: meter{watch: watchOf(ctx)}}
	return o, o.open()
}

func (o *object) open() error {
	defer o.meter.watch.wait()()
	res, err := o.b.Call.Do(o.ctx, call.Request{Method: http.MethodGet, Target: wire.BlobTarget(o.id)})
	if err != nil {
		return err
	}
	o.body, o.size = res.Body, res.ContentLength
	if _, err := io.CopyN(io.Discard, res.Body, o.at); err != nil {
		return errors.Join(call.NoAnswer(o.b.Call.Addr, err), res.Body.Close())
	}
	return nil
}

func (o *object) Read(p []byte) (int, error) {
	for {
		n, err := o.read(p)
		if err == nil || err == io.EOF {
			return n, err
		}
		if n > 0 {
			return n, nil // the error comes again
		}
		if err := o.resume(err); err != nil {
			return 0, err
		}
	}
}

func (o *object) read(p []byte) (int, error) {
	defer o.meter.watch.wait()()
	n, err := o.body.Read(p)
	o.at += int64(n)
	o.meter.reached(o.at)
	if n > 0 {
		o.pause = call.Backoff{}
	}
	return n, err
}

// resume opens the object anew after cause. Where nobody bounds the transfer
// it gives up after a few tries without a byte.
func (o *object) resume(cause error) error {
	o.body.Close()
	for {
		cause = o.b.Call.Unreachable(o.ctx, cause)
		if !call.Retryable(cause) || o.meter.watch == nil && o.pause.Tries >= call.MaxTries || !o.pause.Sleep(o.ctx) {
			return cause
		}
		err := o.open()
		if err == nil {
			return nil
		}
		cause = err
	}
}

// Close gives the object up.
func (o *object) Close() error { return o.body.Close() }
