package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/internal/bus"
	"unibus/internal/identity"
	"unibus/internal/signing"
	"unibus/internal/wire"
)

// maxAnswer bounds what a node may make a client hold: a page of a chain or of
// messages is far smaller.
const maxAnswer = 128 << 20

// caller makes signed requests to one node. It is safe for concurrent use.
type caller struct {
	addr string // host:port, lower case
	http *http.Client
	bus  bus.ID
	key  identity.TransportKey
	now  func() time.Time

	answered *atomic.Bool  // the node has answered something
	agreed   *atomic.Int64 // when the last request was signed that the node took, in ms of this clock; 0: none was
}

// request is one call. Body is sent as it is.
type request struct {
	method, target string
	kind           string // content type of the body
	body           []byte
}

// get asks for JSON.
func (c *caller) get(ctx context.Context, target string, out any) error {
	return c.call(ctx, request{method: http.MethodGet, target: target}, out)
}

// post sends JSON and reads JSON. It may arrive more than once, as do tries again
// when an answer got lost: a node answers the same entry as it did before.
func (c *caller) post(ctx context.Context, target string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return c.call(ctx, request{method: http.MethodPost, target: target, kind: "application/json", body: body}, out)
}

func (c *caller) call(ctx context.Context, r request, out any) error {
	res, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(out); err != nil {
		return errAnswer.Because(err)
	}
	return nil
}

var errAnswer = bus.Errorf(bus.Failed, "bad_answer", "the node's answer cannot be read").
	WithHint("is this a unibus node of the same version?")

// errRekeyOften refuses a plain rekey for a minute. It is not waited out: what
// owes the room a key goes on without.
var errRekeyOften = bus.Errorf(bus.Limited, "rekey_often", "this room has a new key already")

// do signs and sends r, again while the node asks for it and ctx allows, and
// turns every answer that is no success into a bus.Error. The caller closes
// the body.
func (c *caller) do(ctx context.Context, r request) (*http.Response, error) {
	var wait backoff
	for {
		res, err := c.once(ctx, r)
		if err == nil || !retryable(err) || errors.Is(err, errRekeyOften) || wait.tries == maxDials && errors.Is(err, errUnreachable) || !wait.sleep(ctx) {
			return res, err
		}
	}
}

func (c *caller) once(ctx context.Context, r request) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, "https://"+c.addr+r.target, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	made := c.now()
	if err := c.sign(req, r, made); err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	c.answered.Store(true)
	if res.StatusCode/100 == 2 {
		c.agree(r, made)
		return res, nil
	}
	defer res.Body.Close()
	if err = failure(res); errors.Is(err, bus.ErrRevoked) {
		c.agree(r, made) // that is told to nobody whose clock is off
	}
	if bus.CodeOf(err) == signing.ErrSkew.Code {
		err = c.skewed(err, made, res.Header.Get("Date"))
	}
	return nil, err
}

// skewed tells a request that was under way for too long from a clock that is
// wrong.
func (c *caller) skewed(err error, made time.Time, answered string) error {
	if c.now().Sub(made) > bus.ClockSkew/2 {
		return errAged.Because(err)
	}
	there, bad := http.ParseTime(answered)
	if bad != nil {
		return err
	}
	return &clockError{err, made.Sub(there)}
}

// clockError is a refusal of a request whose time is not the node's.
type clockError struct {
	error
	ahead time.Duration
}

func (e *clockError) Unwrap() error { return e.error }

// ClockAhead is how far the clock of this machine is ahead of the node's, where
// that is why err was refused; to the second.
func ClockAhead(err error) (ahead time.Duration, skewed bool) {
	var e *clockError
	if !errors.As(err, &e) {
		return 0, false
	}
	return e.ahead, true
}

// agree notes that the node took a request's time for true; nobody's is looked at
// who asks what the node tells strangers.
func (c *caller) agree(r request, made time.Time) {
	if r.target != wire.TargetServer && r.target != wire.TargetHealth {
		c.agreed.Store(made.UnixMilli())
	}
}

// inTime reports whether the node agreed with this clock just now: it takes no
// request that was signed more than bus.ClockSkew off its own. A clock that was set
// since then, either way, agrees with nobody.
func (c *caller) inTime() bool {
	at := c.agreed.Load()
	ago := c.now().UnixMilli() - at // of the clock on the wall: what runs on beneath it would not show that it was set
	return at != 0 && ago >= 0 && ago <= agreedFor.Milliseconds()
}

// agreedFor is for how long the node's consent to this clock is good.
const agreedFor = 2 * bus.ClockSkew

// errAged: the request grew old on its way, as when a machine slept meanwhile.
var errAged = bus.Errorf(bus.Unavailable, "request_aged", "the request was under way for too long").WithHint("try again")

func (c *caller) sign(req *http.Request, r request, made time.Time) error {
	about := signing.Request{Method: r.method, Authority: c.addr, Target: r.target, Created: made, Nonce: signing.NewNonce()}
	if signing.HasBody(r.method) {
		about.Digest = sha256.Sum256(r.body)
	}
	signed, err := signing.Sign(c.key, c.bus, about)
	if err != nil {
		return err
	}
	req.Header.Set(signing.SignatureInputHeader, signed.SignatureInput)
	req.Header.Set(signing.SignatureHeader, signed.Signature)
	if signed.ContentDigest != "" {
		req.Header.Set(signing.ContentDigestHeader, signed.ContentDigest)
	}
	if r.kind != "" {
		req.Header.Set("Content-Type", r.kind)
	}
	return nil
}

// unreachable says in one line why a node did not answer. A node that never
// did in all the time there was is not slow but away.
func (c *caller) unreachable(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	switch {
	case bus.KindOf(cause) == bus.Timeout && !c.answered.Load():
		return errSlow(c.addr).Because(err)
	case cause != nil:
		return cause
	}
	var known *bus.Error
	if errors.As(err, &known) {
		return known
	}
	return noAnswer(c.addr, err)
}

// maxDials is how often a node that does not answer at all is called: enough
// for one that is being restarted, and a person does not wait for nothing.
const maxDials = 5

var errUnreachable = bus.Errorf(bus.Unavailable, "unreachable", "no node answers")

// errSlow is of a node that is there, as it seems, and says nothing.
func errSlow(addr string) *bus.Error {
	return bus.Errorf(bus.Unavailable, "unreachable", "no node answers at %s in time", addr).
		WithHint("is it busy? allow more with --timeout, or choose another bus with --context")
}

// errWrongPin is of somebody who answers in the node's place.
var errWrongPin = bus.Errorf(bus.Integrity, "wrong_pin", "this is not the bus's certificate")

// noAnswer tells a certificate that is not ours from a node that is away.
func noAnswer(addr string, err error) error {
	var cert *tls.CertificateVerificationError
	if errors.As(err, &cert) {
		return bus.Errorf(bus.Integrity, errWrongPin.Code, "%s does not hold this bus's certificate", addr).
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
		return &behindError{error: refused, head: *f.Head, account: *f.Account}
	}
	return refused
}

// behindError tells somebody whom the bus does not know yet where the chain
// stands that he writes to.
type behindError struct {
	error
	head    bus.Head
	account bus.AccountID
}

func (e *behindError) Unwrap() error { return e.error }
