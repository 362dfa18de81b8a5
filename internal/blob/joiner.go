package blob

import (
	"context"
	"io"
	"sync"

	"unibus/internal/bus"
)

// Fetch opens the piece id. It and the reads of what it returns must end when
// ctx does. It may try again by itself: its error ends the join.
type Fetch func(ctx context.Context, id bus.Hash) (io.ReadCloser, error)

// Joiner reads the pieces of a blob in order while the next ones are fetched.
// It gives out no byte of a piece before the whole piece was checked against
// its hash and size.
type Joiner struct {
	ctx     context.Context // ends with Close or the first error
	stop    context.CancelFunc
	fetch   Fetch
	buffers pool
	queue   chan chan joined // in the order of the manifest
	work    sync.WaitGroup

	buf  []byte // of the piece being read, nil between pieces
	rest []byte // what is left of it
	err  error  // once set, for ever
}

// joined is one piece, or why there is none. data is lent by the pool.
type joined struct {
	data []byte
	err  error
}

// Join fetches the pieces of m, at most inflight (at least one) of them in
// memory at a time. The caller must Close the Joiner. Errors: ErrManifest,
// ErrDigest, ErrSize, those of fetch and its readers, and ctx.Err().
func Join(ctx context.Context, m Manifest, inflight int, fetch Fetch) *Joiner {
	ctx, stop := context.WithCancel(ctx)
	j := &Joiner{ctx: ctx, stop: stop, fetch: fetch, buffers: newPool(inflight)}
	j.queue = make(chan chan joined, cap(j.buffers))
	if !m.valid() {
		j.err = ErrManifest
		return j
	}
	j.work.Go(func() { j.schedule(m) })
	return j
}

// schedule starts a fetch whenever a buffer is free; the buffers bound it.
func (j *Joiner) schedule(m Manifest) {
	defer close(j.queue)
	for i, id := range m.Pieces {
		buf, err := j.buffers.get(j.ctx)
		if err != nil {
			return
		}
		done := make(chan joined, 1)
		j.queue <- done
		j.work.Go(func() { done <- j.load(id, buf[:m.Size(i)]) })
	}
}

// load fills data, which is as long as the piece must be.
func (j *Joiner) load(id bus.Hash, data []byte) joined {
	body, err := j.fetch(j.ctx, id)
	if err != nil {
		return joined{err: err}
	}
	defer body.Close()
	checked := Verify(body, id, int64(len(data)))
	if _, err := io.ReadFull(checked, data); err != nil {
		return joined{err: err}
	}
	// A full buffer is no verdict yet: that comes with the end.
	if _, err := checked.Read(make([]byte, 1)); err != io.EOF {
		return joined{err: err}
	}
	return joined{data: data}
}

// Read is for one goroutine.
func (j *Joiner) Read(p []byte) (int, error) {
	for len(j.rest) == 0 && j.err == nil {
		j.next()
	}
	if j.err != nil {
		return 0, j.err
	}
	n := copy(p, j.rest)
	j.rest = j.rest[n:]
	return n, nil
}

// next gives the read piece's buffer back and waits for the following one.
func (j *Joiner) next() {
	if j.buf != nil {
		j.buffers.put(j.buf)
		j.buf = nil
	}
	var got joined
	select {
	case done, ok := <-j.queue:
		if !ok {
			got.err = j.end()
			break
		}
		select {
		case got = <-done:
		case <-j.ctx.Done():
			got.err = j.ctx.Err()
		}
	case <-j.ctx.Done():
		got.err = j.ctx.Err()
	}
	j.buf, j.rest, j.err = got.data, got.data, got.err
	if j.err != nil {
		j.stop()
	}
}

// end tells the end of the manifest from that of the schedule by a cancel.
func (j *Joiner) end() error {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	return io.EOF
}

// Close stops all fetches and waits for them. It is not for use beside Read.
func (j *Joiner) Close() error {
	j.stop()
	j.work.Wait()
	if j.err == nil {
		j.err = io.ErrClosedPipe
	}
	j.buf, j.rest = nil, nil
	return nil
}
