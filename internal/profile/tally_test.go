package profile

import (
	"testing"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

func TestTally(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, err := Memory(ctx, identity.NewProfileKey())
	must(t, err)
	t.Cleanup(func() { s.Close() })
	room := bus.RoomID{1}
	for i, tt := range []struct{ add, want Tally }{
		{Tally{}, Tally{}},
		{Tally{Epoch: 2, Sent: 3, Seen: 5, Top: 50}, Tally{Epoch: 2, Sent: 3, Seen: 5, Top: 50}},
		{Tally{Epoch: 2, Sent: 2, Seen: 4, Top: 40}, Tally{Epoch: 2, Sent: 5, Seen: 5, Top: 50}},
		{Tally{Epoch: 2, Sent: 1, Seen: 9, Top: 90}, Tally{Epoch: 2, Sent: 6, Seen: 9, Top: 90}},
		{Tally{Epoch: 1, Sent: 100, Seen: 100, Top: 100}, Tally{Epoch: 2, Sent: 6, Seen: 9, Top: 90}},
		{Tally{Epoch: 3, Sent: 1, Seen: 2, Top: 95}, Tally{Epoch: 3, Sent: 1, Seen: 2, Top: 95}},
	} {
		must(t, s.AddTally(ctx, room, tt.add))
		if got, err := s.Tally(ctx, room); err != nil || got != tt.want {
			t.Errorf("step %d: got %+v, %v; want %+v", i, got, err, tt.want)
		}
	}
	must(t, s.ForgetTally(ctx, room))
	if got, err := s.Tally(ctx, room); err != nil || got != (Tally{Epoch: 3, Top: 95}) {
		t.Errorf("forgotten: got %+v, %v", got, err)
	}
	if got, err := s.Tally(ctx, bus.RoomID{2}); err != nil || got != (Tally{}) {
		t.Errorf("another room: got %+v, %v", got, err)
	}
}
