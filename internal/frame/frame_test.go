package frame

import (
	"bytes"
	"testing"

	"unibus/internal/bus"
)

func TestHeaderRoundTrip(t *testing.T) {
	want := Header{Suite: bus.SuiteSealed, Room: bus.RoomID{1}, Epoch: 7, Head: bus.Ref{Index: 9, Hash: bus.Prefix{2}},
		Endpoint: bus.EndpointID{3}, Session: Session{4}, Index: 11, Salt: Salt{5}}
	raw := append(want.Append(nil), make([]byte, 72)...)
	if len(raw) != HeaderSize+72 {
		t.Fatalf("header is %d bytes, want %d", len(raw)-72, HeaderSize)
	}
	got, err := Parse(raw)
	if err != nil || got != want {
		t.Fatalf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestParseRefuses(t *testing.T) {
	good := append(Header{Suite: bus.SuiteSealed}.Append(nil), make([]byte, 72)...)
	for name, raw := range map[string][]byte{
		"empty":         nil,
		"short":         good[:len(good)-1],
		"long":          append(bytes.Clone(good), make([]byte, bus.MaxFrame)...),
		"other version": append([]byte{2}, good[1:]...),
		"unknown suite": append([]byte{1, 2}, good[2:]...),
	} {
		if _, err := Parse(raw); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(append(Header{Suite: bus.SuiteSealed}.Append(nil), make([]byte, 72)...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, err := Parse(raw)
		if err == nil && !bytes.Equal(h.Append(nil), raw[:HeaderSize]) {
			t.Fatalf("parsed header writes other bytes")
		}
	})
}
