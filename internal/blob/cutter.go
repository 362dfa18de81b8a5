package blob

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"sync"

	"unibus/internal/bus"
)

// step is how much is read and hashed at once: small enough that the hash
// finds the bytes still in the processor's cache.
const step = 256 << 10

// Piece is one piece of a blob on its way out.
type Piece struct {
	Index int
	ID    bus.Hash
	Data  []byte // until Release

	buf     []byte // all of what Data is a part of
	buffers pool
	once    sync.Once
}

// Release gives the piece's memory back to its Cutter. Call it once Data is no
// longer used, from any goroutine; a second call does nothing.
func (p *Piece) Release() { p.once.Do(func() { p.buffers.put(p.buf) }) }

// Cutter cuts ciphertext into pieces and remembers their ids.
type Cutter struct {
	src     io.Reader
	buffers pool
	sum     hash.Hash
	most    int
	list    Manifest
	err     error // once set, for ever
}

// NewCutter reads r to its end. At most inflight pieces (at least one) of
// bus.PieceSize bytes are in memory at a time.
func NewCutter(r io.Reader, inflight int) *Cutter {
	return &Cutter{src: r, buffers: newPool(inflight), sum: sha256.New(), most: bus.MaxPieces}
}

// Next returns the next piece, and io.EOF after the last. It waits while all
// buffers are out; when ctx ends meanwhile the error is ctx.Err() and Next may
// be called again. A source that is empty is ErrEmpty, one of more than
// bus.MaxPieces ErrTooLarge; its own errors come back wrapped, and no byte of a
// piece that was cut short by one. Next is for one goroutine; it cannot
// interrupt a read of the source.
func (c *Cutter) Next(ctx context.Context) (*Piece, error) {
	if c.err != nil {
		return nil, c.err
	}
	buf, err := c.buffers.get(ctx)
	if err != nil {
		return nil, err
	}
	n, err := c.fill(buf)
	if err == nil {
		err = c.judge(n)
	}
	if err != nil {
		c.err = err
		return nil, err
	}
	p := &Piece{Index: len(c.list.Pieces), ID: bus.Hash(c.sum.Sum(nil)), Data: buf[:n], buf: buf, buffers: c.buffers}
	c.list.Pieces = append(c.list.Pieces, p.ID)
	c.list.Total += int64(n)
	return p, nil
}

// judge says whether n bytes are one more piece.
func (c *Cutter) judge(n int) error {
	switch {
	case n == 0 && c.list.Total == 0:
		return ErrEmpty
	case n == 0:
		return io.EOF
	case len(c.list.Pieces) == c.most:
		return ErrTooLarge
	}
	return nil
}

// fill reads and hashes until buf is full or the source ends. Not io.ReadFull:
// a source that says io.ErrUnexpectedEOF was cut off, it did not end.
func (c *Cutter) fill(buf []byte) (n int, err error) {
	c.sum.Reset()
	idle := 0
	for n < len(buf) {
		m, err := c.src.Read(buf[n:min(n+step, len(buf))])
		c.sum.Write(buf[n : n+m])
		n += m
		if err == io.EOF {
			return n, nil
		}
		if idle++; m > 0 {
			idle = 0
		}
		if err == nil && idle == 100 {
			err = io.ErrNoProgress
		}
		if err != nil {
			return n, fmt.Errorf("read blob: %w", err)
		}
	}
	return n, nil
}

// Manifest lists the pieces cut so far: all of them once Next said io.EOF.
// Where that is one piece, its id is the blob's and there is nothing to encode.
func (c *Cutter) Manifest() Manifest { return c.list }
