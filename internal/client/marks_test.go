package client

import (
	"bytes"
	"encoding/hex"
	"maps"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/seal"
)

// Marks go into records of one form, and only that form is read.
func TestMarks(t *testing.T) {
	t.Parallel()
	two := Marks{{2}: 258, {1}: 7}
	records := two.Records()
	const want = "01" + "01000000000000000000000000000000" + "0000000000000007" + "02000000000000000000000000000000" + "0000000000000102"
	if len(records) != 1 || records[0].Kind != seal.KindValue || hex.EncodeToString(records[0].Body) != want {
		t.Fatalf("two marks are %+v, want a value %s", records, want)
	}
	item := func(room, seq byte) []byte { return append(append([]byte{room}, make([]byte, 22)...), seq) }
	for what, body := range map[string][]byte{
		"nothing":               nil,
		"no mark":               {1},
		"another version":       append([]byte{2}, item(1, 1)...),
		"a byte too many":       append(append([]byte{1}, item(1, 1)...), 0),
		"a byte too few":        append([]byte{1}, item(1, 1)...)[:24],
		"no sequence":           append([]byte{1}, item(1, 0)...),
		"a room twice":          append(append([]byte{1}, item(1, 1)...), item(1, 2)...),
		"rooms in another turn": append(append([]byte{1}, item(2, 1)...), item(1, 1)...),
		"more than fit":         append([]byte{1}, bytes.Repeat(item(1, 1), MaxMarks+1)...),
	} {
		if m, ok := ParseMarks(body); ok {
			t.Errorf("%s is read as %v", what, m)
		}
	}
}

// Any number of rooms is told, in as many records as it takes.
func TestManyMarks(t *testing.T) {
	t.Parallel()
	many, back := Marks{}, Marks{}
	for n := range 2*MaxMarks + 1 {
		many[bus.RoomID{byte(n >> 8), byte(n)}] = uint64(n + 1)
	}
	records := many.Records()
	for _, r := range records {
		m, ok := ParseMarks(r.Body)
		if !ok || r.Size() > batch {
			t.Fatalf("a record of %d bytes, read: %v", r.Size(), ok)
		}
		maps.Copy(back, m)
	}
	if len(records) != 3 || !maps.Equal(many, back) {
		t.Errorf("%d marks in %d records, %d come back", len(many), len(records), len(back))
	}
}

// Another device's value is bytes of whoever has its key: what is read of it is
// all that stands there.
func FuzzParseMarks(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(Marks{{1}: 7, {2}: 258}.Records()[0].Body)
	f.Fuzz(func(t *testing.T, body []byte) {
		m, ok := ParseMarks(body)
		if !ok {
			return
		}
		if again := m.Records(); len(again) != 1 || !bytes.Equal(again[0].Body, body) {
			t.Errorf("%x is read as %v, which is %v", body, m, again)
		}
	})
}
