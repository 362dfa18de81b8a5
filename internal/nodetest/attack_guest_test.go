package nodetest_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/roomlog"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/node"
	"unibus/internal/nodetest"
	"unibus/internal/profile"
	"unibus/internal/wire"
)

// guest is somebody who holds an invite's link and uses its keys by hand.
type guest struct {
	*caller
	link identity.Link
	keys identity.OneTime
	me   bus.EndpointID
}

func guestOf(t testing.TB, b *nodetest.Bus, link identity.Link) *guest {
	t.Helper()
	k := identity.OneTimeKeys(link.Seed)
	return &guest{callerWith(t, b, k.Transport), link, k, identity.EndpointOf(k.Content.Public(), k.Transport.Public())}
}

// right is one request, and what it is answered with while the invite is open,
// and while it was taken up but its place in the room was not.
type right struct {
	method, target string
	body           []byte
	open, joining  int
}

// rights is every route there is. Only what the link is for is 200.
func (g *guest) rights(t *testing.T, b *nodetest.Bus, room, other bus.RoomID, blob bus.Hash) []right {
	admin := b.Admin.Endpoint()
	own := toJSON(t, wire.Append{Entry: leaveEntry(b.Admin, room).Encode()})
	mine := toJSON(t, wire.Append{Entry: g.entry(room, roomlog.OpLeave, roomlog.Leave{}.Encode()).Encode()})
	return []right{
		{"GET", wire.LogTarget(0), nil, 200, 200},
		{"GET", wire.TargetUsers, nil, 200, 200},
		{"GET", wire.UserTarget("admin"), nil, 200, 200},
		{"GET", wire.AccountTarget("admin", 0), nil, 200, 200},
		{"GET", wire.RoomLogTarget(room, 0), nil, 200, 200},
		{"GET", wire.MembersTarget(room), nil, 200, 200},
		{"GET", wire.KeyTarget(room, 0, g.me), nil, 200, 200},
		{"GET", wire.MyRoomsTarget(g.me), nil, 200, 200},
		{"PUT", wire.StageTarget(room, bus.Hash{1}), nil, 403, 204},

		{"GET", wire.RoomTarget(room), nil, 403, 403},
		{"GET", wire.MessagesAfter(room, 0, 10), nil, 403, 403},
		{"GET", wire.KeyTarget(room, 0, admin), nil, 403, 403},
		{"GET", wire.KeyTarget(room, 1, g.me), nil, 403, 403}, // from before the invite
		{"GET", wire.MyRoomsTarget(admin), nil, 403, 403},
		{"GET", wire.TargetLimits, nil, 403, 403},
		{"POST", wire.LogAppendTarget, own, 403, 403},
		{"POST", wire.LogAppendTarget, mine, 403, 403},
		{"POST", wire.TargetRooms, toJSON(t, wire.NewRoom{Create: leaveEntry(b.Admin, room).Encode(), Start: leaveEntry(b.Admin, room).Encode()}), 403, 403},
		{"POST", wire.AccountAppendTarget("admin"), own, 403, 403},
		{"POST", wire.RoomAppendTarget(room), own, 403, 403},
		{"POST", wire.RoomAppendTarget(room), mine, 403, 403},
		{"GET", wire.BlobsTarget("bus", ""), nil, 403, 403},
		{"GET", wire.BlobsTarget(room.String(), ""), nil, 403, 403},
		{"GET", wire.BlobTarget(blob), nil, 403, 403},
		{"HEAD", wire.BlobTarget(blob), nil, 403, 403},
		{"DELETE", wire.BlobTarget(blob), nil, 403, 403},
		{"PUT", wire.BlobPutTarget(emptyHash, "bus", "whole"), nil, 403, 403},
		{"PUT", wire.BlobPutTarget(emptyHash, room.String(), "whole"), nil, 403, 403},
		{"GET", wire.RoomLogTarget(other, 0), nil, 403, 403},
		{"GET", wire.MembersTarget(other), nil, 403, 403},
		{"GET", wire.KeyTarget(other, 0, g.me), nil, 403, 403},
		{"GET", wire.RoomTarget(other), nil, 403, 403},
	}
}

