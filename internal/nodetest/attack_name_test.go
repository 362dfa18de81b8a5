package nodetest_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
	"unibus/internal/client"
	"unibus/internal/node"
	"unibus/internal/nodetest"
	"unibus/internal/wire"
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
	var k wire.Key
	as(m.c, mallory).get(wire.KeyTarget(id, r.Epoch.Number, mallory.Endpoint()), &k)
	about := roomlog.Complaint{Epoch: r.Epoch.Number, Envelope: sha256.Sum256(k.Sealed)}
	m.append(mallory, r, m.epoch(r, roomlog.OpRekey, roomlog.Change{}, func(st roomlog.Start) []byte {
		return roomlog.Rekey{Reason: roomlog.ReasonBroken, Complaint: about, Start: st}.Encode()
	}, m.author(mallory), mallory.Identity.Content, craft{start: func(st *roomlog.Start) { st.Name = nil }}, time.Now().Truncate(time.Millisecond)))
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
