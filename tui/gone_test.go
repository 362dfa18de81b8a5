package tui

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// Who writes while his room goes away writes to nobody: no other room comes under his
// hands, and his words are his until he has chosen one.
func TestARoomGoesWhileOneWrites(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).typed("for ops only: the co")
	d.tell(Event{Room: ops, Forgotten: true})
	d.wants("#ops is gone: choose another, Ctrl+K").typed("de is 1234").press("enter").uncalled("Send")
	d.wants("> for ops only: the code is 1234", "this room is gone: choose another, Ctrl+K").lacks(">#", " #ops   ")
	for _, command := range []string{"/retry", "/leave", "/verify", "/mark", "/members", "/edit x", "/attach y"} {
		d.press("ctrl+c").typed(command).press("enter").wants("this room is gone").uncalled("Leave").uncalled("Check").uncalled("Mark")
	}
	d.press("ctrl+c", "ctrl+t").lacks("Attach from")
	d.typed("a secret").press("alt+down").wants(">#ci", "what you wrote there was not sent: Ctrl+Y").lacks("> a secret").uncalled("Send")
	d.press("ctrl+y").wants("> a secret")
}

// What was opened about a room closes with it.
func TestARoomGoesUnderAPanel(t *testing.T) {
	t.Parallel()
	for _, open := range [][]string{{"ctrl+t"}, {"up", "+"}, {"up", "up", "up", "up", "up", "d"}, {"f8"}} {
		d := online(t, 80, 24)
		asOwner(d)
		d.press(open...)
		if d.m.panel() == nil {
			t.Fatalf("%q opens nothing", open)
		}
		d.tell(Event{Room: ops, Forgotten: true})
		if d.m.panel() != nil {
			t.Errorf("%q is still open:\n%s", open, d.frame())
		}
		d.typed("report").press("enter").uncalled("Attach").uncalled("Send")
	}
	d := online(t, 80, 24).press("ctrl+k")
	d.tell(Event{Room: ops, Forgotten: true})
	d.wants("Jump to").typed("ops").press("enter").typed("general").press("enter").uncalled("Send")
}

// A room that comes back is the one that is there.
func TestADeadRoomComesBack(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).typed("half a thought")
	info := d.m.rooms[ops].Room
	d.tell(Event{Room: ops, Forgotten: true}, Event{Room: ops, Info: &info})
	d.wants(">#ops", "> half a thought").press("enter").called("Send a text: half a thought")
}

// Nor does the first room there is come under the hands of who writes already.
func TestAFirstRoomUnderATypist(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.start.Self = "bob"
	d := drive(t, f, 80, 24).typed("dear dia")
	d.tell(Event{Room: general, Info: &Room{ID: general, Name: "general"}})
	d.typed("ry").press("enter").wants("> dear diary").uncalled("Send")
	d.press("alt+1").wants(">#general", "Ctrl+Y").lacks("> dear").uncalled("Send")
}

// In lines it is the same.
func TestPlainRoomGoes(t *testing.T) {
	t.Parallel()
	f := staged()
	in, keys := io.Pipe()
	out := &terminal{more: make(chan struct{}, 1)}
	ended := make(chan error, 1)
	go func() {
		ended <- RunPlain(context.Background(), Terminal{In: in, Out: out}, Options{Session: f, Now: func() time.Time { return noon }, Zone: time.UTC, Home: "/", ReadDir: os.ReadDir})
	}()
	out.until(t, "done, thanks")
	f.events <- []Event{{Room: ops, Forgotten: true}}
	out.until(t, "-- #ops is gone: choose another")
	fmt.Fprintln(keys, "for ops only")
	out.until(t, "-- this room is gone: choose another, Ctrl+K or /rooms")
	fmt.Fprintln(keys, "/room general\nhello")
	keys.Close()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(f.calls, "\n"); !strings.Contains(got, "Send b text: hello") || strings.Contains(got, "for ops") {
		t.Errorf("called %s", got)
	}
}
