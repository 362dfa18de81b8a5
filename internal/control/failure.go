package control

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

var (
	errInternal = bus.Errorf(bus.Failed, "internal", "the node could not do this").
			WithHint("its log says why, under the id of this request")
	errTimeout = bus.Errorf(bus.Unavailable, "slow_node", "the node took too long").WithHint("try again")
)

// fail answers with an error, or cuts an answer short that has begun: nothing
// that was cut can pass for complete.
func (x *exchange) fail(err error) {
	e := public(err)
	status := wire.Status(e.Kind)
	x.code = e.Code
	x.note(err, e, status)
	x.dropBody()
	if x.w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	out := wire.Failure{Error: wire.FailureBody{
		Code: e.Code, Message: e.Message, Hint: e.Hint, RequestID: x.id, Retryable: e.Retryable,
	}}
	if status == http.StatusConflict {
		out.Head, out.Account = x.head, x.chainOf
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		x.w.Header().Set("Retry-After", strconv.Itoa(retryAfter(x.wait)))
	}
	raw, _ := json.Marshal(out) // strings, a number and a hash: it cannot fail
	x.send(status, raw)
}

// public is what of an error may be told: the message of the bus.Error in it,
// without its cause. Everything else says only that the node could not.
func public(err error) *bus.Error {
	var large *http.MaxBytesError
	var e *bus.Error
	switch {
	case errors.As(err, &large):
		return tooLarge(large.Limit)
	case errors.As(err, &e):
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled):
		return errTimeout
	}
	if e == nil || wire.Status(e.Kind) == http.StatusInternalServerError {
		return errInternal
	}
	return e
}

// note logs trouble of our own, with its cause; what was refused is told with
// the request, see end.
func (x *exchange) note(err error, e *bus.Error, status int) {
	switch {
	case status == http.StatusInternalServerError:
		x.o.Log.Error("request failed", append(x.about(), "status", status, "err", err, "cause", cause(err))...)
	case status > http.StatusInternalServerError && errors.Unwrap(e) != nil:
		x.o.Log.Warn("request failed", append(x.about(), "status", status, "err", err, "cause", cause(err))...)
	}
}

// cause is what lies below the words that were told.
func cause(err error) string {
	for {
		below := errors.Unwrap(err)
		if below == nil {
			return err.Error()
		}
		err = below
	}
}

// dropBody gives up a body that nobody has read: the connection ends, and what
// still comes is not waited for.
func (x *exchange) dropBody() {
	if body, ok := x.body.(*pacedBody); ok && body.ended || x.http.ContentLength == 0 {
		return
	}
	x.w.Header().Set("Connection", "close")
	_ = x.w.ctl.SetReadDeadline(time.Now().Add(linger))
}
