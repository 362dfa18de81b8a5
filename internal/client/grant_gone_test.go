package client

import (
	"context"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/chain/roomlog"
)

// gone is a room whose owner let somebody and a guest in, and whose keys wait to be
// handed on to them.
type gone struct {
	*model
	owner *device
	bob   *device
	id    bus.RoomID
	guest *invite
}

func newGone(t *testing.T) *gone {
	g := &gone{model: newModel(t.Context(), 1, nothing)}
	g.owner, g.bob = g.devices[0], g.devices[1]
	g.newDevice(g.bob)
	g.must(g.owner.world.syncNow(t.Context(), g.bob.owner.account))
	g.invitePerson(g.owner)
	g.guest = g.invites[len(g.invites)-1]
	g.intents = []intent{{op: roomlog.OpRekey}}
	id, err := g.owner.CreateRoom(t.Context(), "all", RoomOptions{History: bus.HistoryAll})
	g.must(err)
	g.id = id
	for _, let := range []func(context.Context) error{
		func(ctx context.Context) error { return g.owner.AddGuests(ctx, id, bus.RoleMember, g.guest.link.ID) },
		func(ctx context.Context) error {
			_, err := g.owner.AddMembers(ctx, id, bus.RoleMember, g.bob.owner.name)
			return err
		},
	} {
		ctx, end := context.WithCancel(t.Context())
		g.owner.call.HTTP.Transport = refusing{line{g.model, g.owner}, end}
		g.intents = []intent{{op: roomlog.OpAdd, invite: map[*invite]bus.RoomRole{g.guest: bus.RoleMember}},
			{op: roomlog.OpAdd, add: map[*human]bus.RoomRole{g.bob.owner: bus.RoleMember}}}[len(g.owner.at.table.rooms[id].epochs)-1:]
		if err := let(ctx); ctx.Err() == nil {
			t.Fatalf("nobody was let in, or had keys at once: %v", err)
		}
	}
	g.owner.call.HTTP.Transport = line{g.model, g.owner}
	return g
}

// Whoever is known to have lost his place is handed nothing on, though the room's
// newest key was sealed to him and no other is made yet.
func TestNothingForWhoIsGone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		then func(g *gone)
		want [3]int // keys for bob's device, for his second one, for the guest
	}{
		"nobody is": {func(*gone) {}, [3]int{2, 2, 1}},
		"a device": {func(g *gone) {
			cut := account.Revoke{By: account.ByEndpoint, Endpoint: g.devices[len(g.devices)-1].id()}
			g.onAccount(g.bob, account.OpRevoke, cut.Encode(), true, g.bob.file.Content)
		}, [3]int{2, 0, 1}},
		"a user":              {func(g *gone) { _, _ = g.owner.RevokeUser(g.ctx, g.bob.owner.name) }, [3]int{0, 0, 1}},
		"a guest":             {func(g *gone) { _, _ = g.owner.RevokeInvite(g.ctx, g.guest.link.ID) }, [3]int{2, 2, 0}},
		"a guest of long ago": {func(g *gone) { g.now = g.now.Add(73 * time.Hour) }, [3]int{2, 2, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGone(t)
			g.deny = func() error { return roomlog.ErrNotDue } // the room gets no other key
			c.then(g)
			g.must(g.owner.refresh(t.Context(), g.id))
			var got [3]int
			for i, to := range []bus.EndpointID{g.bob.id(), g.devices[len(g.devices)-1].id(), g.guest.endpoint} {
				for _, grant := range g.owner.at.history.grants[g.id] {
					if grant.to == to {
						got[i]++
					}
				}
			}
			if got != c.want {
				t.Errorf("bob's devices and the guest were handed %v keys, want %v", got, c.want)
			}
			if n := len(g.owner.at.table.rooms[g.id].epochs); n != 3 {
				t.Errorf("the room has %d epochs: this test proves nothing", n)
			}
			g.noFaults(t)
		})
	}
}
