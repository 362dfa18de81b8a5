package tui

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"unibus/internal/bus"
	"unibus/tui/cells"
	"unibus/tui/theme"
)

var update = flag.Bool("update", false, "write the golden frames anew")

// state is the screen in one of the states that must exist.
type state struct {
	name string
	make func(d *driver)
}

// plainOnline tells a driver that it is connected.
func plainOnline(d *driver) {
	d.tell(Event{Conn: &Conn{State: Online, Node: "node-2", RTT: 12 * time.Millisecond}}, Event{Posture: &bus.Posture{Enforce: true, ACL: true, TLS: true}})
}

// changed makes a room event of #ops with something else in it.
func changed(d *driver, f func(*Room)) {
	info := d.m.rooms[ops].Room
	f(&info)
	d.tell(Event{Room: ops, Info: &info})
}

func asOwner(d *driver) { changed(d, func(r *Room) { r.Role = bus.RoleOwner }) }

func states() []state {
	on := func(f func(d *driver)) func(d *driver) {
		return func(d *driver) { plainOnline(d); f(d) }
	}
	return []state{
		{"connecting", func(d *driver) {
			d.tell(Event{Conn: &Conn{State: Connecting, Node: "bus.example:8443", Since: noon.Add(-2 * time.Second)}})
		}},
		{"online", on(func(d *driver) {})},
		{"reconnecting", func(d *driver) {
			d.tell(Event{Conn: &Conn{State: Reconnecting, Attempt: 4, Next: noon.Add(8 * time.Second)}})
			d.typed("later").press("enter").typed("and later").press("enter")
		}},
		{"gap", on(func(d *driver) {
			d.tell(Event{Room: ops, Fill: &Fill{Missed: 37}}, happens(said(ops, 15, "alice", "the first of them")))
		})},
		{"outbox", on(func(d *driver) {
			d.typed("queued").press("enter")
			d.tell(Event{Room: ops, Outgoing: &Outgoing{Draft: Draft{Room: ops, ID: bus.RecordID{200}, Kind: "text", Text: "sent"}, Made: noon}},
				Event{Room: ops, Outgoing: &Outgoing{Draft: Draft{Room: ops, ID: bus.RecordID{200}}, State: OutgoingSent}},
				Event{Room: ops, Outgoing: &Outgoing{Draft: Draft{Room: ops, ID: bus.RecordID{201}, Kind: "text", Text: "refused"}, Made: noon}},
				Event{Room: ops, Outgoing: &Outgoing{Draft: Draft{Room: ops, ID: bus.RecordID{201}}, State: OutgoingFailed,
					Err: bus.Errorf(bus.Full, "full", "the node has no space left for messages").WithHint("tell an admin")}})
		})},
		{"removed", on(func(d *driver) {
			d.tell(Event{Room: ops, Happened: &bus.Event{Removed: &bus.RemovedEvent{By: "alice", Reason: bus.RemovedKicked}}})
			changed(d, func(r *Room) { r.Gone, r.GoneBy = bus.RemovedKicked, "alice" })
		})},
		{"revoked", on(func(d *driver) { d.tell(Event{Conn: &Conn{State: Revoked, Err: bus.ErrRevoked}}) })},
		{"ended", on(func(d *driver) {
			d.tell(Event{Conn: &Conn{State: Ended, Err: bus.Errorf(bus.Unsafe, "x", "the profile is open elsewhere")}})
		})},
		{"undecryptable", on(func(d *driver) {
			d.tell(Event{Room: ops, Happened: &bus.Event{Undecryptable: &bus.UndecryptableEvent{Seq: 15, Epoch: 6, From: "carol", Reason: bus.FaultNoKey}}})
			d.press("alt+k", "enter")
		})},
		{"forged", on(func(d *driver) {
			d.tell(Event{Room: ops, Happened: &bus.Event{Undecryptable: &bus.UndecryptableEvent{Seq: 15, Epoch: 7, From: "mallory", Reason: bus.FaultSignature}}})
		})},
		{"epoch", on(func(d *driver) {
			d.tell(Event{Room: ops, Happened: &bus.Event{Epoch: &bus.EpochEvent{Epoch: 8, By: "alice", Op: "add", Time: noon}}},
				Event{Room: ops, Happened: &bus.Event{Member: &bus.MemberEvent{User: "gina", Change: bus.MemberAdded, By: "alice", Time: noon}}})
			changed(d, func(r *Room) { r.Epoch = 8; r.EpochSince = noon })
		})},
		{"changed", on(func(d *driver) {
			m := said(ops, 15, "mallory", "it is me")
			m.Trust = bus.TrustChanged
			d.f.people[ops] = append(d.f.people[ops], Member{User: "mallory", Role: bus.RoleMember, Trust: bus.TrustChanged})
			d.tell(happens(m), Event{Room: ops, Happened: &bus.Event{Member: &bus.MemberEvent{User: "mallory", Change: bus.MemberAdded, By: "erin"}}})
			changed(d, func(r *Room) { r.Changed, r.Members = 1, 6 })
			d.typed("hello").press("enter")
		})},
		{"skew", on(func(d *driver) {
			d.tell(Event{Conn: &Conn{State: Online, Node: "node-2", Skew: -47 * time.Second}})
		})},
		{"weak", on(func(d *driver) { d.tell(Event{Posture: &bus.Posture{Enforce: true}}) })},
		{"clear", on(func(d *driver) { changed(d, func(r *Room) { r.Clear = true }) })},
		{"scrolled", on(func(d *driver) {
			for n := 15; n < 60; n++ {
				d.tell(happens(said(ops, n, "carol", fmt.Sprint("line ", n))))
			}
			d.press("pgup")
			d.tell(happens(said(ops, 60, "alice", "one more")), happens(said(ops, 61, "alice", "@bob and one more")))
		})},
		{"away", on(func(d *driver) {
			d.msg(blurred())
			d.tell(happens(said(ops, 15, "alice", "one more")), happens(said(ops, 16, "alice", "@bob and one more")))
		})},
		{"reply", on(func(d *driver) { d.press("up", "up", "up", "up", "r").typed("on it as well") })},
		{"edit", on(func(d *driver) { d.press("up", "up", "up", "up", "up", "e") })},
		{"selection", on(func(d *driver) { d.press("up", "k") })},
		{"transfer", on(func(d *driver) {
			id := said(ops, 7, "", "").ID
			d.tell(Event{Transfer: &Transfer{ID: id, Total: 1258291}})
			d.now = d.now.Add(2 * time.Second)
			d.tell(Event{Transfer: &Transfer{ID: id, Done: 641728, Total: 1258291}})
			d.typed("/attach report.pdf").press("enter")
		})},
		{"draft", on(func(d *driver) {
			d.msg(pasted("one line\nanother line\n日本語 and a line that is longer than the box is wide, so that it goes on in another row"))
		})},
		{"invited", on(func(d *driver) { d.typed("/room design").press("enter") })},
		{"reader", on(func(d *driver) { changed(d, func(r *Room) { r.Role = bus.RoleReader }) })},
		{"direct", on(func(d *driver) { d.press("alt+5") })},
		{"bare", on(func(d *driver) { d.press("alt+l") })},
		{"help", on(func(d *driver) { d.press("f1") })},
		{"jump", on(func(d *driver) { d.press("ctrl+k").typed("in") })},
		{"find", on(func(d *driver) { d.press("ctrl+f").typed("deploy"); d.wait(findAfter) })},
		{"files", on(func(d *driver) { d.press("ctrl+t") })},
		{"info", on(func(d *driver) { d.press("up", "i") })},
		{"verify", on(func(d *driver) { d.typed("/verify erin").press("enter"); d.wait(readTime); d.typed("sa") })},
		{"confirm", on(func(d *driver) { asOwner(d); d.typed("/kick erin").press("enter"); d.wait(readTime) })},
		{"unread-question", on(func(d *driver) { asOwner(d); d.typed("/kick erin").press("enter").typed("yes") })},
		{"found", on(func(d *driver) { d.press("ctrl+f").typed("cluster"); d.wait(findAfter); d.press("enter") })},
		{"reactions", on(func(d *driver) { d.press("up", "+").typed("ta") })},
		{"members", on(func(d *driver) { d.typed("/members").press("enter") })},
		{"unloadable", on(func(d *driver) {
			d.f.fail["History"] = bus.Errorf(bus.Unavailable, "x", "the bus cannot be reached").WithHint("try again")
			d.press("alt+2")
		})},
		{"failed", on(func(d *driver) {
			d.f.fail["Rekey"] = bus.Errorf(bus.Forbidden, "forbidden", "only owners can do that").WithHint("ask alice")
			d.typed("/rekey").press("enter")
		})},
	}
}

