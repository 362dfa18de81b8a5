package nodetest_test

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"unibus/internal/blob"
	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/roomlog"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/node"
	"unibus/internal/nodetest"
	"unibus/internal/signing"
	"unibus/internal/wire"
)

// foreign is a question about a room or a blob, to be asked about one that is
// there and about one that is not.
type foreign struct {
	method string
	target func(bus.RoomID, bus.Hash) string
	body   func(bus.RoomID) []byte
}

func ofRoom(f func(bus.RoomID) string) func(bus.RoomID, bus.Hash) string {
	return func(id bus.RoomID, _ bus.Hash) string { return f(id) }
}

func ofBlob(f func(bus.Hash) string) func(bus.RoomID, bus.Hash) string {
	return func(_ bus.RoomID, id bus.Hash) string { return f(id) }
}

// foreigns is every route that names a room or a blob, as p would ask.
func foreigns(t testing.TB, p *nodetest.Person) []foreign {
	me := p.Endpoint()
	entry := func(id bus.RoomID) []byte { return toJSON(t, wire.Append{Entry: leaveEntry(p, id).Encode()}) }
	return []foreign{
		{"GET", ofRoom(wire.RoomTarget), nil},
		{"GET", ofRoom(wire.MembersTarget), nil},
		{"GET", ofRoom(func(id bus.RoomID) string { return wire.RoomLogTarget(id, 0) }), nil},
		{"GET", ofRoom(func(id bus.RoomID) string { return wire.RoomLogTarget(id, 1000) }), nil},
		{"GET", ofRoom(func(id bus.RoomID) string { return wire.KeyTarget(id, 1, me) }), nil},
		{"GET", ofRoom(func(id bus.RoomID) string { return wire.KeyTarget(id, 0, me) }), nil},
		{"GET", ofRoom(func(id bus.RoomID) string { return wire.KeyTarget(id, 1, bus.EndpointID{1}) }), nil},
		{"GET", ofRoom(func(id bus.RoomID) string { return wire.GrantsTarget(id, me, 0) }), nil},
		{"GET", ofRoom(func(id bus.RoomID) string { return wire.GrantsTarget(id, bus.EndpointID{1}, 0) }), nil},
		{"PUT", ofRoom(func(id bus.RoomID) string { return wire.GrantTarget(id, 2) }), nil},
		{"GET", ofRoom(func(id bus.RoomID) string { return wire.MessagesAfter(id, 0, 10) }), nil},
		{"GET", ofRoom(func(id bus.RoomID) string { return wire.MessagesBefore(id, 0, 10) }), nil},
		{"GET", ofRoom(func(id bus.RoomID) string { return wire.BlobsTarget(id.String(), "") }), nil},
		{"POST", ofRoom(wire.RoomAppendTarget), entry},
		{"POST", ofRoom(wire.RoomAppendTarget), func(bus.RoomID) []byte { return []byte(`{"entry":"AAAA"}`) }},
		{"PUT", ofRoom(func(id bus.RoomID) string { return wire.StageTarget(id, bus.Hash{1}) }), nil},
		{"PUT", ofRoom(func(id bus.RoomID) string { return wire.BlobPutTarget(emptyHash, id.String(), "whole") }), nil},
		{"PUT", ofRoom(func(id bus.RoomID) string { return wire.BlobPutTarget(emptyHash, id.String(), "manifest") }), nil},
		{"HEAD", ofBlob(wire.BlobTarget), nil},
		{"GET", ofBlob(wire.BlobTarget), nil},
		{"DELETE", ofBlob(wire.BlobTarget), nil},
	}
}

// emptyHash is the digest of an empty body.
var emptyHash = bus.Hash(sha256.Sum256(nil))

// leaveEntry is an entry that p signs for a room, as if it were its second.
func leaveEntry(p *nodetest.Person, id bus.RoomID) *chain.Entry {
	by := chain.Author{Account: p.Identity.Account, Endpoint: p.Endpoint()}
	return chain.Tail{Bus: p.Identity.Bus, Chain: chain.ID(id), Len: 2}.New(roomlog.OpLeave, roomlog.Leave{}.Encode(), by, time.Now()).
		Sign(identity.ContextRoom, p.Identity.Content)
}

// Attack: a registered user who is in no room, one who was removed, one who
// left, and a guest who was turned away ask about a room and a blob of others.
// Checked: every answer is, byte for byte, the one for what does not exist, and
// nothing changed. But who was in it reads its log up to the entry that put him out.
func TestAttackForeignRoom(t *testing.T) {
	t.Parallel()
	b := boot(t)
	ctx := nodetest.Context(t)
	room, err := b.Admin.CreateRoom(ctx, "secret", client.RoomOptions{})
	must(t, err)
	kicked, left, mallory, inside := b.Join("kicked", room), b.Join("left", room), b.Mallory(), b.Join("inside", b.General)
	for _, p := range []*nodetest.Person{kicked, left} {
		post(t, p, room, "hello")
	}
	_, err = b.Admin.Kick(ctx, room, "kicked")
	must(t, err)
	must(t, left.Leave(ctx, room, ""))
	post(t, b.Admin, room, "they are gone")
	blob := putBlob(t, b.Admin, room, "secret")
	before := stateOf(t, b, room)
	for p, was := range map[*nodetest.Person]bool{kicked: true, left: true, mallory: false, inside: false} {
		askForeign(t, b, p, room, blob, was)
	}
	if after := stateOf(t, b, room); after != before {
		t.Errorf("the room changed from\n%s\nto\n%s", before, after)
	}
	post(t, b.Admin, room, "and it goes on")
}