// entry is one that the guest signs for a room.
func (g *guest) entry(room bus.RoomID, op chain.Op, body []byte) *chain.Entry {
	return chain.Tail{Bus: g.bus, Chain: chain.ID(room), Len: 2}.New(op, body, chain.Author{Endpoint: g.me}, time.Now()).
		Sign(identity.ContextRoom, g.keys.Content)
}

// invited is a bus with a room, a blob in it, and somebody's open invite.
func invited(t *testing.T, with ...func(*node.Options)) (b *nodetest.Bus, g *guest, all []right) {
	t.Helper()
	b = boot(t, with...)
	other, err := b.Admin.CreateRoom(nodetest.Context(t), "other", client.RoomOptions{})
	must(t, err)
	g = guestOf(t, b, b.Invite("bob", b.General))
	return b, g, g.rights(t, b, b.General, other, putBlob(t, b.Admin, b.General, "secret"))
}

// nothing demands that a one-time key whose time is over gets 401 everywhere.
func (g *guest) nothing(all []right, when string) {
	g.t.Helper()
	for _, r := range all {
		if got := g.ask(r.method, r.target, r.body); got.status != http.StatusUnauthorized || got.code != "revoked" && r.method != "HEAD" {
			g.t.Errorf("%s: %s %s: got %d %s", when, r.method, r.target, got.status, got.body)
		}
	}
}

// noData demands that a one-time key does not get onto the data plane.
func (g *guest) noData(b *nodetest.Bus) {
	g.t.Helper()
	as := *b.Admin
	id := *b.Admin.Identity
	id.Transport, id.Content = g.keys.Transport, g.keys.Content
	as.Identity = &id
	if _, err := as.Dial(func(error) {}); err == nil {
		g.t.Error("a one-time key connects to the data plane")
	}
}

// Attack: whoever got hold of an invite's link does more than join with it.
// Checked: he can do exactly what joining needs, at each step of it, and
// nothing after it.
func TestAttackGuest(t *testing.T) {
	t.Parallel()
	b, g, all := invited(t)
	before := stateOf(t, b)
	for _, r := range all {
		if got := g.ask(r.method, r.target, r.body); got.status != r.open {
			t.Errorf("open: %s %s: got %d %s, want %d", r.method, r.target, got.status, got.body, r.open)
		}
	}
	g.noData(b)
	if after := stateOf(t, b); after != before {
		t.Errorf("the bus changed from\n%s\nto\n%s", before, after)
	}

	bob := g.takeUp(t, b)
	for _, r := range all {
		if got := g.ask(r.method, r.target, r.body); got.status != r.joining {
			t.Errorf("joining: %s %s: got %d %s, want %d", r.method, r.target, got.status, got.body, r.joining)
		}
	}
	g.noData(b)

	bob.finish(t)
	g.nothing(all, "joined")
	g.noData(b)
	thief := &joiner{File: newIdentity(t, b, g.link)}
	if got := g.ask(http.MethodPost, wire.AcceptTarget(g.link.ID), thief.accept(t, b, g)); got.status != http.StatusConflict {
		t.Errorf("the link again for another account: got %d %s", got.status, got.body)
	}
}

