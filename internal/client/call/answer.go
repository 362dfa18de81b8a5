package call

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"

	"github.com/nats-io/nats.go"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// Unreachable says in one line why a node did not answer. A node that never
// did in all the time there was is not slow but away.
func (c *Caller) Unreachable(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	switch {
	case bus.KindOf(cause) == bus.Timeout && !c.answered.Load():
		return errSlow(c.Addr).Because(err)
	case cause != nil:
		return cause
	}
	var known *bus.Error
	if errors.As(err, &known) {
		return known
	}
	return NoAnswer(c.Addr, err)
}

// MaxTries is how often a node that does not answer at all is called: enough
// for one that is being restarted, and a person does not wait for nothing.
const MaxTries = 5

// ErrUnreachable: nothing at a node's address answers, or not in time.
var ErrUnreachable = bus.Errorf(bus.Unavailable, "unreachable", "no node answers")

// errSlow is of a node that is there, as it seems, and says nothing.
func errSlow(addr string) *bus.Error {
	return bus.Errorf(bus.Unavailable, "unreachable", "no node answers at %s in time", addr).
		WithHint("is it busy? allow more with --timeout, or choose another bus with --context")
}

// ErrWrongPin is of somebody who answers in the node's place.
var ErrWrongPin = bus.Errorf(bus.Integrity, "wrong_pin", "this is not the bus's certificate")

// NoAnswer tells a certificate that is not ours from a node that is away.
func NoAnswer(addr string, err error) error {
	var cert *tls.CertificateVerificationError
	if errors.As(err, &cert) {
		return bus.Errorf(bus.Integrity, ErrWrongPin.Code, "%s does not hold this bus's certificate", addr).
			WithHint("check the address; somebody may be in between").Because(err)
	}
	var unknown *net.DNSError
	if errors.As(err, &unknown) && unknown.IsNotFound {
		return bus.Errorf(bus.Unavailable, "unreachable", "the name %s is not known on this machine", unknown.Name).
			WithHint("tell the system where it is, or start the node with another --host").Because(err)
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" || errors.Is(err, nats.ErrNoServers) { // how NATS says that nobody took the call
		return bus.Errorf(bus.Unavailable, "unreachable", "no node answers at %s", addr).
			WithHint("is it running? start it there with 'unibus serve', or choose another bus with --context").Because(err)
	}
	var slow net.Error
	if errors.As(err, &slow) && slow.Timeout() || errors.Is(err, nats.ErrTimeout) {
		return errSlow(addr).Because(err)
	}
	return bus.Errorf(bus.Unavailable, "unreachable", "the connection to %s broke", addr).WithHint("try again").Because(err)
}

// failure reads the error of an answer. A node's words are cleaned where they
// are shown.
func failure(res *http.Response) error {
	kind := wire.KindOfStatus(res.StatusCode)
	var f wire.Failure
	err := json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&f)
	if err != nil || f.Error.Code == "" {
		return bus.Errorf(kind, "http_"+strconv.Itoa(res.StatusCode), "the node answered %s", res.Status).
			WithHint("is something else than a node at this address? see: unibus context show")
	}
	refused := &bus.Error{Kind: kind, Code: f.Error.Code, Message: f.Error.Message, Hint: f.Error.Hint,
		RequestID: f.Error.RequestID, Retryable: f.Error.Retryable}
	if f.Head != nil && f.Account != nil {
		return &BehindError{error: refused, Head: *f.Head, Account: *f.Account}
	}
	return refused
}

// BehindError tells somebody whom the bus does not know yet where the chain
// stands that he writes to.
type BehindError struct {
	error
	Head    bus.Head
	Account bus.AccountID
}

// Unwrap returns what the node said.
func (e *BehindError) Unwrap() error { return e.error }
