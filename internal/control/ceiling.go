package control

import (
	"net/http"

	"unibus/internal/bus"
	"unibus/internal/signing"
)

// strangerBody bounds what a key that the node does not know may send, in
// bytes: the first entries of an account, and no more.
const strangerBody = 64 << 10

var errBody = bus.Errorf(bus.Invalid, "unexpected_body", "a GET or HEAD has no body")

// ceiling is the stage that looks at what the request says is coming. In every
// mode, and before anything else was spent on it.
func (x *exchange) ceiling() error {
	if !signing.HasBody(x.http.Method) {
		if x.http.ContentLength != 0 { // -1: chunked
			return errBody
		}
		return nil
	}
	return x.limitBody(ceilings[x.route.body])
}

// limitBody refuses a body that is declared as larger than limit, and cuts one
// off that turns out to be.
func (x *exchange) limitBody(limit int64) error {
	if x.http.ContentLength > limit {
		return tooLarge(limit)
	}
	x.http.Body = http.MaxBytesReader(x.w.ResponseWriter, x.http.Body, limit)
	return nil
}

func tooLarge(limit int64) *bus.Error {
	return bus.Errorf(bus.TooLarge, "too_large", "the body may have %d bytes here", limit)
}
