package client

import (
	"testing"

	"unibus/internal/bus"
	"unibus/internal/profile"
)

func TestPick(t *testing.T) {
	t.Parallel()
	id := func(first ...byte) (id bus.RoomID) { copy(id[:], first); return id }
	ops, old, twin1, twin2, fake := id(0xaa, 0xbb, 1), id(0xaa, 0xbb, 2), id(0xcc, 1), id(0xcc, 2), id(0xdd)
	dm1, dm2 := id(0xee, 2), id(0xee, 1)
	rooms := []profile.RoomName{
		{Room: ops, Name: "ops"}, {Room: old, Name: "old", Out: &profile.Out{}}, {Room: twin1, Name: "twin"}, {Room: twin2, Name: "twin"},
		{Room: fake, Name: ops.String()}, {Room: dm1, Name: "alice+bob", Direct: "bob"}, {Room: dm2, Name: "alice+bob", Direct: "bob"},
	}
	tests := []struct {
		text string
		want bus.RoomID
		code string
	}{
		{"ops", ops, ""}, {"#ops", ops, ""}, {ops.String(), ops, ""}, {ops.String()[:6], ops, ""},
		{ops.String()[:4], ops, "ambiguous_room"}, {ops.String()[:3], ops, "no_room"},
		{"twin", ops, "ambiguous_room"}, {twin2.String(), twin2, ""}, {"nobody", ops, "no_room"}, {"", ops, "no_room"},
		{"OPS", ops, "no_room"}, {"@bob", dm2, ""}, {"@carol", ops, "no_room"},
	}
	for _, tt := range tests {
		got, err := pick(tt.text, rooms)
		switch {
		case tt.code != "" && bus.CodeOf(err) != tt.code:
			t.Errorf("%q: got %v, %v; want %s", tt.text, got, err, tt.code)
		case tt.code == "" && (err != nil || got != tt.want):
			t.Errorf("%q: got %v, %v; want %v", tt.text, got, err, tt.want)
		}
	}
}
