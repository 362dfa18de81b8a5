package control

import (
	"net/http"
	"strings"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/chain/chaintest"
	"unibus/internal/identity"
	"unibus/internal/wire"
)

// TestRoutes is the contract of every route: who gets what.
func TestRoutes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	admin, alice, bob := r.w.Founder.Device(), r.w.Alice.Device(), r.w.Bob.Device()
	room := r.room(alice)
	id, none := room.State.ID, bus.RoomID{1}
	r.history.fill(id, 3, 10)
	key := func(of *chaintest.Device) string { return wire.KeyTarget(id, 1, of.ID()) }
	grant := wire.AppendGrant(nil, wire.Grant{Epoch: 1, Endpoint: alice.ID(), Sealed: make([]byte, 32+identity.KEMOverhead)})
	tests := []struct {
		name   string
		by     *chaintest.Device
		method string
		target string
		body   any
		status int
		code   string
	}{
		{"health, unsigned", nil, "GET", "/healthz", nil, 200, ""},
		{"server, unsigned", nil, "GET", "/server", nil, 200, ""},
		{"health by POST", alice, "POST", "/healthz", nil, 404, "no_route"},
		{"no such route", alice, "GET", "/nothing", nil, 404, "no_route"},
		{"another method", alice, "DELETE", "/users", nil, 404, "no_route"},
		{"options", nil, "OPTIONS", "/users", nil, 404, "no_route"},

		{"log", bob, "GET", "/log?from=0", nil, 200, ""},
		{"log, unsigned", nil, "GET", "/log", nil, 401, "unsigned"},
		{"log from nonsense", bob, "GET", "/log?from=-1", nil, 400, "bad_number"},
		{"log from 01", bob, "GET", "/log?from=01", nil, 400, "bad_number"},
		{"log from far", bob, "GET", "/log?from=4294967296", nil, 400, "bad_number"},
		{"append what is no entry", admin, "POST", "/log", wire.Append{Entry: []byte("x")}, 422, "bad_entry"},
		{"append with envelopes", admin, "POST", "/log", wire.Append{Envelopes: make([]wire.Envelope, 1)}, 400, "bad_json"},
		{"users", bob, "GET", "/users", nil, 200, ""},
		{"users, unsigned", nil, "GET", "/users", nil, 401, "unsigned"},
		{"user", bob, "GET", "/users/alice", nil, 200, ""},
		{"no user", bob, "GET", "/users/nobody", nil, 404, "no_user"},
		{"a second name of a user", bob, "GET", "/users/@alice", nil, 400, "bad_handle"},
		{"no handle", bob, "GET", "/users/ALICE", nil, 400, "bad_handle"},
		{"account", bob, "GET", "/users/alice/endpoints?from=0", nil, 200, ""},
		{"limits", bob, "GET", "/limits", nil, 200, ""},

		{"room", alice, "GET", wire.RoomTarget(id), nil, 200, ""},
		{"room of others", bob, "GET", wire.RoomTarget(id), nil, 403, "not_member"},
		{"no room", bob, "GET", wire.RoomTarget(none), nil, 403, "not_member"},
		{"room, unsigned", nil, "GET", wire.RoomTarget(id), nil, 401, "unsigned"},
		{"no room id", alice, "GET", "/rooms/general", nil, 400, "bad_id"},
		{"members", alice, "GET", wire.MembersTarget(id), nil, 200, ""},
		{"members of others", bob, "GET", wire.MembersTarget(id), nil, 403, "not_member"},
		{"members of no room", bob, "GET", wire.MembersTarget(none), nil, 403, "not_member"},
		{"room log", alice, "GET", wire.RoomLogTarget(id, 0), nil, 200, ""},
		{"room log of others", bob, "GET", wire.RoomLogTarget(id, 0), nil, 403, "not_member"},
		{"room log of no room", bob, "GET", wire.RoomLogTarget(none, 0), nil, 403, "not_member"},
		{"append to a room of others", bob, "POST", wire.RoomAppendTarget(id), wire.Append{Entry: room.Log[1].Encode()}, 403, "not_member"},
		{"append to no room", bob, "POST", wire.RoomAppendTarget(none), wire.Append{Entry: room.Log[1].Encode()}, 403, "not_member"},
		{"own key", alice, "GET", key(alice), nil, 200, ""},
		{"another's key", alice, "GET", key(admin), nil, 403, "not_your_key"},
		{"key of no epoch", alice, "GET", wire.KeyTarget(id, 7, alice.ID()), nil, 403, "no_key"},
		{"key in a room of others", bob, "GET", key(bob), nil, 403, "not_member"},
		{"own grants", alice, "GET", wire.GrantsTarget(id, alice.ID(), 0), nil, 200, ""},
		{"another's grants", alice, "GET", wire.GrantsTarget(id, admin.ID(), 0), nil, 403, "not_your_key"},
		{"grants from nonsense", alice, "GET", wire.RoomTarget(id) + "/grants?endpoint=" + alice.ID().String() + "&from=x", nil, 400, "bad_number"},
		{"grants in a room of others", bob, "GET", wire.GrantsTarget(id, bob.ID(), 0), nil, 403, "not_member"},
		{"grants for no epoch", alice, "PUT", wire.GrantTarget(id, 7), grant, 403, "bad_grant"},
		{"what is no grant", alice, "PUT", wire.GrantTarget(id, 1), "x", 400, "bad_grants"},
		{"grants for 01", alice, "PUT", wire.RoomTarget(id) + "/grants/01", nil, 400, "bad_number"},
		{"grants to a room of others", bob, "PUT", wire.GrantTarget(id, 1), grant, 403, "not_member"},
		{"no grant at all", alice, "PUT", wire.GrantTarget(id, 1), []byte{}, 400, "bad_grants"},
		{"messages", alice, "GET", wire.MessagesAfter(id, 0, 10), nil, 200, ""},
		{"messages of others", bob, "GET", wire.MessagesAfter(id, 0, 10), nil, 403, "not_member"},
		{"messages of no room", bob, "GET", wire.MessagesAfter(none, 0, 10), nil, 403, "not_member"},
		{"no message", alice, "GET", wire.MessagesAfter(id, 0, 0), nil, 400, "bad_number"},
		{"too many messages", alice, "GET", wire.MessagesAfter(id, 0, bus.MaxPageMessages+1), nil, 400, "bad_number"},
		{"own rooms", alice, "GET", wire.MyRoomsTarget(alice.ID()), nil, 200, ""},
		{"no rooms", bob, "GET", wire.MyRoomsTarget(bob.ID()), nil, 200, ""},
		{"another's rooms", bob, "GET", wire.MyRoomsTarget(alice.ID()), nil, 403, ""},
		{"rooms of nobody", bob, "GET", wire.MyRoomsTarget(bus.EndpointID{1}), nil, 403, ""},

		{"no blob", alice, "GET", wire.BlobTarget(bus.Hash{1}), nil, 404, "no_blob"},
		{"no blob's size", alice, "HEAD", wire.BlobTarget(bus.Hash{1}), nil, 404, ""},
		{"delete no blob", alice, "DELETE", wire.BlobTarget(bus.Hash{1}), nil, 404, "no_blob"},
		{"upper case", alice, "GET", "/blobs/" + strings.Repeat("A", 64), nil, 400, ""},
		{"63 digits", alice, "GET", "/blobs/" + strings.Repeat("a", 63), nil, 400, ""},
		{"a path", alice, "GET", "/blobs/..%2f..%2fetc", nil, 400, "bad_target"},
		{"blobs of the bus", alice, "GET", "/blobs?scope=bus", nil, 200, ""},
		{"blobs of a room of others", bob, "GET", wire.BlobsTarget(id.String(), ""), nil, 403, "not_member"},
		{"blobs of no room", bob, "GET", wire.BlobsTarget(none.String(), ""), nil, 403, "not_member"},
		{"blobs after no place", bob, "GET", wire.BlobsTarget("bus", "zzz"), nil, 400, "bad_place"},
		{"no blobs at all", bob, "GET", "/blobs?scope=bus&limit=0", nil, 400, "bad_number"},
		{"too many blobs", bob, "GET", "/blobs?scope=bus&limit=1001", nil, 400, "bad_number"},
		{"blobs of no scope", bob, "GET", "/blobs", nil, 400, ""},
		{"the bus by another name", bob, "GET", wire.BlobsTarget(bus.RoomID{}.String(), ""), nil, 400, "bad_scope"},

		{"found again", admin, "POST", "/found", wire.Found{}, 409, "founded"},
		{"no invite", admin, "POST", wire.AcceptTarget(bus.InviteID{1}), wire.Accept{}, 422, "bad_entry"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := call{method: tt.method, target: tt.target}
			if tt.by != nil {
				c.key = &tt.by.Transport
			}
			switch body := tt.body.(type) {
			case nil:
			case []byte: // no JSON
				c.body = body
			default:
				c.body = r.json(body)
			}
			if strings.Contains(tt.target, "%") { // Go's client would escape it anew
				c.target, c.spoil = "/x", func(q *http.Request) { q.URL.Opaque = "//" + r.addr + tt.target }
			}
			got := r.do(c)
			if got.status != tt.status || tt.code != "" && got.Error.Code != tt.code {
				t.Errorf("got %d %q, want %d %q: %s", got.status, got.Error.Code, tt.status, tt.code, got.body)
			}
		})
	}
	if !strings.Contains(string(r.get(bob, wire.MyRoomsTarget(bob.ID())).body), `"items":[]`) {
		t.Error("no rooms are not an empty list")
	}
}

