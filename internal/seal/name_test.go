package seal

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"unibus/internal/bus"
)

func TestRoomName(t *testing.T) {
	t.Parallel()
	s, room := NewSecret(), bus.RoomID{9}
	for _, name := range []string{"", "x", "Küche", strings.Repeat("n", bus.MaxRoomName)} {
		sealed, err := s.SealName(room, 3, name)
		if err != nil || len(sealed) != NameSize {
			t.Fatalf("%q: got %d bytes, %v; want %d", name, len(sealed), err, NameSize)
		}
		if got, err := s.OpenName(room, 3, sealed); err != nil || got != name {
			t.Errorf("got %q, %v; want %q", got, err, name)
		}
	}
	if _, err := s.SealName(room, 3, strings.Repeat("n", bus.MaxRoomName+1)); bus.CodeOf(err) != "bad_name" {
		t.Errorf("a name that is too long: %v", err)
	}
}

func TestRoomNameRefused(t *testing.T) {
	t.Parallel()
	s, room := NewSecret(), bus.RoomID{9}
	sealed, err := s.SealName(room, 3, "kitchen")
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.OpenName(bus.RoomID{8}, 3, sealed)
	wantErr(t, "another room", err, ErrName)
	_, err = s.OpenName(room, 4, sealed)
	wantErr(t, "another epoch", err, ErrName)
	_, err = NewSecret().OpenName(room, 3, sealed)
	wantErr(t, "another secret", err, ErrName)
	_, err = s.OpenName(room, 3, sealed[:NameSize-1])
	wantErr(t, "short", err, ErrName)
	for bit := range NameSize * 8 {
		_, err = s.OpenName(room, 3, flip(sealed, bit))
		wantErr(t, "a flipped bit", err, ErrName)
	}
}

// Whoever has the secret can seal anything; what it says must still be in form.
func TestRoomNameMalformed(t *testing.T) {
	t.Parallel()
	s, room, salt := NewSecret(), bus.RoomID{9}, make([]byte, nameSalt)
	for name, plain := range map[string][]byte{
		"length beyond the end":  binary.BigEndian.AppendUint16(nil, bus.MaxRoomName+1),
		"something in the zeros": append([]byte{0, 1, 'x'}, 'y'),
	} {
		padded := append(plain, make([]byte, namePadded-len(plain))...)
		sealed := s.nameKey(room, 3, salt).seal(bytes.Clone(salt), padded, nil)
		_, err := s.OpenName(room, 3, sealed)
		wantErr(t, name, err, ErrName)
	}
}

func TestRoomRenamedInOneEpoch(t *testing.T) {
	t.Parallel()
	s := NewSecret()
	seen := map[string]bool{}
	for range 1000 {
		sealed, err := s.SealName(bus.RoomID{}, 1, "n")
		if err != nil || seen[string(sealed[:nameSalt])] {
			t.Fatalf("a key was used twice (%v)", err)
		}
		seen[string(sealed[:nameSalt])] = true
	}
}
