package blob

import (
	"context"

	"unibus/internal/bus"
)

// pool lends at most a fixed number of piece buffers, made when first needed.
// Whoever wants one more waits: that is what keeps memory flat.
type pool chan []byte

func newPool(n int) pool {
	p := make(pool, max(n, 1))
	for range cap(p) {
		p <- nil
	}
	return p
}

// get waits for a buffer of bus.PieceSize; on cancel it returns ctx.Err().
func (p pool) get(ctx context.Context) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case b := <-p:
		if b == nil {
			b = make([]byte, bus.PieceSize)
		}
		return b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// put takes back what get lent; it never waits.
func (p pool) put(b []byte) { p <- b }
