package client_test

import (
	"strings"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/nodetest"
)

// Everybody has a room with himself, made once, and found by his name.
func TestRoomWithOneself(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice, ctx := b.Alice(), nodetest.Context(t)
	if _, err := alice.FindRoom(ctx, "@alice"); bus.KindOf(err) != bus.NotFound {
		t.Errorf("before it is made: got %v, want not found", err)
	}
	own, err := alice.DirectRoom(ctx, "alice")
	must(t, err)
	again, err := alice.DirectRoom(ctx, "alice")
	must(t, err)
	if again != own {
		t.Error("it is made a second time")
	}
	send(t, alice.Client, own, "a note")
	if got := texts(read(t, alice.Client, own)); strings.Join(got, ",") != "a note" {
		t.Errorf("got %q", got)
	}
}

// A room that somebody else made for me, and left, is not my own, whatever it is
// called: he knows keys of it.
func TestRoomWithOneselfIsOnesOwn(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice, ctx := b.Alice(), nodetest.Context(t)
	trap, err := b.Admin.CreateRoom(ctx, "alice+alice", client.RoomOptions{Direct: true})
	must(t, err)
	_, err = b.Admin.AddMembers(ctx, trap, bus.RoleOwner, "alice")
	must(t, err)
	must(t, b.Admin.Leave(ctx, trap, ""))
	own, err := alice.DirectRoom(ctx, "alice")
	must(t, err)
	if own == trap {
		t.Error("alice takes the room of another for her own")
	}
}

// Two long names fit the name of a room.
func TestRoomOfTwoLongNames(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	long := bus.Handle(strings.Repeat("z", bus.MaxHandle))
	b.Join(long)
	alice := b.Alice()
	_, err := alice.DirectRoom(nodetest.Context(t), long)
	must(t, err)
	own, err := alice.FindRoom(nodetest.Context(t), "@"+string(long))
	must(t, err)
	send(t, alice.Client, own, "hi")
}

// Where two are made at once, of one person or of two, that with the lower id is
// found, by everybody, and the other one is known for what it is.
func TestRoomsOfTwoAtOnce(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice, bob, ctx := b.Alice(), b.Bob(), nodetest.Context(t)
	made := func(by *nodetest.Person, name string, with ...bus.Handle) bus.RoomID {
		id, err := by.CreateRoom(ctx, name, client.RoomOptions{Direct: true})
		must(t, err)
		if len(with) > 0 {
			_, err = by.AddMembers(ctx, id, bus.RoleOwner, with...)
			must(t, err)
		}
		return id
	}
	lower := func(a, b bus.RoomID) bus.RoomID {
		if b.Compare(a) < 0 {
			return b
		}
		return a
	}
	own := lower(made(alice, "alice+alice"), made(alice, "alice+alice"))
	shared := lower(made(alice, "alice+bob", "bob"), made(bob, "alice+bob", "alice"))
	for by, want := range map[*nodetest.Person]map[bus.Handle]bus.RoomID{alice: {"alice": own, "bob": shared}, bob: {"alice": shared}} {
		for with, id := range want {
			if got, err := by.DirectRoom(ctx, with); err != nil || got != id {
				t.Errorf("%s and %s: got %s, %v, want %s", by.Name, with, got, err, id)
			}
		}
		refs, err := by.ListMyRooms(ctx)
		must(t, err)
		for _, r := range refs {
			if r.Double != (r.ID != want[r.With]) {
				t.Errorf("%s: a room with %s, %s, is a double: %v", by.Name, r.With, r.ID, r.Double)
			}
		}
	}
}
