package broker

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

func TestNotices(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice, bob, kept, live := n.person(), n.person(), newRoom(), newRoom()
	n.add(alice, kept, memberFacts)
	n.add(alice, live, RoomFacts{Write: true})
	a, b := n.connect(alice), n.connect(bob)
	mine, his := a.subscribe(wire.EventWildcard(alice.id)), b.subscribe(wire.EventWildcard(bob.id))
	a.open(kept, live)
	seq := a.post(kept, alice.frame(kept, 10))
	n.tails(t.Context())
	m := next(t, mine)
	var tail wire.Tail
	if err := json.Unmarshal(m.Data, &tail); err != nil || m.Subject != wire.EventSubject(alice.id, wire.NoticeTail) ||
		len(tail.Rooms) != 1 || tail.Rooms[0] != (wire.RoomTail{Room: kept, Last: seq}) {
		t.Errorf("%s %s, %v; want the tail %d of one room", m.Subject, m.Data, err, seq)
	}
	n.Notify(bob.id, wire.NoticeJoined, wire.RoomNotice{Room: kept})
	if m := next(t, his); m.Subject != wire.EventSubject(bob.id, wire.NoticeJoined) || m.Reply != "" {
		t.Errorf("%s reply %q", m.Subject, m.Reply)
	}
	sent := n.Stats().Notices
	n.Notify(n.person().id, wire.NoticeJoined, wire.RoomNotice{Room: kept})
	n.Notify(bob.id, wire.NoticeJoined, func() {})
	if got := n.Stats().Notices; got != sent {
		t.Errorf("%d notices to nobody", got-sent)
	}
	a.flush()
	quiet(t, mine)
}

// TestActivity: members hear that a room has news when they do not have it
// open, and nobody else does.
func TestActivity(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice, bob, carol, dave, room := n.person(), n.person(), n.person(), n.person(), newRoom()
	for _, p := range []*person{alice, bob, carol, dave} {
		n.add(p, room, memberFacts)
	}
	away := n.person()
	n.add(away, room, memberFacts)
	subscribe := func(p *person) (*link, chan *nats.Msg) {
		l := n.connect(p)
		return l, l.subscribe(wire.EventWildcard(p.id))
	}
	a, toAlice := subscribe(alice)
	_, toBob := subscribe(bob)
	c, toCarol := subscribe(carol)
	_, toDave := subscribe(dave)
	a.open(room)
	c.open(room)
	n.remove(dave, room)
	a.post(room, alice.frame(room, 10))
	n.tellActivity() // the node itself does so every second, and may have been first
	var news wire.Activity
	m := next(t, toBob)
	if err := json.Unmarshal(m.Data, &news); err != nil || m.Subject != wire.EventSubject(bob.id, wire.NoticeActivity) ||
		!slices.Equal(news.Rooms, []bus.RoomID{room}) {
		t.Errorf("%s %s, %v; want news of the room", m.Subject, m.Data, err)
	}
	n.tellActivity()
	a.flush()
	for _, silent := range []chan *nats.Msg{toAlice, toBob, toCarol, toDave} {
		quiet(t, silent)
	}
}

