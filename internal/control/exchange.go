package control

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"unibus/internal/bus"
	"unibus/internal/membership"
)

// exchange is one request on its way through the stages, and its answer. It is
// for one goroutine.
type exchange struct {
	*Server
	http  *http.Request
	w     *answer
	id    string // of the request, for the log and for errors
	begun time.Time

	route  route
	values []string          // in the path
	query  map[string]string // raw
	by     membership.Signer
	signed bool     // by is who signed
	digest bus.Hash // of the body, when signed
	body   io.Reader
	raw    []byte // a small body, whole and as it was signed

	code    string         // of the error it was answered with
	head    *bus.Head      // of a chain on which somebody was first
	chainOf *bus.AccountID // whose that is, if it is an account chain
	wait    time.Duration  // until a retry has a chance, when that is known
	release []func()       // of what the request holds, in the order it was taken
}

func (s *Server) begin(w http.ResponseWriter, r *http.Request) *exchange {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails: it ends the program instead
	x := &exchange{
		Server: s, http: r, id: hex.EncodeToString(id[:]), begun: s.o.Now(),
		w: &answer{ResponseWriter: w, pace: s.pace, ctl: http.NewResponseController(w)},
	}
	h := w.Header()
	h.Set("X-Request-Id", x.id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	return x
}

// end gives everything back, and turns a panic of a handler into an answer.
func (x *exchange) end() {
	defer x.giveBack()
	switch p := recover(); p {
	case nil:
		x.trace("request")
	case http.ErrAbortHandler:
		x.trace("request cut")
		panic(p)
	default:
		x.o.Log.Error("panic", append(x.about(), "panic", p, "stack", string(debug.Stack()))...)
		x.fail(errors.New("panic"))
	}
}

// trace logs an ordinary request. Most logs do not want to know, and are not made
// to pay for it.
func (x *exchange) trace(what string) {
	if x.o.Log.Enabled(x.ctx(), slog.LevelDebug) {
		x.o.Log.Debug(what, append(x.about(), "status", x.w.status)...)
	}
}

func (x *exchange) giveBack() {
	for _, f := range x.release {
		f()
	}
}

// about is what the log tells of a request: nothing of its body, no key, and
// the route instead of whatever address was made up.
func (x *exchange) about() []any {
	return []any{
		slog.String("request_id", x.id), slog.String("route", x.route.pattern),
		slog.String("code", x.code), slog.String("endpoint", x.signerName()), slog.Duration("took", x.o.Now().Sub(x.begun)),
	}
}

// signerName is the id of the endpoint that signed: a hash, not a key.
func (x *exchange) signerName() string {
	if !x.signed || x.by.Endpoint == (bus.EndpointID{}) {
		return ""
	}
	return x.by.Endpoint.String()
}

func (x *exchange) ctx() context.Context { return x.http.Context() }
