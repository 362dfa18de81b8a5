package membership_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
	"unibus/internal/membership"
)

// keyed lists the epochs of a room of which an endpoint is given an envelope.
func (b *bench) keyed(d *chaintest.Device, r *chaintest.Room) (epochs []bus.Epoch) {
	b.t.Helper()
	for n := bus.Epoch(1); n <= r.State.Epoch.Number; n++ {
		switch _, err := b.s.Key(b.ctx(), by(d), r.State.ID, n, d.ID()); bus.CodeOf(err) {
		case "no_key":
		default:
			b.must(err)
			epochs = append(epochs, n)
		}
	}
	return epochs
}

// usedKeys is what envelopes count against somebody's cap.
func (b *bench) usedKeys(s *membership.Service, d *chaintest.Device) int64 {
	b.t.Helper()
	all, err := s.Limits(b.ctx(), by(d))
	b.must(err)
	for _, l := range all {
		if l.Name == "room_keys" {
			return l.Used
		}
	}
	b.t.Fatal("no limit of room keys")
	return 0
}

// TestExpireKeys deletes the envelopes of an epoch once the room keeps none of its
// messages: not before, never those in force, and not those of other rooms.
func TestExpireKeys(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.store.gone = true // opened again below
	alice := b.Alice.Device()
	r := b.room(alice)
	long := b.room(alice, func(c *roomlog.Create) { c.Retention = 3 * bus.DefaultRetention })
	for range 3 { // epochs of four days; the one in force is left alone for longer than its life
		b.Pass(4 * 24 * time.Hour)
		b.append(alice, r, r.Rekey(alice, roomlog.ReasonAsked))
		b.append(alice, long, long.Rekey(alice, roomlog.ReasonAsked))
	}
	one := b.usedKeys(b.s, alice) / 8
	expect := func(what string, want, of int) {
		t.Helper()
		b.must(b.s.ExpireKeys(b.ctx()))
		if got := len(b.keyed(alice, r)); got != want {
			t.Errorf("%s: %d epochs have envelopes, want %d", what, got, want)
		}
		if got := b.usedKeys(b.s, alice); got != int64(of)*one {
			t.Errorf("%s: %d bytes count, want those of %d epochs", what, got, of)
		}
	}
	late := bus.LateFrames + bus.ChainSkew
	b.Pass(bus.DefaultRetention - 8*24*time.Hour + late)
	expect("at the last moment of the first", 4, 8)
	b.Pass(time.Second)
	expect("once the first is over", 3, 7)
	expect("again", 3, 7)
	b.Pass(8 * 24 * time.Hour)
	expect("once the third is over", 1, 5)
	if got := b.keyed(alice, r); got[0] != 4 {
		t.Errorf("epoch %d is left, want the one in force", got[0])
	}
	b.Pass(2 * bus.DefaultRetention)
	again, err := membership.Open(b.ctx(), b.store, membership.Options{Now: func() time.Time { return b.Now }})
	b.must(err)
	b.must(again.ExpireKeys(b.ctx()))
	expect("in the end", 1, 2)
	if what := membership.Differs(b.s, again); what != "" {
		t.Errorf("opened again, the view has other %s", what)
	}
	b.append(alice, long, long.CloseEntry(alice))
	expect("once the other room is closed", 1, 1)
	if _, _, err := b.store.Envelope(b.ctx(), long.State.ID, 4, alice.ID()); bus.CodeOf(err) != "no_key" {
		t.Errorf("the envelope of a closed room: %v", err)
	}
}

// TestExpireIdleEpoch: an epoch ends with its own time where nobody began the next.
func TestExpireIdleEpoch(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.store.gone = true
	alice := b.Alice.Device()
	r := b.room(alice)
	b.Pass(bus.DefaultRetention + bus.EpochLife + time.Hour)
	b.append(alice, r, r.Rekey(alice, roomlog.ReasonAge))
	b.must(b.s.ExpireKeys(b.ctx()))
	if got := b.keyed(alice, r); len(got) != 1 || got[0] != 2 {
		t.Errorf("epochs %v have envelopes, want the one in force", got)
	}
}

// TestExpireGoesOn: rooms whose envelopes cannot be deleted keep nobody else's,
// and are tried again.
func TestExpireGoesOn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.store.gone = true
	alice := b.Alice.Device()
	rooms := make([]*chaintest.Room, 8) // in any order
	b.store.keeps = map[bus.RoomID]error{}
	for i := range rooms {
		rooms[i] = b.room(alice)
		b.Pass(2 * time.Minute)
		b.append(alice, rooms[i], rooms[i].Rekey(alice, roomlog.ReasonAsked))
		if i < 2 {
			b.store.keeps[rooms[i].State.ID] = errors.New("disk")
		}
	}
	b.Pass(bus.DefaultRetention + bus.LateFrames + bus.ChainSkew + time.Minute)
	err := b.s.ExpireKeys(b.ctx())
	for i, r := range rooms {
		want := 1
		if i < 2 {
			want = 2
			if !strings.Contains(fmt.Sprint(err), r.State.ID.String()) {
				t.Errorf("got %v, which does not name room %d", err, i)
			}
		}
		if got := len(b.keyed(alice, r)); got != want {
			t.Errorf("room %d: %d epochs have envelopes, want %d", i, got, want)
		}
	}
	clear(b.store.keeps)
	b.must(b.s.ExpireKeys(b.ctx()))
	if got := len(b.keyed(alice, rooms[0])); got != 1 {
		t.Errorf("tried again, %d epochs have envelopes, want 1", got)
	}
}
