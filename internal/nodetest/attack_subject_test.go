package nodetest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/nodetest"
	"unibus/internal/wire"
)

// foreignSubjects is what nobody but a member may hear, or nobody at all.
func foreignSubjects(server wire.ServerToken, room bus.RoomID, me, you bus.EndpointID) []string {
	return []string{">", "*", "*.>", "*.*", "out.>", "out.*", wire.OutSubject(room), wire.OutSubject(room) + ".>",
		"ev.>", "ev.*.*", wire.EventWildcard(you), wire.EventSubject(you, wire.NoticeTail),
		"_INBOX.>", "_INBOX.*.*", wire.InboxWildcard(you), "_INBOX_*.>", "*.*.>",
		"svc.>", "svc.*.>", "svc." + you.String() + ".>", wire.OpenSubject(you, server), wire.OpenWildcard(server),
		"in.>", "in.*.*.*", wire.PostWildcard(server), wire.PostSubject(server, room, you), wire.PostSubject(server, room, me),
		"rm.>", "rm.*.*", "rm.0.>", wire.StoredSubject(0, room), "ack.>",
		"$SYS.>", "$SYS.REQ.>", "$SYS.ACCOUNT.>", "$JS.>", "$JS.API.>", "$JS.ACK.>", "$JS.EVENT.>", "$KV.>", "$O.>",
		"$JSC.>", "_R_.>", "_GR_.>", "$G.>", "$NRG.>", "$SRV.>", "$MQTT.>"}
}

// Attack: a registered user who is in no room, and one who was removed,
// subscribe to everything that is not theirs while members talk. Checked: a
// violation for each subscription, and nothing heard.
func TestAttackEavesdropping(t *testing.T) {
	t.Parallel()
	b := boot(t)
	ctx := nodetest.Context(t)
	room, err := b.Admin.CreateRoom(ctx, "secret", client.RoomOptions{})
	must(t, err)
	alice, kicked, mallory := b.Alice(room), b.Join("kicked", room), b.Mallory()
	_, err = b.Admin.Kick(ctx, room, "kicked")
	must(t, err)
	spies := []*tapped{tap(t, mallory), tap(t, kicked)}
	watcher := watch(t, b, alice, room)
	for _, spy := range spies {
		if got := spy.open(room, b.General, bus.RoomID{9}); len(got.Granted) != 0 || len(got.Refused) != 3 || !alike(got.Refused) {
			t.Errorf("%s opens rooms: got %+v", spy.p.Name, got)
		}
		subjects := foreignSubjects(spy.server, room, spy.p.Endpoint(), alice.Endpoint())
		for _, s := range subjects {
			spy.listen(s)
		}
		spy.flush()
		spy.refused(2 * len(subjects))
	}
	post(t, alice, room, "secret")
	must(t, b.Admin.Rekey(ctx, room))
	_, err = b.Admin.SetRoomRole(ctx, room, "alice", bus.RoleOwner)
	must(t, err)
	post(t, b.Admin, room, "more secrets")
	watcher.until("admin: more secrets")
	for _, spy := range spies {
		spy.flush()
		for len(spy.heard) > 0 {
			t.Errorf("%s heard %q", spy.p.Name, (<-spy.heard).Subject)
		}
	}
}

// alike reports whether the answers for all rooms say the same.
func alike(refused []wire.RefusedRoom) bool {
	return !slices.ContainsFunc(refused, func(r wire.RefusedRoom) bool { return r.Code != refused[0].Code })
}

