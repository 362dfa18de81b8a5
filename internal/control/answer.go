package control

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
)

const (
	// maxAnswers is what slow readers of large answers can make the node hold,
	// in bytes.
	maxAnswers = 64 << 20
	// smallAnswer is what does not count as large: what a connection costs
	// anyway is about as much.
	smallAnswer = 16 << 10
)

// json answers with v, unless err.
func (x *exchange) json(v any, err error) error {
	if err != nil {
		return err
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(raw) > smallAnswer {
		if err := x.holdAnswer(int64(len(raw))); err != nil {
			return err
		}
	}
	x.send(http.StatusOK, raw)
	return nil
}

// holdAnswer takes n bytes of the budget of answers until the request ends.
func (x *exchange) holdAnswer(n int64) error {
	if err := x.answers.Reserve(n); err != nil {
		return err
	}
	x.hold(func() { x.answers.Release(n) })
	return nil
}

// done answers that it is done, unless err.
func (x *exchange) done(err error) error {
	if err == nil {
		x.w.WriteHeader(http.StatusNoContent)
	}
	return err
}

// send writes a whole answer. That it does not arrive is the peer's affair.
func (x *exchange) send(status int, raw []byte) {
	h := x.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(raw)))
	x.w.WriteHeader(status)
	if x.http.Method != http.MethodHead {
		_, _ = x.w.Write(raw)
	}
}

// guarded passes on what is written while its reader may still read: who is
// revoked or removed meanwhile gets no further part.
type guarded struct {
	w   io.Writer
	may func() error
}

func (g guarded) Write(p []byte) (int, error) {
	if err := g.may(); err != nil {
		return 0, err
	}
	return g.w.Write(p)
}

// chunk is how much is written between two of these questions, in bytes.
const chunk = 64 << 10
