package call

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"unibus/internal/bus"
	"unibus/internal/signing"
)

// maxAnswer bounds what a node may make a client hold: a page of a chain or of
// messages is far smaller.
const maxAnswer = 128 << 20

// Request is one call. Body is sent as it is.
type Request struct {
	Method, Target string
	Kind           string // content type of the body
	Body           []byte
}

// Get asks for JSON.
func (c *Caller) Get(ctx context.Context, target string, out any) error {
	return c.Call(ctx, Request{Method: http.MethodGet, Target: target}, out)
}

// Post sends JSON and reads JSON. It may arrive more than once, as do tries again
// when an answer got lost: a node answers the same entry as it did before.
func (c *Caller) Post(ctx context.Context, target string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return c.Call(ctx, Request{Method: http.MethodPost, Target: target, Kind: "application/json", Body: body}, out)
}

// Call makes a request, and reads JSON where out is not nil.
func (c *Caller) Call(ctx context.Context, r Request, out any) error {
	res, err := c.Do(ctx, r)
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

// ErrRekeyOften refuses a plain rekey for a minute. It is not waited out: what
// owes the room a key goes on without.
var ErrRekeyOften = bus.Errorf(bus.Limited, "rekey_often", "this room has a new key already")

// Do signs and sends r, again while the node asks for it and ctx allows, and
// turns every answer that is no success into a bus.Error. The caller closes
// the body.
func (c *Caller) Do(ctx context.Context, r Request) (*http.Response, error) {
	var wait Backoff
	for {
		res, err := c.Once(ctx, r)
		if err == nil || !Retryable(err) || errors.Is(err, ErrRekeyOften) || wait.Tries == MaxTries && errors.Is(err, ErrUnreachable) || !wait.Sleep(ctx) {
			return res, err
		}
	}
}

// Once is Do without a second try.
func (c *Caller) Once(ctx context.Context, r Request) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, "https://"+c.Addr+r.Target, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	made := c.Now()
	if err := c.sign(req, r, made); err != nil {
		return nil, err
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		return nil, c.Unreachable(ctx, err)
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

func (c *Caller) sign(req *http.Request, r Request, made time.Time) error {
	about := signing.Request{Method: r.Method, Authority: c.Addr, Target: r.Target, Created: made, Nonce: signing.NewNonce()}
	if signing.HasBody(r.Method) {
		about.Digest = sha256.Sum256(r.Body)
	}
	signed, err := signing.Sign(c.key, c.Bus, about)
	if err != nil {
		return err
	}
	req.Header.Set(signing.SignatureInputHeader, signed.SignatureInput)
	req.Header.Set(signing.SignatureHeader, signed.Signature)
	if signed.ContentDigest != "" {
		req.Header.Set(signing.ContentDigestHeader, signed.ContentDigest)
	}
	if r.Kind != "" {
		req.Header.Set("Content-Type", r.Kind)
	}
	return nil
}