// foreignTargets is what nobody but the node may publish to, or nobody but its
// owner.
func foreignTargets(server wire.ServerToken, room bus.RoomID, me, you bus.EndpointID) []string {
	return []string{wire.OutSubject(room), wire.StoredSubject(0, room), wire.StoredSubject(31, room),
		wire.PostSubject(server, room, me), wire.PostSubject(server, room, you), wire.PostSubject("OTHER", room, me),
		wire.EventSubject(you, wire.NoticeRevoked), wire.EventSubject(you, wire.NoticeLeft), wire.EventSubject(you, wire.NoticeTail),
		wire.EventSubject(me, wire.NoticeJoined), wire.InboxPrefix(you) + ".x", wire.InboxPrefix(me) + ".x", "_INBOX.x",
		wire.OpenSubject(you, server), wire.OpenSubject(me, "OTHER"), "svc." + me.String() + ".revoke", "ack.post.0",
		"$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.CREATE.X", "$JS.API.STREAM.PURGE.S0", "$JS.API.STREAM.DELETE.S0",
		"$JS.API.STREAM.MSG.DELETE.S0", "$JS.API.CONSUMER.CREATE.S0", "$JS.API.DIRECT.GET.S0", "$JS.ACK.S0.x.1.1.1.1.0", "$JS.FC.S0.x",
		"$KV.members.x", "$O.x.C.y", "$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO", "$SYS.ACCOUNT.BUS.CLAIMS.UPDATE", "$SRV.PING", "x"}
}

// Attack: the same two publish what would change what a member sees: into his
// room, as somebody else, to his inbox and his notices, to the stores. Checked:
// a violation for each, and the member sees the honest messages and no more.
func TestAttackForeignPublications(t *testing.T) {
	t.Parallel()
	b := boot(t)
	ctx := nodetest.Context(t)
	room, err := b.Admin.CreateRoom(ctx, "secret", client.RoomOptions{})
	must(t, err)
	alice, kicked, mallory := b.Alice(room), b.Join("kicked", room), b.Mallory()
	post(t, kicked, room, "before")
	forged := frames(t, b, kicked, room)
	_, err = b.Admin.Kick(ctx, room, "kicked")
	must(t, err)
	watcher := watch(t, b, alice, room)
	post(t, b.Admin, room, "one")
	before := stateOf(t, b, room)
	for _, p := range []*nodetest.Person{mallory, kicked} {
		spy := tap(t, p)
		subjects := foreignTargets(spy.server, room, p.Endpoint(), alice.Endpoint())
		for _, s := range subjects {
			must(t, spy.PublishMsg(&nats.Msg{Subject: s, Reply: inbox(p), Data: forged("forged")}))
			must(t, spy.PublishMsg(&nats.Msg{Subject: s, Data: []byte(`{"room":"` + room.String() + `"}`),
				Header: nats.Header{"Nats-Sequence": {"999999"}, "Nats-Last-Sequence": {"0"}, "Nats-Rollup": {"all"}}}))
		}
		spy.flush()
		spy.refused(2 * len(subjects))
	}
	if after := stateOf(t, b, room); after != before {
		t.Errorf("the room changed from\n%s\nto\n%s", before, after)
	}
	post(t, b.Admin, room, "two")
	if got := watcher.until("admin: two"); !slices.Equal(got, []string{"admin: one", "admin: two"}) {
		t.Errorf("alice saw %q", got)
	}
}

