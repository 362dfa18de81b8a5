package broker

import (
	"encoding/json"
	"strings"
	"testing"

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
