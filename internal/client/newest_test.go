package client

import (
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
	"unibus/internal/profile"
)

// A newest frame that is older than what the room keeps accuses nobody; one that
// is younger does, however little.
func TestSweptAccusesNobody(t *testing.T) {
	t.Parallel()
	m := newModel(t.Context(), 1, nothing)
	id, d := m.roomIDs[0], m.devices[0]
	d.lens.play = true // and nothing is on the tape
	stored := m.now
	m.must(d.store.PutNewest(t.Context(), map[bus.RoomID]profile.Newest{id: {Seq: 7, Frame: bus.Prefix{1}, At: stored}}))
	for _, c := range []struct {
		age  time.Duration
		code string
	}{
		{0, "withheld"},
		{bus.DefaultRetention - 2*bus.ClockSkew - time.Second, "withheld"},
		{bus.DefaultRetention - 2*bus.ClockSkew, ""}, // two clocks that differ
		{bus.DefaultRetention, ""},
		{10 * bus.DefaultRetention, ""},
		{-time.Hour, "withheld"}, // this device's clock was set back
	} {
		m.now = stored.Add(c.age)
		err := d.holdNewest(t.Context(), id)
		if c.code == "" && err != nil || c.code != "" && bus.CodeOf(err) != c.code {
			t.Errorf("%v after it was stored: got %v, want %q", c.age, err, c.code)
		}
	}
}

// A room that was to keep messages for less, at any time since one was stored, may
// have lost it; one that keeps them for longer now has no other than before.
func TestSweptByPolicy(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	d, _ := newDesk(t, 0)
	owner := d.bus.Founder.Device()
	built := d.bus.Room(owner, func(c *roomlog.Create) { c.Retention = 30 * day })
	began := d.bus.Now
	policy := func(after, retention time.Duration) {
		d.bus.Now = began.Add(after)
		built.Must(built.PolicyEntry(owner, retention, "name"))
	}
	policy(10*day, day)
	policy(20*day, 365*day)
	r := d.follows(t, built)
	for name, c := range map[string]struct {
		stored, now time.Duration // after the room began
		want        bool
	}{
		"older than the shorter":        {5 * day, 10*day + time.Hour, true},
		"in the shorter, too young":     {19*day + 12*time.Hour, 20*day + time.Hour, false},
		"in the shorter, swept":         {15 * day, 21 * day, true},
		"lengthened before it was over": {19*day + 12*time.Hour, 300 * day, false},
		"in the longer":                 {25 * day, 380 * day, false},
		"older than the longer":         {25 * day, 390 * day, true},
		"as the shorter ended":          {19*day + time.Minute, 20*day + time.Hour, true}, // its author's clock may be behind
	} {
		if got := r.swept(began.Add(c.stored), began.Add(c.now)); got != c.want {
			t.Errorf("%s: it may have been swept: %v, want %v", name, got, c.want)
		}
	}
}