// Attack: a member of one room posts there, which he may, with headers that
// mean something to the store or to readers, and with replies that would have
// the node write to another room, to somebody's inbox or notices, or to a
// store. Checked: what readers see of both rooms, live and in history, is the
// frames that had a legal reply, once each and with the node's facts alone.
func TestAttackLaunderedPosts(t *testing.T) {
	t.Parallel()
	b := boot(t)
	ctx := nodetest.Context(t)
	room, err := b.Admin.CreateRoom(ctx, "secret", client.RoomOptions{})
	must(t, err)
	alice, bob := b.Alice(room, b.General), b.Bob(b.General)
	next, vain := frames(t, b, bob, b.General), frames(t, b, bob, b.General)
	secret, general := watch(t, b, alice, room), watch(t, b, alice, b.General)
	var want []string
	for i, reply := range laundries(tap(t, bob).server, room, bob.Endpoint(), alice.Endpoint()) {
		spy := tap(t, bob) // one each: some replies end the connection
		if got := spy.open(b.General); len(got.Granted) != 1 {
			t.Fatalf("open: %+v", got)
		}
		must(t, spy.PublishMsg(&nats.Msg{Subject: wire.PostSubject(spy.server, b.General, bob.Endpoint()), Reply: reply, Data: vain("laundered")}))
		_ = spy.FlushTimeout(patience)
		spy.Close()
		if i%8 == 0 { // now and then, that the rest goes on
			want = append(want, fmt.Sprint("bob: ", i))
			honest := tap(t, bob)
			honest.open(b.General)
			honest.post(b.General, next(fmt.Sprint(i)))
			honest.Close()
		}
	}
	spy := tap(t, bob)
	spy.open(b.General)
	for i, header := range forgedHeaders() {
		text := fmt.Sprint("header ", i)
		must(t, spy.PublishMsg(&nats.Msg{Subject: wire.PostSubject(spy.server, b.General, bob.Endpoint()), Reply: inbox(bob),
			Data: next(text), Header: header}))
		want = append(want, "bob: "+text)
	}
	spy.flush()
	post(t, alice, b.General, "end")
	want = append(want, "alice: end")
	if got := general.until("alice: end"); !slices.Equal(got, want) {
		t.Errorf("live: got %q, want %q", got, want)
	}
	if got := history(t, alice, b.General); !slices.Equal(got, want) {
		t.Errorf("history: got %q, want %q", got, want)
	}
	post(t, b.Admin, room, "end")
	if got := secret.until("admin: end"); len(got) != 1 {
		t.Errorf("the other room: alice saw %q", got)
	}
}

// patience bounds what may have been cut off.
const patience = 5 * time.Second

// laundries are replies that a publisher must not have answered.
func laundries(server wire.ServerToken, room bus.RoomID, me, you bus.EndpointID) []string {
	token, own := strings.Repeat("t", 26), wire.InboxPrefix(me)
	return []string{"", wire.OutSubject(room), wire.PostSubject(server, room, you), wire.StoredSubject(0, room),
		wire.EventSubject(you, wire.NoticeRevoked), wire.EventSubject(me, wire.NoticeJoined), wire.InboxPrefix(you) + "." + token,
		"_INBOX." + token, wire.OpenSubject(you, server), "$JS.API.STREAM.PURGE.S0", "$JS.API.STREAM.DELETE.S1", "$KV.members.x",
		"$SYS.REQ.SERVER.PING", "ack.post.0", own, own + ".short", own + "." + token + ".more", own + ".*", own + ".>", "_R_.x", "_GR_.x",
		"$JS.ACK.x", "$JS.FC.S0.x", "$O.x.C.y"}
}

// forgedHeaders mean something to the store, or would to a reader who believed
// them.
func forgedHeaders() []nats.Header {
	return []nats.Header{
		{"Nats-Sequence": {"999999"}, "Nats-Last-Sequence": {"0"}}, {"Nats-Msg-Id": {"x"}}, {"Nats-Msg-Id": {"x"}},
		{"Nats-Rollup": {"all"}}, {"Nats-Rollup": {"sub"}}, {"Nats-TTL": {"1s"}}, {"Nats-Expected-Stream": {"X"}},
		{"Nats-Expected-Last-Sequence": {"77"}}, {"Nats-Schedule": {"@every 1s"}, "Nats-Schedule-Target": {"out.x"}},
		{"Nats-Batch-Id": {"x"}, "Nats-Batch-Sequence": {"1"}, "Nats-Batch-Commit": {"1"}}, {"Nats-Incr": {"+1"}},
		{"Status": {"503"}}, {"Status": {"204"}, "Description": {"EOB"}}, {"Nats-Request-Info": {"{}"}}, {"Nats-Subject": {"rm.0.x"}},
	}
}
