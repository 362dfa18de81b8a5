package nodetest_test

import (
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
	"unibus/internal/client"
	"unibus/internal/node"
	"unibus/internal/nodetest"
)

// Attack: a member complains of a key that opens, and names nothing in the epoch
// that he starts; then he waits until all erase the key that the room's name was
// sealed with. Checked: the room keeps its name, and he is removed.
func TestAttackNamelessEpoch(t *testing.T) {
	t.Parallel()
	var clock nodetest.Clock
	b := boot(t, func(o *node.Options) { o.Now = clock.Now })
	ctx := nodetest.Context(t)
	alice, mallory := b.Alice(), b.Mallory()
	id, err := b.Admin.CreateRoom(ctx, "short", client.RoomOptions{Retention: 12 * time.Hour})
	must(t, err)
	_, err = b.Admin.AddMembers(ctx, id, bus.RoleMember, "mallory")
	must(t, err)
	post(t, b.Admin, id, "hello")

	m := mirrorOf(t, b)
	r := m.room(id)
	m.append(mallory, r, m.complaint(r, mallory, craft{start: func(st *roomlog.Start) { st.Name = nil }}))
	post(t, b.Admin, id, "go on")

	for range 3 {
		clock.Pass(14 * time.Hour)
		post(t, b.Admin, id, "and on")
	}
	_, err = b.Admin.Kick(ctx, id, "mallory")
	must(t, err)
	_, err = b.Admin.AddMembers(ctx, id, bus.RoleMember, "alice")
	must(t, err)
	if found, err := alice.FindRoom(ctx, "short"); err != nil || found != id {
		t.Errorf("who comes later finds no room of that name: %v", err)
	}
}