// empty are screens without rooms.
func empty() []state {
	return []state{
		{"first", plainOnline},
		{"broken", func(d *driver) {}},
	}
}

// at puts a fresh screen of a size into a state.
func (s state) at(t testing.TB, w, h int, look cells.Method) *driver {
	f := staged()
	switch s.name {
	case "first":
		f = newFake()
		f.start.Self = "bob"
	case "broken":
		f = newFake()
		f.fail["Resume"] = bus.Errorf(bus.Integrity, "profile", "the profile is damaged").WithHint("restore it from a backup")
	}
	d := drive(t, f, w, h)
	d.m.cells = look
	d.m.relook()
	s.make(d)
	return d
}

func all() []state { return append(states(), empty()...) }

// TestGolden compares each state at three sizes with what was looked at.
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, s := range all() {
		for _, size := range []struct {
			name string
			w, h int
		}{{"40x12", 40, 12}, {"80x24", 80, 24}, {"120x40", 120, 40}} {
			got := s.at(t, size.w, size.h, cells.Runes).frame()
			compare(t, filepath.Join("testdata", s.name+"-"+size.name+".txt"), got)
		}
	}
}

// compare holds a frame to the one in a file, or writes it there.
func compare(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(path, []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

// TestSweep draws every state at more than 400 sizes: exact rows, none too
// wide, the cursor on the screen, no panic.
func TestSweep(t *testing.T) {
	t.Parallel()
	for _, s := range all() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			sizes := 0
			d, graphemes := s.at(t, 80, 24, cells.Runes), s.at(t, 80, 24, cells.Graphemes)
			for w := 1; w <= 180; w += 1 + w/12 {
				for h := 1; h <= 60; h += 1 + h/8 {
					sizes++
					checkFrame(t, d, w, h)
					checkFrame(t, graphemes, w, h)
				}
			}
			if sizes < 400 {
				t.Errorf("only %d sizes", sizes)
			}
		})
	}
}

