package membershiptest

import (
	"bytes"
	"reflect"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

func granting(room, actor, since int) membership.Granting {
	return membership.Granting{Room: bus.RoomID(id(room)), Since: bus.Epoch(since), Actor: bus.EndpointID(id(actor)),
		By: bus.AccountID(id(actor + 100))}
}

func grant(epoch, endpoint int) wire.Grant {
	return wire.Grant{Epoch: bus.Epoch(epoch), Endpoint: bus.EndpointID(id(endpoint)), Serial: uint32(endpoint), Sealed: bytes.Repeat([]byte{byte(epoch)}, 64)}
}

// testGrants keeps what is handed on for its endpoint, in order, page by page, as
// long as the envelopes of its epoch.
func testGrants(t *testing.T, open Opener) {
	s := open()
	room, me := bus.RoomID(id(1)), bus.EndpointID(id(7))
	envs, leaves := envelopes(1, 2)
	for epoch := 1; epoch <= 3; epoch++ {
		must(t, commitKeys(t, s, epoch-1, membership.EpochKeys{Staging: staging(5), Epoch: bus.Epoch(epoch), Leaves: leaves, Inline: envs}))
	}
	must(t, s.PutGrants(ctx(t), granting(1, 2, 5), []wire.Grant{grant(3, 7), grant(2, 7), grant(2, 8), grant(4, 7)}))
	must(t, s.PutGrants(ctx(t), granting(1, 3, 5), []wire.Grant{grant(2, 7)}))
	must(t, s.PutGrants(ctx(t), granting(9, 2, 5), []wire.Grant{grant(2, 7)}))
	again := grant(3, 7)
	again.Sealed = []byte("newer")
	must(t, s.PutGrants(ctx(t), granting(1, 2, 6), []wire.Grant{again}))
	list := func(from bus.Epoch, limit int) []wire.Granted {
		t.Helper()
		got, err := s.Grants(ctx(t), room, me, from, limit)
		must(t, err)
		return got
	}
	all := list(0, 10) // not of the fourth epoch, nor of the other room, which have no envelopes
	if len(all) != 3 || all[0].Epoch != 2 || all[1].Epoch != 2 || bytes.Compare(all[0].Actor[:], all[1].Actor[:]) >= 0 {
		t.Fatalf("got %+v", all)
	}
	want := wire.Granted{Epoch: 3, Since: 6, Actor: bus.EndpointID(id(2)), Serial: 7, Sealed: []byte("newer")}
	if !reflect.DeepEqual(all[2], want) {
		t.Errorf("got %+v, want %+v", all[2], want)
	}
	if got := list(0, 2); !reflect.DeepEqual(got, all[:2]) {
		t.Errorf("the first two are %+v", got)
	}
	if got := list(3, 10); !reflect.DeepEqual(got, all[2:]) {
		t.Errorf("from 3 on: %+v", got)
	}
	if got := list(1<<63+1, 10); len(got) != 0 {
		t.Errorf("behind everything: %+v", got)
	}
	counted := func(want int) {
		t.Helper()
		if n, err := s.GrantCount(ctx(t), granting(1, 2, 5).By); err != nil || n != want {
			t.Errorf("%d counted, %v; want %d", n, err, want)
		}
	}
	counted(3)
	for name, c := range map[string]struct {
		room, heir int
		to         []bus.EndpointID
		want       int
	}{
		"by two":               {1, 50, []bus.EndpointID{me}, 3},
		"by others":            {1, 103, []bus.EndpointID{me}, 2},
		"to several":           {1, 50, []bus.EndpointID{me, bus.EndpointID(id(8)), bus.EndpointID(id(9))}, 4},
		"to nobody":            {1, 50, nil, 0},
		"in a room without it": {9, 50, []bus.EndpointID{me}, 0},
	} {
		n, err := s.GrantsTo(ctx(t), bus.RoomID(id(c.room)), bus.AccountID(id(c.heir)), c.to)
		if err != nil || n != c.want {
			t.Errorf("%s: %d, %v; want %d", name, n, err, c.want)
		}
	}
	must(t, s.DeleteKeys(ctx(t), room, 2))
	if got := list(0, 10); !reflect.DeepEqual(got, all[2:]) {
		t.Errorf("left %+v", got)
	}
	must(t, s.DeleteKeys(ctx(t), room, 9))
	counted(0)
}
