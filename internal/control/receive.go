package control

import (
	"errors"
	"io"

	"unibus/internal/bus"
	"unibus/internal/signing"
)

// receive is the stage that reads a small body into memory, under the node's
// budget and to the end, where its digest must be the signed one. A stream is
// left to its handler.
func (x *exchange) receive() error {
	if !signing.HasBody(x.http.Method) {
		return nil
	}
	x.body = &pacedBody{pace: x.pace, src: x.http.Body, ctl: x.w.ctl}
	if x.route.body == stream {
		return nil
	}
	return x.readAll()
}

// smallBody does not count against the budget: what a connection costs anyway
// is more, and a revocation is smaller.
const smallBody = 16 << 10

// readAll reads the body into x.raw. Only what was received counts against the
// budget: who declares a megabyte and sends nothing holds nothing.
func (x *exchange) readAll() (err error) {
	budget := x.o.Inflight.Reader(x.body, smallBody)
	x.hold(func() { budget.Close() })
	x.raw, err = io.ReadAll(x.checked(budget))
	return err
}

// streamed is the body for a handler that reads it in small parts. It ends in
// io.EOF only when all of it was as signed.
func (x *exchange) streamed() (io.Reader, error) {
	if err := x.reserve(bus.PieceReserve); err != nil {
		return nil, err
	}
	return x.checked(x.body), nil
}

// reserve takes n bytes of the budget until the request ends.
func (x *exchange) reserve(n int64) error {
	if err := x.o.Inflight.Reserve(n); err != nil {
		return err
	}
	x.hold(func() { x.o.Inflight.Release(n) })
	return nil
}

func (x *exchange) hold(release func()) { x.release = append(x.release, release) }

// checked compares a body with the digest that was signed, if one was.
func (x *exchange) checked(body io.Reader) io.Reader {
	if !x.signed {
		return body
	}
	body = signing.Body(body, x.digest)
	if x.enforcing() {
		return body
	}
	return softBody{body, x}
}

// softBody lets another body pass than was signed.
type softBody struct {
	io.Reader
	x *exchange
}

func (b softBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, signing.ErrBody) {
		b.x.o.Log.Warn("changed body let pass", b.x.about()...)
		err = io.EOF
	}
	return n, err
}
