package roomlog_test

import (
	"math"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
)

// TestOver: an epoch is over when the last message that may count in it is not
// kept any more, and not a moment before.
func TestOver(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ep := &roomlog.Epoch{Started: began, NotAfter: began.Add(bus.EpochAge)}
	next := func(after time.Duration) *roomlog.Epoch { return &roomlog.Epoch{Started: began.Add(after)} }
	const kept = 24 * time.Hour
	last := kept + bus.LateFrames + bus.ChainSkew
	for name, c := range map[string]struct {
		next      *roomlog.Epoch
		end       time.Duration // after it began
		retention time.Duration
		now       time.Duration // after the end
		over      bool
	}{
		"in force":                 {nil, bus.EpochAge, kept, -time.Hour, false},
		"its own time is over":     {nil, bus.EpochAge, kept, last + 1, true},
		"its last moment":          {nil, bus.EpochAge, kept, last, false},
		"the next one began":       {next(time.Hour), time.Hour, kept, last + 1, true},
		"the moment before":        {next(time.Hour), time.Hour, kept, last, false},
		"as it ends":               {next(time.Hour), time.Hour, kept, 0, false},
		"the next one came late":   {next(bus.EpochLife * 2), bus.EpochAge, kept, last + 1, true},
		"the next one at its end":  {next(bus.EpochAge), bus.EpochAge, kept, last, false},
		"dated before it":          {next(-time.Second), -time.Second, kept, last + 1, true},
		"a room that keeps longer": {next(time.Hour), time.Hour, 2 * kept, last + 1, false},
		"the longest there is":     {next(time.Hour), time.Hour, math.MaxUint32 * time.Second, 100 * 365 * 24 * time.Hour, false},
	} {
		end := ep.End(c.next)
		if got := end.Sub(began); got != c.end {
			t.Errorf("%s: it ends %v after it began, want %v", name, got, c.end)
		}
		if got := roomlog.Over(end, c.retention, end.Add(c.now)); got != c.over {
			t.Errorf("%s: over %v, want %v", name, got, c.over)
		}
	}
}