// TestActivityIsBounded: neither messages nor rooms nor members make a round
// cost more than its budget, and no room is forgotten.
func TestActivityIsBounded(t *testing.T) {
	t.Parallel()
	var a activity
	rooms := make([]bus.RoomID, 2*maxActivity)
	for i := range rooms {
		rooms[i] = newRoom()
		for range 10 {
			a.note(rooms[i])
		}
	}
	asked := map[bus.RoomID]int{}
	looked := 0
	readers := func(r bus.RoomID) []bus.EndpointID { asked[r]++; return make([]bus.EndpointID, 9) }
	all := func(bus.EndpointID, bus.RoomID) bool { looked++; return true }
	for round := 1; len(a.rooms) > 0; round++ {
		before := looked
		told := a.gather(1000, readers, all)
		if len(told) != 1 || len(told[bus.EndpointID{}]) > maxActivity || looked-before > 1000 || round > 10 {
			t.Fatalf("round %d: %d endpoints told of %d rooms, %d looked at", round, len(told), len(told[bus.EndpointID{}]), looked-before)
		}
	}
	for _, r := range rooms {
		if asked[r] != 1 {
			t.Errorf("a room was asked for %d times", asked[r])
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice, bob, room := n.person(), n.person(), newRoom()
	many := n.manyRooms(alice, bus.MaxOpenRooms+1)
	n.add(bob, room, memberFacts)
	a, b := n.connect(alice), n.connect(bob)
	id, _ := b.GetClientID()
	if r, err := a.openFor(id, many[0]); err != nil || r.Error != wire.OpenConnection {
		t.Errorf("another's connection: %+v, %v", r, err)
	}
	if r, err := a.openFor(1<<40, many[0]); err != nil || r.Error != wire.OpenConnection {
		t.Errorf("no connection: %+v, %v", r, err)
	}
	if r := a.open(many...); r.Error != wire.OpenRooms {
		t.Errorf("too many at once: %+v", r)
	}
	if r := a.open(many[:bus.MaxOpenRooms]...); len(r.Granted) != bus.MaxOpenRooms {
		t.Errorf("as many as there may be: %+v", r)
	}
	if r := a.open(many[bus.MaxOpenRooms]); r.Error != wire.OpenRooms {
		t.Errorf("one more: %+v", r)
	}
	foreign, unknown := a.open(room), a.open(newRoom())
	if len(foreign.Refused) != 1 || len(unknown.Refused) != 1 || foreign.Refused[0].Code != unknown.Refused[0].Code {
		t.Errorf("a foreign room %+v and one that does not exist %+v answer differently", foreign, unknown)
	}
	n.change(func() { n.stale = true })
	if r := b.open(room); r.Error != wire.OpenRetry {
		t.Errorf("without a lease: %+v", r)
	}
}

func TestOpenRequestsThatAreNone(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice := n.person()
	a := n.connect(alice)
	for _, data := range []string{"", "x", "[]", "{}x", `{"rooms":["x"]}`, `{"unknown":1}`, `{"client":-1}`,
		`{"client":1}{"client":1}`, `{"rooms":[` + strings.Repeat(`"`+newRoom().String()+`",`, 70) + `"x"]}`, strings.Repeat(" ", maxOpenRequest+1)} {
		m, err := a.request(wire.OpenSubject(alice.id, n.Server()), []byte(data))
		var r wire.OpenReply
		if err != nil || json.Unmarshal(m.Data, &r) != nil || r.Error != wire.OpenRooms {
			t.Errorf("%.20q: %+v, %v", data, r, err)
		}
	}
}

// A missed change does not leave a removed member in for long.
func TestReconcile(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice, bob, room := n.person(), n.person(), newRoom()
	n.add(alice, room, memberFacts)
	n.add(bob, room, RoomFacts{Persist: true})
	a, b := n.connect(alice), n.connect(bob)
	a.open(room)
	b.open(room)
	n.add(bob, room, memberFacts) // a gain that nobody announced
	n.reconcile()
	if got := b.postErr(room, bob.frame(room, 10)); got != "" || b.IsClosed() {
		t.Errorf("after an unannounced gain: %q", got)
	}
	n.remove(alice, room)
	n.revoke(bob)
	n.reconcile()
	a.waitClosed()
	b.waitClosed()
}

func TestCut(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	alice, bob := n.person(), n.person()
	links := []*link{n.connect(alice), n.connect(alice)}
	b := n.connect(bob)
	n.revoke(alice)
	n.Cut(alice.id)
	n.Cut(newDirectory().person().id)
	for _, l := range links {
		l.waitClosed()
	}
	if l, err := n.try(alice); err == nil {
		l.Close()
		t.Error("a revoked endpoint connects")
	}
	b.flush()
}

func FuzzDecodeOpen(f *testing.F) {
	f.Add([]byte(`{"server":"N","client":1,"rooms":["` + newRoom().String() + `"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		req, err := decodeOpen(data)
		if err == nil && len(req.Rooms) > bus.MaxOpenRooms {
			t.Errorf("%d rooms", len(req.Rooms))
		}
	})
}
