package grant

import (
	"slices"
	"strings"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

var (
	alice = bus.EndpointID{1}
	ops   = bus.RoomID{2}
	dev   = bus.RoomID{3}
)

const server wire.ServerToken = "NSERVER"

func TestWith(t *testing.T) {
	me, r1, r2 := alice.String(), ops.String(), dev.String()
	base := Set{
		Publish:   []string{"svc." + me + ".open.NSERVER"},
		Subscribe: []string{"_INBOX_" + me + ".>", "ev." + me + ".>"},
	}
	for name, c := range map[string]struct {
		rooms              []Room
		publish, subscribe []string
	}{
		"no room":  {nil, nil, nil},
		"member":   {[]Room{{ops, true, true}}, []string{"in.NSERVER." + r1 + "." + me}, []string{"out." + r1}},
		"reader":   {[]Room{{ops, true, false}}, nil, []string{"out." + r1}},
		"no right": {[]Room{{ops, false, false}}, nil, nil},
		"two": {[]Room{{ops, true, false}, {dev, true, true}},
			[]string{"in.NSERVER." + r2 + "." + me}, []string{"out." + r1, "out." + r2}},
	} {
		got := With(alice, server, c.rooms...)
		if want := append(slices.Clone(base.Publish), c.publish...); !slices.Equal(got.Publish, want) {
			t.Errorf("%s: publish %q, want %q", name, got.Publish, want)
		}
		if want := append(slices.Clone(base.Subscribe), c.subscribe...); !slices.Equal(got.Subscribe, want) {
			t.Errorf("%s: subscribe %q, want %q", name, got.Subscribe, want)
		}
	}
}

// NATS takes an empty allow-list of subscriptions as leave to subscribe to
// everything, and a nil list of publications likewise.
func TestNeverEmpty(t *testing.T) {
	for name, s := range map[string]Set{
		"base":       Base(alice, server),
		"zero value": Base(bus.EndpointID{}, ""),
		"no rooms":   With(alice, server),
		"no rights":  With(alice, server, Room{ID: ops}),
	} {
		if len(s.Publish) == 0 || len(s.Subscribe) == 0 {
			t.Errorf("%s: an empty list: %+v", name, s)
		}
	}
}

func FuzzWildcardsOnlyAtTheEndOfOwnSpace(f *testing.F) {
	f.Add([]byte("0123456789abcdef"), []byte("fedcba9876543210"), true, true)
	f.Fuzz(func(t *testing.T, me, room []byte, read, write bool) {
		var e bus.EndpointID
		var r bus.RoomID
		copy(e[:], me)
		copy(r[:], room)
		s := With(e, server, Room{ID: r, Read: read, Write: write})
		for _, subject := range slices.Concat(s.Publish, s.Subscribe) {
			own, wild := strings.CutSuffix(subject, e.String()+".>")
			if wild && own != "_INBOX_" && own != "ev." {
				t.Errorf("%s opens a space that is not its own", subject)
			}
			if !wild && strings.ContainsAny(subject, "*> ") {
				t.Errorf("%s holds a wildcard", subject)
			}
		}
	})
}
