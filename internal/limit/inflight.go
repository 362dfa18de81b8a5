package limit

import (
	"io"
	"sync/atomic"

	"unibus/internal/bus"
)

// Inflight is a node's budget of request bytes in memory. It answers the
// attack of many parallel bodies, each of legal size, from many addresses: what
// does not fit is shed, not queued.
type Inflight struct {
	limit int64
	used  atomic.Int64
}

// NewInflight makes a budget of so many bytes; 0 or less disables it: then all
// reservations succeed and nothing is counted.
func NewInflight(limit int64) *Inflight { return &Inflight{limit: limit} }

// errBusy is what a request hears that found the budget spent.
var errBusy = bus.Errorf(bus.Unavailable, "busy", "the node is busy with other requests").
	WithHint("try again in a moment")

// Reserve takes n bytes of the budget, all or none, without waiting. The error
// is Unavailable, code busy. Negative n takes nothing.
func (f *Inflight) Reserve(n int64) error {
	if f.limit <= 0 || n <= 0 {
		return nil
	}
	for {
		used := f.used.Load()
		if n > f.limit-used {
			return errBusy
		}
		if f.used.CompareAndSwap(used, used+n) {
			return nil
		}
	}
}

// Release gives n bytes back. Giving back more than was taken leaves the
// budget whole, never larger: a mistake must not widen the limit.
func (f *Inflight) Release(n int64) {
	if f.limit <= 0 || n <= 0 {
		return
	}
	for {
		used := f.used.Load()
		if f.used.CompareAndSwap(used, max(used-n, 0)) {
			return
		}
	}
}

// InFlight says how many bytes are taken, between 0 and the limit.
func (f *Inflight) InFlight() int64 { return f.used.Load() }

// Reader passes src on and reserves each byte as it is received, not as it was
// declared: who declares a megabyte and sends nothing holds nothing. What is no
// longer than free is not counted at all: so nobody who fills the budget keeps
// the small requests of others out. Closing it gives everything back; src stays
// open.
func (f *Inflight) Reader(src io.Reader, free int64) *Reader {
	return &Reader{budget: f, src: src, free: free}
}

// Reader is a body under a budget. It is for one goroutine.
type Reader struct {
	budget *Inflight
	src    io.Reader
	free   int64
	came   int64
	held   int64
	err    error
}

// Read hands on what src has, or the error of Reserve when it does not fit;
// after an error it stays at that error.
func (r *Reader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.src.Read(p)
	if r.came += int64(n); r.came > r.free {
		if full := r.budget.Reserve(r.came - r.held); full != nil {
			r.err = full
			return 0, full
		}
		r.held = r.came
	}
	r.err = err
	return n, err
}

// Close gives back what was read. It never fails, may be called again, and
// ends the reader.
func (r *Reader) Close() error {
	r.budget.Release(r.held)
	r.held, r.err = 0, io.ErrClosedPipe
	return nil
}