func checkFrame(t *testing.T, d *driver, w, h int) {
	t.Helper()
	d.m.width, d.m.height = w, h
	d.m.arrange()
	rows, cursor := d.m.frame()
	if len(rows) != h {
		t.Fatalf("%dx%d: %d rows", w, h, len(rows))
	}
	for y, row := range rows {
		if got := d.m.cells.Width(ansi.Strip(row)); got != w {
			t.Fatalf("%dx%d row %d: %q is %d cells wide", w, h, y, ansi.Strip(row), got)
		}
	}
	if cursor != nil && (cursor.X < 0 || cursor.X >= w || cursor.Y < 0 || cursor.Y >= h) {
		t.Fatalf("%dx%d: cursor at %d,%d", w, h, cursor.X, cursor.Y)
	}
}

// TestThemes keeps one screen in each theme, with its styles.
func TestThemes(t *testing.T) {
	t.Parallel()
	for _, name := range theme.Names() {
		i := slices.IndexFunc(states(), func(s state) bool { return s.name == "changed" })
		d := states()[i].at(t, 80, 24, cells.Runes)
		d.m.setTheme(name)
		rows, _ := d.m.frame()
		compare(t, filepath.Join("testdata", "theme-"+name+".txt"), strings.Join(rows, "\n")+"\n")
	}
}
