package client

import (
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/roomlog"
	"unibus/internal/client/call"
)

// The rate of rekeys holds no frame back while the epoch lasts, and no frame is
// sealed in an epoch that is over, whatever keeps a new one from starting.
func TestRefusedRekeyAndTheEndOfAnEpoch(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 1, 8, 0, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		now  time.Time
		code string
	}{
		"a day old":    {end.Add(-bus.EpochLife + bus.EpochAge), ""},
		"its last one": {end.Add(-time.Millisecond), ""},
		"over":         {end, "epoch_over"},
		"long over":    {end.Add(bus.EpochLife), "epoch_over"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := handmade([]roomlog.Recipient{alice})
			r.Epoch.NotAfter = end
			c := &Client{id: newIdentity("laptop", end), now: func() time.Time { return tt.now },
				world: &world{bus: buslog.New(), rooms: map[bus.RoomID]*room{{}: r}}}
			o := &outbox{c: c}
			err := o.newSender(t.Context(), call.ErrRekeyOften)
			if tt.code == "" && (err != nil || o.sender == nil) || tt.code != "" && bus.CodeOf(err) != tt.code {
				t.Errorf("got %v, want code %q", err, tt.code)
			}
			if err != nil && !call.Retryable(err) {
				t.Errorf("%v: the frame is lost, want it kept", err)
			}
		})
	}
}
