package wire

import (
	"net/http"
	"testing"

	"unibus/internal/bus"
)

// TestStatus is the table of the protocol, in both directions.
func TestStatus(t *testing.T) {
	t.Parallel()
	want := map[bus.Kind]int{
		bus.Invalid: 400, bus.Unauthenticated: 401, bus.Forbidden: 403, bus.NotFound: 404, bus.Conflict: 409,
		bus.TooLarge: 413, bus.Integrity: 422, bus.Limited: 429, bus.Unavailable: 503, bus.Full: 507,
	}
	for k := bus.Failed; k <= bus.Interrupted; k++ {
		status, crosses := want[k]
		if !crosses {
			status = http.StatusInternalServerError
		}
		if got := Status(k); got != status {
			t.Errorf("kind %d is answered %d, want %d", k, got, status)
		}
		if got := KindOfStatus(status); crosses && got != k {
			t.Errorf("status %d reads as kind %d, want %d", status, got, k)
		}
	}
	for status, kind := range map[int]bus.Kind{500: bus.Failed, 418: bus.Failed, 0: bus.Failed, 502: bus.Unavailable, 504: bus.Unavailable} {
		if got := KindOfStatus(status); got != kind {
			t.Errorf("status %d reads as kind %d, want %d", status, got, kind)
		}
	}
}
