package control

import (
	"errors"
	"io"
	"net/http"
	"time"

	"unibus/internal/bus"
)

// pace is how slow a peer may be: whoever sends or takes fewer than rate bytes
// a second, or nothing for grace, only wants to hold the connection.
//
// Deadlines of connections are in real time, whatever the clock of the rules.
type pace struct {
	grace time.Duration
	rate  int64
}

var defaultPace = pace{grace: 10 * time.Second, rate: 8 << 10}

// allowed is how long n bytes may take.
func (p pace) allowed(n int64) time.Duration {
	return p.grace + time.Duration(n)*time.Second/time.Duration(p.rate)
}

// linger is how long the rest of a body that nobody wants is read and dropped,
// so that its sender gets to see the answer.
const linger = time.Second

// pacedBody is a body whose deadline moves on with what has come of it.
type pacedBody struct {
	pace
	src   io.Reader
	ctl   *http.ResponseController
	start time.Time
	came  int64
	ended bool // to its end
}

func (b *pacedBody) Read(p []byte) (int, error) {
	now := time.Now()
	if b.start.IsZero() {
		b.start = now
	}
	until := b.start.Add(b.allowed(b.came))
	if stalled := now.Add(b.grace); stalled.Before(until) {
		until = stalled
	}
	_ = b.ctl.SetReadDeadline(until) // a connection that has no deadlines fails by itself
	n, err := b.src.Read(p)
	b.came += int64(n)
	return n, b.end(err)
}

// end sorts the ways in which a body ends.
func (b *pacedBody) end(err error) error {
	var large *http.MaxBytesError
	switch {
	case err == io.EOF:
		b.ended = true
		// From here on a read only notices that the peer went away.
		_ = b.ctl.SetReadDeadline(time.Time{})
	case err != nil && !errors.As(err, &large):
		err = errCutBody.Because(err)
	}
	return err
}

var errCutBody = bus.Errorf(bus.Invalid, "body_cut", "the body ended early or came too slowly")

// answer is a ResponseWriter that knows what it was told, and whose deadline
// moves on with what is written.
type answer struct {
	http.ResponseWriter
	pace
	ctl    *http.ResponseController
	status int // 0 until the header was written
}

// Unwrap lets http.ResponseController find the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
		a.extend(0)
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	a.extend(len(p))
	n, err := a.ResponseWriter.Write(p)
	if err != nil {
		err = errGone
	}
	return n, err
}

// errGone is for nobody to read: whoever asked went away, or took too long.
var errGone = bus.Errorf(bus.Unavailable, "peer_gone", "the answer could not be delivered")

func (a *answer) extend(n int) {
	_ = a.ctl.SetWriteDeadline(time.Now().Add(a.allowed(int64(n))))
}
