package roomlog

import (
	"testing"

	"golang.org/x/crypto/cryptobyte"

	"unibus/internal/bus"
)

// TestListLengths: an epoch names as many members and guests as a room may
// have, not one more, and no fewer than it says.
func TestListLengths(t *testing.T) {
	t.Parallel()
	pins := func(b []byte) (int, bool) {
		var out []Pin
		ok := readPins((*cryptobyte.String)(&b), &out)
		return len(out), ok && len(b) == 0
	}
	invites := func(b []byte) (int, bool) {
		var out []bus.InviteID
		ok := readInvites((*cryptobyte.String)(&b), &out)
		return len(out), ok && len(b) == 0
	}
	for name, list := range map[string]struct {
		size int
		read func([]byte) (int, bool)
	}{"members": {36, pins}, "guests": {16, invites}} {
		encoded := func(n int) []byte {
			return append([]byte{byte(n >> 8), byte(n)}, make([]byte, n*list.size)...)
		}
		for n, want := range map[int]bool{0: true, 1: true, bus.MaxMembers: true, bus.MaxMembers + 1: false} {
			if got, ok := list.read(encoded(n)); ok != want || ok && got != n {
				t.Errorf("%d %s: read %d, %v; want %v", n, name, got, ok, want)
			}
		}
		for _, cut := range [][]byte{nil, {0}, encoded(2)[:2*list.size]} {
			if _, ok := list.read(cut); ok {
				t.Errorf("%s: %d bytes are a list", name, len(cut))
			}
		}
	}
}
