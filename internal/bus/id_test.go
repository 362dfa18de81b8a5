package bus

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// TestIDText: one text for one id, in every type that has one.
func TestIDText(t *testing.T) {
	t.Parallel()
	id := RoomID{0: 0xff, 15: 1}
	text := id.String()
	if got, err := ParseRoomID(text); err != nil || got != id || len(text) != 26 {
		t.Fatalf("%q reads as %v, %v", text, got, err)
	}
	last := strings.IndexByte("abcdefghijklmnopqrstuvwxyz234567", text[25])
	other := text[:25] + string("abcdefghijklmnopqrstuvwxyz234567"[last+1]) // the same bits, and unused ones
	for name, bad := range map[string]string{
		"nothing": "", "short": text[:25], "long": text + "a", "upper case": strings.ToUpper(text), "padded": text + "======",
		"unused bits": other, "wrong letter": "0" + text[1:], "dot": "." + text[1:], "line end": text[:25] + "\n",
		"line ends inside": text[:13] + "\n\n" + text[13:24],
	} {
		if got, err := ParseRoomID(bad); CodeOf(err) != "bad_id" || got != (RoomID{}) {
			t.Errorf("%s: %q reads as %v, %v", name, bad, got, err)
		}
	}
}

func FuzzID(f *testing.F) {
	f.Add(EndpointID{1, 2, 3}.String())
	f.Add("aaaaaaaaaaaaaaaaaaaaaaaaa\n")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := ParseEndpointID(s); err == nil && id.String() != s {
			t.Errorf("%q reads as %q", s, id)
		}
		if h, err := ParseHash(s); err == nil && h.String() != s {
			t.Errorf("%q reads as %q", s, h)
		}
		if h, err := ParseHandle(s); err == nil && string(h) != strings.TrimPrefix(s, "@") {
			t.Errorf("%q reads as %q", s, h)
		}
	})
}

// TestJSON: every type that travels in JSON comes back as it was, and a failed
// read leaves what was there.
func TestJSON(t *testing.T) {
	t.Parallel()
	type all struct {
		ID       ID
		Account  AccountID
		Endpoint EndpointID
		Room     RoomID
		Invite   InviteID
		Hash     Hash
		Prefix   Prefix
		Head     Head
	}
	want := all{ID{1}, AccountID{2}, EndpointID{3}, RoomID{4}, InviteID{5}, Hash{6}, Hash{7}.Prefix(), Head{8, Hash{9}}}
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got all
	if err := json.Unmarshal(raw, &got); err != nil || got != want {
		t.Errorf("%s reads as %+v, %v", raw, got, err)
	}
	for _, bad := range []string{strings.Repeat("A", 64), strings.Repeat("g", 64), strings.Repeat("a", 63), ""} {
		kept := want
		if err := errors.Join(kept.Hash.UnmarshalText([]byte(bad)), kept.Prefix.UnmarshalText([]byte(bad))); err == nil || kept != want {
			t.Errorf("%q: %v, and left %+v", bad, err, kept)
		}
	}
}

func TestHandle(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a", "0", "bob", "@bob", "a.b_c-d", strings.Repeat("a", MaxHandle)} {
		if h, err := ParseHandle(good); err != nil || string(h) != strings.TrimPrefix(good, "@") {
			t.Errorf("%q reads as %q, %v", good, h, err)
		}
	}
	for _, bad := range []string{"", "@", "@@bob", ".a", "-a", "_a", "Bob", "bob ", "bo b", "bób", "a/b", "a\x00", strings.Repeat("a", MaxHandle+1)} {
		if h, err := ParseHandle(bad); CodeOf(err) != "bad_handle" || h != "" {
			t.Errorf("%q reads as %q, %v", bad, h, err)
		}
	}
}

// TestWords: each word reads back, an unknown one is refused, and an unknown
// number has no rights.
func TestWords(t *testing.T) {
	t.Parallel()
	for _, r := range []UserRole{RoleUser, RoleAdmin} {
		if got, err := ParseUserRole(r.String()); err != nil || got != r {
			t.Errorf("%v reads as %v, %v", r, got, err)
		}
	}
	for _, r := range []RoomRole{RoleReader, RoleMember, RoleOwner} {
		if got, err := ParseRoomRole(r.String()); err != nil || got != r {
			t.Errorf("%v reads as %v, %v", r, got, err)
		}
	}
	for _, m := range []Mode{ModeEnforce, ModeSoft, ModeOff} {
		if got, err := ParseMode(string(m)); err != nil || got != m {
			t.Errorf("%v reads as %v, %v", m, got, err)
		}
	}
	for _, bad := range []string{"", "none", "Admin", "OFF", strings.Repeat("x", 1000)} {
		_, err1 := ParseUserRole(bad)
		_, err2 := ParseRoomRole(bad)
		mode, err3 := ParseMode(bad)
		for _, err := range []error{err1, err2, err3} {
			if KindOf(err) != Invalid || len(err.Error()) > 200 {
				t.Errorf("%.20q: %v", bad, err)
			}
		}
		if mode != "" {
			t.Errorf("%.20q is mode %q", bad, mode)
		}
	}
	writes := map[RoomRole]bool{0: false, RoleReader: false, RoleMember: true, RoleOwner: true, 4: false, 255: false}
	for r, want := range writes {
		if r.Writes() != want {
			t.Errorf("role %d writes: %v, want %v", r, r.Writes(), want)
		}
	}
}

// Which of two rooms comes first decides which one counts, on every device.
func TestRoomsInOrder(t *testing.T) {
	t.Parallel()
	letters, digits := RoomID{0x00}, RoomID{0xff}
	if digits.Compare(letters) >= 0 || letters.Compare(digits) <= 0 || letters.Compare(letters) != 0 {
		t.Errorf("%s does not come before %s", digits, letters)
	}
}
