package client

import (
	"math"
	"testing"
	"time"

	"unibus/internal/bus"
)

// Whatever a node says of a room's retention, no key is erased before its time.
func TestToldRetention(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		seconds int64
		want    time.Duration
	}{
		{0, 0}, {-1, 0}, {math.MinInt64, 0}, {1, time.Second}, {86400, 24 * time.Hour},
		{9_223_372_036, maxRetention}, {9_223_372_037, maxRetention}, {math.MaxInt64, maxRetention}, {math.MaxInt64 / 2, maxRetention},
	} {
		if got := toldRetention(tt.seconds); got != tt.want || bus.EpochLife+got < bus.EpochLife {
			t.Errorf("%d s: got %v, want %v", tt.seconds, got, tt.want)
		}
	}
}