// TestForeignIsUnknown compares whole answers: only the request id may differ.
func TestForeignIsUnknown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	room := r.room(r.w.Alice.Device())
	bob := r.w.Bob.Device()
	id := r.putBlob(r.w.Alice.Device(), []byte("sealed"), room.State.ID.String(), "whole")
	for _, pair := range [][2]string{
		{wire.RoomTarget(room.State.ID), wire.RoomTarget(bus.RoomID{9})},
		{wire.MembersTarget(room.State.ID), wire.MembersTarget(bus.RoomID{9})},
		{wire.RoomLogTarget(room.State.ID, 0), wire.RoomLogTarget(bus.RoomID{9}, 0)},
		{wire.KeyTarget(room.State.ID, 1, bob.ID()), wire.KeyTarget(bus.RoomID{9}, 1, bob.ID())},
		{wire.GrantsTarget(room.State.ID, bob.ID(), 0), wire.GrantsTarget(bus.RoomID{9}, bob.ID(), 0)},
		{wire.MessagesBefore(room.State.ID, 0, 1), wire.MessagesBefore(bus.RoomID{9}, 0, 1)},
		{wire.BlobTarget(id), wire.BlobTarget(bus.Hash{9})},
	} {
		foreign, unknown := r.get(bob, pair[0]), r.get(bob, pair[1])
		foreign.Error.RequestID, unknown.Error.RequestID = "", ""
		if foreign.status != unknown.status || foreign.Error != unknown.Error {
			t.Errorf("%s: got %d %+v and %d %+v", pair[0], foreign.status, foreign.Error, unknown.status, unknown.Error)
		}
	}
}
