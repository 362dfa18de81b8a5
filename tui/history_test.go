package tui

import (
	"fmt"
	"strings"
	"testing"

	"unibus/internal/bus"
)

func TestSearchAndJump(t *testing.T) {
	t.Parallel()
	f := staged()
	for n := 15; n < 2000; n++ {
		f.has(said(ops, n, "carol", "filler "+strings.Repeat("x", n%7)))
	}
	f.start.Rooms[0].Last = 1999
	d := drive(t, f, 80, 24)
	plainOnline(d)
	d.press("ctrl+f").typed("backup")
	d.wait(findAfter)
	d.wants("yes, after the backup ran").press("enter").lacks("Find in").wants("13:52>       you  yes, after the backup ran", "r reply").press("esc").wants("older messages: Ctrl+End")
	d.tell(happens(d.f.has(said(ops, 2000, "carol", "brand new")))).lacks("brand new")
	for range 300 {
		d.press("pgdown")
	}
	d.wants("brand new").lacks("older messages")
	d.typed("/search general").press("enter").wants("Find in all rooms", "#general").press("enter").wants(">#general")
	d.press("ctrl+f").typed("zzz")
	d.wait(findAfter)
	d.wants("nothing found on this device")
}

func TestHistoryIsLoadedAsOneScrolls(t *testing.T) {
	t.Parallel()
	f := staged()
	f.pages[ops] = nil
	for n := 1; n <= 1000; n++ {
		f.has(said(ops, n, "carol", "message "+strings.Repeat("x", n%7)))
	}
	f.start.Rooms[0].Last = 1000
	d := drive(t, f, 80, 24)
	if n := d.m.current.list.Len(); n < 200 || n > 400 {
		t.Errorf("%d messages are loaded at first", n)
	}
	for range 100 {
		d.press("pgup")
	}
	if low, high := d.m.current.list.Span(); low != 1 || high != 1000 {
		t.Errorf("after scrolling to the top: %d to %d", low, high)
	}
	calls := len(d.f.calls)
	d.press("pgup", "pgup", "ctrl+home")
	if len(d.f.calls) != calls {
		t.Errorf("at the beginning nothing is loaded: %q", d.f.calls[calls:])
	}
	d.press("ctrl+end")
	if !d.m.current.list.Following() {
		t.Error("Ctrl+End goes to the newest")
	}
}

// What could not be loaded is tried again once the bus is there; a page that
// was asked for before the person went elsewhere is not put anywhere.
func TestLoadingFails(t *testing.T) {
	t.Parallel()
	f := staged()
	f.fail["History"] = bus.Errorf(bus.Unavailable, "x", "the bus cannot be reached")
	d := drive(t, f, 80, 24).wants("cannot be loaded now").lacks("load messages")
	plainOnline(d)
	d.wants("! load messages: the bus cannot be reached")
	delete(f.fail, "History")
	plainOnline(d)
	d.wants("done, thanks").lacks("cannot be loaded")
	r := d.m.current
	late := d.m.loadPage(r, Span{Before: 5, Limit: 1}, true)
	d.do(d.m.reread(r, 0))
	n := r.list.Len()
	if d.do(late); r.list.Len() != n || r.loading {
		t.Errorf("%d entries, want %d", r.list.Len(), n)
	}
}

func TestGapIsFilledInPlace(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.tell(Event{Room: ops, Fill: &Fill{Missed: 3712}}).wants("3 712 missed while offline, loading")
	for n := 15; n < 20; n++ {
		d.tell(happens(said(ops, n, "alice", "filled")), happens(said(ops, n, "alice", "filled")))
	}
	d.tell(Event{Room: ops, Fill: &Fill{Done: true}}).lacks("missed")
	if n := strings.Count(d.frame(), "filled"); n != 5 {
		t.Errorf("%d messages, want 5:\n%s", n, d.frame())
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	f := staged()
	f.pages[ops] = nil
	for n := 1; n <= 300; n++ {
		f.has(said(ops, n, "carol", "message"))
	}
	f.start.Rooms[0].Last = 300
	d := drive(t, f, 80, 24).typed("half a thought").press("pgup", "pgup", "f7", "ctrl+q")
	if !d.quit || f.kept.Room != ops || f.kept.Rooms[ops].Draft != "half a thought" || f.kept.Rooms[ops].Anchor == 0 || !f.kept.HideSide {
		t.Fatalf("quit %v, kept %+v", d.quit, f.kept)
	}
	if f.kept.Rooms[ci].Notify != NotifyNone {
		t.Error("what was kept of other rooms is still there")
	}
	want := d.m.current.list.Anchor()
	f.start.Memory = f.kept
	d = drive(t, f, 80, 24).wants("half a thought", "#ops").lacks("ROOMS")
	if got := d.m.current.list.Anchor(); got != want {
		t.Errorf("the window is at %d, want %d", got, want)
	}
	d.press("alt+2", "alt+1")
	if d = d.press("alt+4"); !strings.Contains(d.frame(), "half a thought") {
		t.Errorf("the draft of a room waits for it:\n%s", d.frame())
	}
}

func TestSlowScreen(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.msg(batchMsg{lost: map[bus.RoomID]tally{general: {unread: 5000, mentions: 2, last: 6000}, ops: {unread: 10, last: 30}},
		events: []Event{happens(said(ops, 31, "alice", "the newest"))}})
	d.wants("5003", "the newest", "done, thanks").called("History a 31 0").uncalled("History b")
	d.press("ctrl+k").typed("general").press("enter").called("History b 0 0")
}

// A room that is not followed is told of by its newest sequence alone: what is
// missing is loaded when the person looks, and the window goes on following.
func TestRoomsThatAreNotFollowed(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	for n := 15; n < 300; n++ {
		d.f.has(said(ops, n, "carol", "line "+strings.Repeat("x", n%5)))
	}
	last := d.f.has(said(ops, 300, "carol", "the newest of them"))
	changed(d, func(r *Room) { r.Last, r.Unread = 300, 286 })
	d.wants("the newest of them").lacks("older messages")
	if low, high := d.m.current.list.Span(); low != 1 || high != last.Seq || !d.m.current.list.Following() {
		t.Errorf("%d to %d, following %v", low, high, d.m.current.list.Following())
	}
	d.wait(markEvery)
	d.called("Mark a 300").press("alt+down").called("Look a").called("Look e")
	d.f.has(said(ops, 301, "carol", "while elsewhere"))
	changed(d, func(r *Room) { r.Last, r.Unread = 301, 1 })
	d.wants("#ops              1").press("alt+up").wants("while elsewhere", "== 1 new ==")
}

// A room that is opened where one had scrolled to has no hole between there and what
// came meanwhile.
func TestNoHoleBehindAnAnchor(t *testing.T) {
	t.Parallel()
	f := staged()
	f.start.Memory.Rooms[general] = RoomMemory{Anchor: 5}
	d := drive(t, f, 80, 24)
	plainOnline(d)
	d.tell(happens(f.has(said(general, 15, "carol", "meanwhile")))).typed("/room general").press("enter", "pgdown", "pgdown", "pgdown")
	for n := 1; n <= 14; n++ {
		d.wants(fmt.Sprintf("message %d of general", n))
	}
	d.wants("meanwhile").lacks("older messages")
}

// What is hidden in the room is hidden where it is found, too.
func TestHiddenIsNotFound(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.f.has(said(ops, 15, "mallory", "deploy my key")).Trust = bus.TrustChanged
	d.typed("/search deploy").press("enter").wants("[hidden: its key changed").lacks("my key")
}
