package control

import (
	"encoding/json"
	"net/http"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
	"unibus/internal/wire"
)

func TestRoomOverHTTP(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	alice, bob := r.w.Alice.Device(), r.w.Bob.Device()
	room := r.w.Room(alice)
	n := wire.NewRoom{Create: room.Log[0].Encode(), Start: room.Log[1].Encode(), Envelopes: envelopes(room)}
	r.expect("a room in another's name", r.post(bob, "/rooms", n), 403, "not_yours")
	r.expect("made", r.post(alice, "/rooms", n), 200, "")
	r.history.fill(room.State.ID, 2, 5)
	var got wire.Room
	if err := json.Unmarshal(r.get(alice, wire.RoomTarget(room.State.ID)).body, &got); err != nil || got.Last != 20 || got.Role != "owner" {
		t.Errorf("got %+v, %v", got, err)
	}
	var list wire.List[wire.Room]
	if err := json.Unmarshal(r.get(alice, wire.MyRoomsTarget(alice.ID())).body, &list); err != nil || len(list.Items) != 1 || list.Items[0].Last != 20 {
		t.Errorf("got %+v, %v", list, err)
	}

	// Bob is added by staged envelopes.
	room.Add(alice, bus.RoleMember, r.w.Bob)
	var staged []byte
	for _, e := range envelopes(room) {
		staged = wire.AppendEnvelope(staged, e)
	}
	put := call{method: http.MethodPut, target: wire.StageTarget(room.State.ID, room.State.Epoch.Root), key: &alice.Transport, body: staged}
	r.expect("staged", r.do(put), 204, "")
	put.body = staged[1:]
	r.expect("staged nonsense", r.do(put), 400, "bad_envelopes")
	r.expect("bob is not there yet", r.get(bob, wire.RoomTarget(room.State.ID)), 403, "not_member")
	r.expect("added", r.post(alice, wire.RoomAppendTarget(room.State.ID), wire.Append{Entry: room.Log[2].Encode()}), 200, "")
	r.expect("bob is there", r.get(bob, wire.KeyTarget(room.State.ID, 2, bob.ID())), 200, "")
}

func TestCleartextRoomIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	alice := r.w.Alice.Device()
	room := r.w.EmptyRoom()
	room.Must(room.CreateEntry(alice, func(c *roomlog.Create) { c.Suite = bus.SuiteClear }))
	room.Must(room.Rekey(alice, roomlog.ReasonAsked))
	n := wire.NewRoom{Create: room.Log[0].Encode(), Start: room.Log[1].Encode(), Envelopes: envelopes(room)}
	r.expect("cleartext", r.post(alice, "/rooms", n), 403, "cleartext_refused")
}
