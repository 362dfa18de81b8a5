package tui

import (
	"strings"
	"testing"

	"unibus/internal/bus"
)

// longOnes are n messages of 64 KiB of somebody, from message first on.
func longOnes(d *driver, room bus.RoomID, first, n int) {
	words := strings.Repeat("x", 64<<10)
	for i := range n {
		m := d.f.has(said(room, first+i, "mallory", words))
		d.tell(happens(m))
	}
}

// weighs is how much of a room is in memory.
func weighs(d *driver, room bus.RoomID) int { return d.m.rooms[room].list.Weight() }

// Attack: a stranger who is in a room writes messages as long as they may be. However
// many, and whether one looks at the newest, scrolled up or is elsewhere: what is in
// memory has a bound, and what is not is loaded again.
func TestFloodsOfLongMessages(t *testing.T) {
	t.Parallel()
	const n = 2 * maxShown >> 16
	within := func(d *driver, room bus.RoomID, bound int) {
		t.Helper()
		if got := weighs(d, room); got > bound+bound/4 {
			t.Errorf("%d MiB are in memory, want %d at most", got>>20, bound>>20)
		}
	}
	d := online(t, 80, 24)
	longOnes(d, ops, 15, n)
	within(d, ops, maxShown)
	longOnes(d, general, 15, n)
	within(d, general, maxAway)
	d.press("alt+1")
	within(d, ops, maxAway)

	d = online(t, 80, 24)
	longOnes(d, ops, 15, 2)
	d.press("pgup")
	longOnes(d, ops, 17, n)
	within(d, ops, maxShown)
	d.tell(happens(d.f.has(said(ops, 17+n, "alice", "the newest of all")))).lacks("the newest of all").press("ctrl+end").wants("the newest of all")
	d.press("alt+1", "alt+4")
	for range n + 10 { // up through all of it, a few messages at once
		d.m.current.list.Top()
		d.press("pgup")
	}
	within(d, ops, maxShown)
	if low, high := d.m.current.list.Span(); low != 1 || high == uint64(17+n) || !d.m.current.newer {
		t.Errorf("%d to %d are here, want the oldest", low, high)
	}
	d.press("ctrl+end").wants("the newest of all")
	within(d, ops, maxShown)
}
