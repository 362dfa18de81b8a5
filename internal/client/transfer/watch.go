package transfer

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"unibus/internal/bus"
)

// ErrStalled ends a transfer that does not move.
var ErrStalled = bus.Errorf(bus.Timeout, "timeout", "nothing moved in time").WithHint("allow more with --timeout")

// Watch bounds the uploads and downloads under the context that it
// returns by their progress: where the node is waited for and nothing moved
// for limit, the context ends with ErrStalled as its cause. The source of an
// upload and the reader of a download may take their time. moved, which may be
// nil, is told how many stored bytes came a step further; it is called by one
// goroutine at a time. stop ends the watch.
func Watch(ctx context.Context, limit time.Duration, moved func(n int64)) (watched context.Context, stop func()) {
	ctx, end := context.WithCancelCause(ctx)
	w := &watch{limit: limit, moved: moved}
	w.timer = time.AfterFunc(limit, func() { end(ErrStalled) })
	w.timer.Stop()
	stop = func() {
		w.timer.Stop()
		end(nil)
	}
	return context.WithValue(ctx, watchKey{}, w), stop
}

type watchKey struct{}

// watch is nil where nobody watches; its methods take that.
type watch struct {
	limit   time.Duration
	moved   func(n int64)
	mu      sync.Mutex
	waiting int // how many wait for the node
	timer   *time.Timer
}

func watchOf(ctx context.Context) *watch {
	w, _ := ctx.Value(watchKey{}).(*watch)
	return w
}

// wait says that the node is waited for until done is called.
func (w *watch) wait() (done func()) {
	if w == nil {
		return func() {}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting++; w.waiting == 1 {
		w.timer.Reset(w.limit)
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.waiting--; w.waiting == 0 {
			w.timer.Stop()
		}
	}
}

// meter counts one object on its way. What is sent or read a second time, as
// after a refusal, is no progress.
type meter struct {
	watch *watch
	top   int64 // guarded by watch.mu
}

func (m *meter) reached(at int64) {
	w := m.watch
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	n := at - m.top
	if n <= 0 {
		return
	}
	m.top = at
	if w.waiting > 0 {
		w.timer.Reset(w.limit)
	}
	if w.moved != nil {
		w.moved(n)
	}
}

// counting sends requests whose bodies a meter counts.
func counting(m *meter) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper { return metered{next, m} }
}

type metered struct {
	next  http.RoundTripper
	meter *meter
}

// RoundTrip implements http.RoundTripper.
func (t metered) RoundTrip(req *http.Request) (*http.Response, error) {
	counted := req.Clone(req.Context())
	counted.Body = &countedBody{ReadCloser: req.Body, meter: t.meter}
	if again := req.GetBody; again != nil {
		counted.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			return &countedBody{ReadCloser: body, meter: t.meter}, err
		}
	}
	return t.next.RoundTrip(counted)
}

type countedBody struct {
	io.ReadCloser
	meter *meter
	at    int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.at += int64(n)
	b.meter.reached(b.at)
	return n, err
}
