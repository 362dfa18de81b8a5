package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"

	"unibus/internal/seal"
)

// Source is what a blob is made of.
type Source struct {
	Data io.Reader
	Name string // of the file, without folders; may be empty
	Size int64  // in bytes, or seal.SizeUnknown for a pipe
	// Mark tells a file from what it was before: its absolute path, size and
	// time of change. An upload that broke goes on when the mark is the same;
	// a pipe has none. Data of a marked source should be an io.Seeker.
	Mark string
}

// small is what is read of a pipe before its length is given up: shorter ones
// are padded, so that their length does not show.
const small = 1 << 20

// measure lets the end of ctx stop the reading of a pipe, and finds the size
// of a short one.
func measure(ctx context.Context, src Source) (Source, error) {
	if src.Mark != "" {
		return src, nil
	}
	src.Data = &interruptible{ctx: ctx, src: src.Data, buf: make([]byte, 256<<10)}
	if src.Size != seal.SizeUnknown {
		return src, nil
	}
	head := make([]byte, small)
	n, err := io.ReadFull(src.Data, head)
	switch {
	case err == nil:
		src.Data = io.MultiReader(bytes.NewReader(head), src.Data)
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		src.Data, src.Size = bytes.NewReader(head[:n]), int64(n)
	default:
		return src, err
	}
	return src, nil
}

// interruptible is a source whose Read ends with ctx. A read of the source that
// nobody waits for any more goes on until it returns by itself: it cannot be
// stopped.
type interruptible struct {
	ctx  context.Context
	src  io.Reader
	buf  []byte // of the reads: not the caller's, who may be gone
	rest []byte
	err  error
}

func (r *interruptible) Read(p []byte) (int, error) {
	if len(r.rest) == 0 && r.err == nil {
		r.fill()
	}
	if len(r.rest) == 0 {
		return 0, r.err
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *interruptible) fill() {
	if r.err = context.Cause(r.ctx); r.err != nil {
		return
	}
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := r.src.Read(r.buf)
		done <- result{n, err}
	}()
	select {
	case got := <-done:
		r.rest, r.err = r.buf[:got.n], got.err
	case <-r.ctx.Done():
		r.err = context.Cause(r.ctx)
	}
}
