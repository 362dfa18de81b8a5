package profile

import (
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// What was seen last only moves on, until a person has it go back.
func TestNewest(t *testing.T) {
	t.Parallel()
	ctx, room := t.Context(), bus.RoomID{1}
	s, err := Memory(ctx, identity.NewProfileKey())
	must(t, err)
	t.Cleanup(func() { s.Close() })
	at := func(n int64) Newest {
		return Newest{Seq: uint64(n), Frame: bus.Prefix{byte(n)}, At: time.UnixMilli(n * 1000)}
	}
	is := func(what string, want Newest) {
		t.Helper()
		if got, err := s.Newest(ctx, room); err != nil || got.Seq != want.Seq || got.Frame != want.Frame || !got.At.Equal(want.At) {
			t.Errorf("%s: got %+v, %v; want %+v", what, got, err, want)
		}
	}
	is("nothing was seen", Newest{})
	must(t, s.PutNewest(ctx, map[bus.RoomID]Newest{room: at(7)}))
	is("the first", at(7))
	must(t, s.PutNewest(ctx, map[bus.RoomID]Newest{room: at(5)}))
	is("an older one", at(7))
	must(t, s.PutNewest(ctx, map[bus.RoomID]Newest{bus.RoomID{2}: at(9)}))
	must(t, s.SetCursor(ctx, room, "", 7))
	must(t, s.AddTally(ctx, room, Tally{Epoch: 2, Sent: 3, Seen: 5, Top: 7}))
	must(t, s.ForgetNewest(ctx, room))
	is("forgotten", Newest{})
	if seq, err := s.Cursor(ctx, room, ""); err != nil || seq != 0 {
		t.Errorf("the mark is at %d, %v; want none", seq, err)
	}
	if tally, err := s.Tally(ctx, room); err != nil || tally != (Tally{}) {
		t.Errorf("the tally is %+v, %v", tally, err)
	}
	must(t, s.PutNewest(ctx, map[bus.RoomID]Newest{room: at(5)}))
	is("and begun again", at(5))
}
