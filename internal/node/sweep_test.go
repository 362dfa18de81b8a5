package node

import (
	"testing"
	"time"
)

// Whatever a room's retention is, a message of it is gone at most a tenth of that
// after its time, or a minute where that is longer, and an hour at most; and nobody
// looks more often than that.
func TestSweepComesInTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ retention, late time.Duration }{
		{time.Second, time.Minute}, {time.Minute, time.Minute}, {10 * time.Minute, time.Minute},
		{time.Hour, 6 * time.Minute}, {10 * time.Hour, time.Hour}, {30 * 24 * time.Hour, time.Hour},
	} {
		// A message comes with every tick; the room is looked at as the sweeper does.
		var l look
		var stored []time.Time
		looks, start := 0, time.Unix(1e9, 0)
		for now := start; now.Before(start.Add(c.retention + 4*time.Hour)); now = now.Add(sweepTick) {
			if len(stored) > 0 && now.Sub(stored[0]) > c.retention+c.late {
				t.Fatalf("retention %v: a message is %v old", c.retention, now.Sub(stored[0]))
			}
			stored = append(stored, now)
			if looks > 0 && now.Before(l.due(c.retention)) {
				continue
			}
			looks++
			for len(stored) > 0 && now.Sub(stored[0]) > c.retention {
				stored = stored[1:]
			}
			l = look{now, stored[0]}
		}
		if most := int(4*time.Hour/(c.late-sweepTick)) + 3; looks > most {
			t.Errorf("retention %v: %d looks, want %d at most", c.retention, looks, most)
		}
	}
}