// Attack: a link is used after its invite was revoked, and after it expired.
func TestAttackEndedInvite(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	b, revoked, all := invited(t, func(o *node.Options) {
		o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	ctx := nodetest.Context(t)
	late := guestOf(t, b, b.Invite("late", b.General))
	thief := &joiner{File: newIdentity(t, b, revoked.link)}
	_, err := b.Admin.EndInvite(ctx, revoked.link.ID)
	must(t, err)
	revoked.nothing(all, "revoked")
	revoked.noData(b)
	if got := revoked.ask(http.MethodPost, wire.AcceptTarget(revoked.link.ID), thief.accept(t, b, revoked)); got.code != "invite_used" {
		t.Errorf("taking up a revoked invite: got %d %s", got.status, got.body)
	}

	body := thief.accept(t, b, late)
	ahead.Store(int64(2 * time.Hour)) // invites of this package last an hour
	asLate := func(r right) reply {
		return late.send(late.request(r.method, r.target, r.body, shift(2*time.Hour)))
	}
	for _, r := range all {
		target := strings.ReplaceAll(r.target, revoked.me.String(), late.me.String())
		got := asLate(right{method: r.method, target: target, body: r.body})
		if got.status != http.StatusUnauthorized && got.code != "bad_time" { // the entry in the body is old too
			t.Errorf("expired: %s %s: got %d %s", r.method, target, got.status, got.body)
		}
	}
	if got := asLate(right{method: http.MethodPost, target: wire.AcceptTarget(late.link.ID), body: body}); got.code != "invite_expired" {
		t.Errorf("taking up an expired invite: got %d %s", got.status, got.body)
	}
}

// joiner is an identity that takes an invite up step by step.
type joiner struct {
	*identity.File
	join *client.Joining
	home profile.Home
}

func newIdentity(t *testing.T, b *nodetest.Bus, link identity.Link) *identity.File {
	t.Helper()
	j, err := client.Meet(nodetest.Context(t), link, time.Now)
	must(t, err)
	return j.NewIdentity("laptop")
}

// takeUp puts bob on the bus, and leaves his place in the room to the guest.
func (g *guest) takeUp(t *testing.T, b *nodetest.Bus) *joiner {
	t.Helper()
	j, err := client.Meet(nodetest.Context(t), g.link, time.Now)
	must(t, err)
	bob := &joiner{File: j.NewIdentity("laptop"), join: j, home: profile.At(t.TempDir())}
	info := j.Info()
	must(t, bob.home.Create(profile.Context{Name: "local", URL: info.URL, NATS: info.NATS, CAPEM: info.CAPEM, Bus: j.Bus(), Org: info.Org},
		bob.File, nil))
	if got := g.ask(http.MethodPost, wire.AcceptTarget(g.link.ID), bob.accept(t, b, g)); got.status != http.StatusOK {
		t.Fatalf("take up: got %d %s", got.status, got.body)
	}
	return bob
}

// accept is the body that takes the guest's invite up for j's account.
func (j *joiner) accept(t *testing.T, b *nodetest.Bus, g *guest) []byte {
	t.Helper()
	var page wire.Entries
	callerAs(t, b, b.Admin).get(wire.LogTarget(0), &page)
	tail := chain.Tail{Bus: g.bus, Chain: chain.ID(g.bus), Len: page.Head.Index + 1, Hash: page.Head.Hash}
	a, now := j.Seed.Account(), time.Now()
	e := tail.New(buslog.OpAccept, buslog.Accept{Invite: g.link.ID, Key: a.Public()}.Encode(),
		chain.Author{Account: j.Account, Endpoint: g.me}, now).Sign(identity.ContextBus, g.keys.Content, a)
	device := account.Add{By: account.ByAccount, Key: a.Public(), Kind: account.KindDevice, Content: j.Content.Public(), Transport: j.Transport.Public(),
		KEM: j.KEMs[0].Key.Public(), Name: j.Name}
	first := chain.Tail{Bus: g.bus, Chain: chain.ID(j.Account)}.New(account.OpAdd, device.Encode(),
		chain.Author{Account: j.Account, Endpoint: j.Endpoint()}, now).Sign(identity.ContextAccount, a, j.Content)
	return toJSON(t, wire.Accept{Entry: e.Encode(), Account: [][]byte{first.Encode()}})
}

// finish takes the guest's place in the room, as an interrupted join does.
func (j *joiner) finish(t *testing.T) {
	t.Helper()
	ctx := nodetest.Context(t)
	store, err := j.home.Open(ctx, "local", j.ProfileKey)
	must(t, err)
	defer store.Close()
	_, err = j.join.Accept(ctx, j.File, store)
	must(t, err)
}
