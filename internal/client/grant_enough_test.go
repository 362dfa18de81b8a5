package client

import (
	"testing"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
)

// TestGrantsEnough: with one device after the other nobody makes others seal the
// whole past for him without end.
func TestGrantsEnough(t *testing.T) {
	t.Parallel()
	m := newModel(t.Context(), 1, nothing)
	owner, bob := m.devices[0], m.people[1]
	m.intents = []intent{{op: roomlog.OpRekey}}
	id, err := owner.CreateRoom(t.Context(), "all", RoomOptions{History: bus.HistoryAll})
	m.must(err)
	m.attempt(owner, id, intent{op: roomlog.OpAdd, add: map[*human]bus.RoomRole{bob: bus.RoleMember}}, func() error {
		_, err := owner.AddMembers(t.Context(), id, bus.RoleMember, bob.name)
		return err
	})
	owner.world.mu.Lock()
	defer owner.world.mu.Unlock()
	r, err := owner.world.loadRoom(t.Context(), id)
	m.must(err)
	to := owner.heirs(r, r.Epoch)
	if len(to) != 2 {
		t.Fatalf("%d endpoints of bob came, want his device and his recovery endpoint", len(to))
	}
	for given, want := range map[int]int{0: 2, bus.MaxHeirGrants - 1: 1, bus.MaxHeirGrants: 0} {
		g := giving{c: owner.Client, r: r, since: r.Epoch, given: map[bus.AccountID]int{to[0].Account: given}}
		m.must(g.give(t.Context(), r.epochs[1], to))
		if len(g.grants) != want {
			t.Errorf("behind %d keys %d more are sealed for bob, want %d", given, len(g.grants), want)
		}
	}
}