func askForeign(t *testing.T, b *nodetest.Bus, p *nodetest.Person, room bus.RoomID, blob bus.Hash, was bool) {
	t.Helper()
	c := callerAs(t, b, p)
	if was {
		wantLogToItsEnd(t, c, p, room)
	}
	unknownRoom, unknownBlob := bus.RoomID{9, 9, 9}, bus.Hash{9, 9, 9}
	for _, f := range foreigns(t, p) {
		if was && f.method == http.MethodGet && strings.HasPrefix(f.target(room, blob), wire.RoomAppendTarget(room)) {
			continue
		}
		ask := func(id bus.RoomID, blob bus.Hash) (string, reply) {
			var body []byte
			if f.body != nil {
				body = f.body(id)
			}
			target := f.target(id, blob)
			return f.method + " " + target, c.ask(f.method, target, body)
		}
		question, got := ask(room, blob)
		_, want := ask(unknownRoom, unknownBlob)
		if got != want {
			t.Errorf("%s: %s: got\n%+v\nunlike the answer for what does not exist\n%+v", p.Name, question, got, want)
		}
		if got.status < 400 && !strings.Contains(question, "/envelopes/") { // what one stages is one's own
			t.Errorf("%s: %s: got %d", p.Name, question, got.status)
		}
	}
	if got := c.ask(http.MethodGet, wire.MyRoomsTarget(p.Endpoint()), nil); strings.Contains(got.body, room.String()) {
		t.Errorf("%s still has the room among his own: %s", p.Name, got.body)
	}
}

// wantLogToItsEnd holds what somebody who is out of a room is told of its log to the
// entry that put him out.
func wantLogToItsEnd(t *testing.T, c *caller, p *nodetest.Person, room bus.RoomID) {
	t.Helper()
	var page wire.Entries
	got := c.ask(http.MethodGet, wire.RoomLogTarget(room, 0), nil)
	if err := json.Unmarshal([]byte(got.body), &page); err != nil || len(page.Entries) == 0 {
		t.Fatalf("%s: the log: %+v", p.Name, got)
	}
	last, err := chain.Parse(page.Entries[len(page.Entries)-1])
	must(t, err)
	mine := last.Op == roomlog.OpLeave && last.Account == p.Identity.Account // nobody else left, one was removed
	if !mine && last.Op != roomlog.OpRemove || page.More || page.Head.Hash != last.Hash() {
		t.Errorf("%s reads the log up to entry %d, %s; its head is %d", p.Name, last.Index, roomlog.OpName(last.Op), page.Head.Index)
	}
}

// Attack: somebody who left asks for a room after it was closed.
func TestAttackClosedRoom(t *testing.T) {
	t.Parallel()
	b := boot(t)
	ctx := nodetest.Context(t)
	room, err := b.Admin.CreateRoom(ctx, "secret", client.RoomOptions{})
	must(t, err)
	kicked, mallory := b.Join("kicked", room), b.Mallory()
	blob := putBlob(t, b.Admin, room, "secret")
	_, err = b.Admin.Kick(ctx, room, "kicked")
	must(t, err)
	must(t, b.Admin.DeleteRoom(ctx, room))
	askForeign(t, b, kicked, room, blob, true)
	askForeign(t, b, mallory, room, blob, false)
}

// Attack: mallory finds out whether a blob exists by what the node spends on
// refusing her. Checked: nothing of a blob is read for who may not delete it,
// so that a node short of memory refuses her alike.
func TestAttackDeleteForeignBlob(t *testing.T) {
	t.Parallel()
	b := boot(t, func(o *node.Options) { o.MaxInflight = 512 << 10 })
	mallory := b.Mallory()
	blob := putBlob(t, b.Admin, b.General, strings.Repeat("x", 400<<10))
	c := callerAs(t, b, mallory)
	got, want := c.ask(http.MethodDelete, wire.BlobTarget(blob), nil), c.ask(http.MethodDelete, wire.BlobTarget(bus.Hash{9}), nil)
	if got != want {
		t.Errorf("got\n%+v\nunlike the answer for no blob\n%+v", got, want)
	}
}

// Attack: mallory knows the id of a blob and claims it for herself: with other
// bytes, with none, and as a part of a blob of her own. Checked: she can read
// it after none of that.
func TestAttackClaimBlob(t *testing.T) {
	t.Parallel()
	b := boot(t)
	mallory := b.Mallory()
	id := putBlob(t, b.Admin, b.General, "secret")
	c := callerAs(t, b, mallory)
	mine := func(s *signing.Request) { s.Digest = id }
	for _, part := range []string{"whole", "piece", "manifest"} {
		for _, body := range []string{"", "other bytes", strings.Repeat("x", 1<<20)} {
			target := wire.BlobPutTarget(id, "bus", part)
			if got := c.send(c.request(http.MethodPut, target, []byte(body), mine)); got.status < 400 {
				t.Errorf("%s with %.5q: got %d", part, body, got.status)
			}
		}
	}
	raw, err := blob.Manifest{Pieces: []bus.Hash{id, id}, Total: bus.PieceSize + 1}.Encode()
	must(t, err)
	target := wire.BlobPutTarget(sha256.Sum256(raw), "bus", "manifest")
	if got := c.ask(http.MethodPut, target, raw); got.code != "no_piece" {
		t.Errorf("a manifest of another's piece: got %d %s", got.status, got.body)
	}
	if got := c.ask(http.MethodGet, wire.BlobTarget(id), nil); got.status != http.StatusNotFound {
		t.Errorf("mallory reads the blob: got %d", got.status)
	}
	c = callerAs(t, b, b.Admin)
	if got := c.ask(http.MethodGet, wire.BlobTarget(id), nil); got.status != http.StatusOK {
		t.Errorf("its owner cannot read it any more: got %d %s", got.status, got.body)
	}
}
