package tui

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"unibus/internal/bus"
	"unibus/tui/cells"
)

// hostile puts one text into every place where the words of a peer, or of a
// node, are shown.
func hostile(t testing.TB, s string) *driver {
	f := staged()
	for i := range f.start.Rooms {
		r := &f.start.Rooms[i]
		r.Name, r.By, r.GoneBy = s+r.Name, bus.Handle(s), bus.Handle(s)
		if r.With != "" {
			r.With = bus.Handle(s)
		}
	}
	f.start.People = append(f.start.People, bus.Handle(s))
	f.people[ops] = append(f.people[ops], Member{User: bus.Handle(s), Role: bus.RoleMember, Trust: bus.TrustChanged})
	f.has(said(ops, 20, bus.Handle(s), s+" words"))
	f.has(about2(said(ops, 21, "carol", s), "reply", 20))
	f.has(about2(said(ops, 22, bus.Handle(s), s), "reaction", 21))
	file := f.has(said(ops, 23, "carol", s))
	file.Kind, file.File = "file", &bus.File{Name: s, Size: 5, Ref: s}
	f.has(said(ops, 24, "carol", s)).Kind = s
	f.has(said(ops, 25, "carol", "@bob "+s))
	f.has(about2(said(ops, 26, "carol", s), "edit", 25))
	bad := bus.Errorf(bus.Failed, "x", "%s", s).WithHint("%s", s)
	for _, call := range []string{"Rekey", "Compare", "Create"} {
		f.fail[call] = bad
	}
	d := drive(t, f, 120, 60, func(o *Options) { o.Alert = AlertOSC777 })
	d.tell(Event{Conn: &Conn{State: Online, Node: s}},
		Event{Room: ops, Happened: &bus.Event{Undecryptable: &bus.UndecryptableEvent{Seq: 27, From: bus.Handle(s), Reason: bus.FrameFault(s)}}},
		Event{Room: ops, Happened: &bus.Event{Epoch: &bus.EpochEvent{By: bus.Handle(s), Op: s}}},
		Event{Room: ops, Happened: &bus.Event{Member: &bus.MemberEvent{User: bus.Handle(s), By: bus.Handle(s + "x"), Change: bus.MemberChange(s)}}},
		Event{Room: ops, Happened: &bus.Event{Removed: &bus.RemovedEvent{By: bus.Handle(s)}}},
		Event{Room: ops, Happened: &bus.Event{Gap: &bus.GapEvent{From: bus.Handle(s), Missed: 3}}},
		Event{Room: ops, Outgoing: &Outgoing{Draft: Draft{Room: ops, ID: bus.RecordID{99}, Kind: "text", Text: s}, State: OutgoingFailed, Err: bad, Made: noon}},
		happens(said(alice, 30, bus.Handle(s), s)))
	return d
}

// harmless fails when something would act on a terminal: what is left without
// our own styles holds no control byte, and no line is wider than the screen.
func harmless(t testing.TB, d *driver, when string) {
	t.Helper()
	rows, _ := d.m.frame()
	for _, row := range rows {
		rest := row
		for {
			i := strings.IndexByte(rest, 0x1b)
			if i < 0 {
				break
			}
			n := strings.IndexByte(rest[i:], 'm')
			if n < 0 || strings.Trim(rest[i+2:i+n], "0123456789;") != "" || rest[i+1] != '[' {
				t.Fatalf("%s: not a style of ours in %q", when, row)
			}
			rest = rest[:i] + rest[i+n+1:]
		}
		inert(t, when, rest)
		if w := d.m.cells.Width(ansi.Strip(row)); w != d.m.width {
			t.Fatalf("%s: %d cells wide: %q", when, w, row)
		}
	}
	inert(t, when+" (window title)", d.m.View().WindowTitle)
	for _, raw := range d.raw {
		raw = strings.TrimPrefix(raw, "\x1b]777;notify;unibus;")
		inert(t, when+" (notification)", strings.TrimSuffix(strings.TrimSuffix(raw, "\a"), "\x1b\\"))
	}
}

func inert(t testing.TB, when, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Fatalf("%s: not UTF-8: %q", when, s)
	}
	for _, r := range s {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200b || r == 0x200e || r == 0x200f {
			t.Fatalf("%s: %q in %q", when, r, s)
		}
	}
}

// everyPlace shows the panels in which such words come, too.
func everyPlace(t testing.TB, d *driver) {
	harmless(t, d, "the room")
	d.press("ctrl+k")
	harmless(t, d, "the jump list")
	d.press("esc", "up", "i")
	harmless(t, d, "a message's facts")
	d.press("esc", "enter")
	harmless(t, d, "a message whole")
	d.press("esc", "k", "k", "r")
	harmless(t, d, "an answer")
	d.press("esc", "ctrl+c").typed("/members").press("enter")
	harmless(t, d, "the members")
	d.press("esc").typed("/rekey").press("enter")
	harmless(t, d, "an error")
	d.press("ctrl+c").typed("/search words").press("enter")
	harmless(t, d, "what is found")
	d.press("esc", "alt+7")
	harmless(t, d, "an invitation")
	d.press("alt+5").typed("/verify x").press("enter")
	harmless(t, d, "a room of two")
	d.msg(pasted("typed \x1b]0;x\x07"))
	harmless(t, d, "the box")
}

func TestHostileWords(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"\x1b]52;c;aGFja2Vk\x07", "\x1b[2J\x1b[H", "\x9b2J", "\u009b2J\u009d0;title\u009c", "\x1b]8;;https://evil\x1b\\text\x1b]8;;\x1b\\", "a\rb", "a\nb\n== 9 new ==",
		"\u202eevil\u202c", "\u2066x\u2069", "\x00\x07\x08\x7f", "\xff\xfe", strings.Repeat("\u0301", 500), "👨‍👩‍👧‍👦", strings.Repeat("日", 300), "\x1bP1;2q\x1b\\", "\x1b", "\u0e33x\u0600", "🏽", "\uff9e@\u0600", "\u200b\u2028\u2029\ufeff",
	} {
		everyPlace(t, hostile(t, s))
		d := hostile(t, s)
		d.m.cells = cells.Graphemes
		d.m.relook()
		everyPlace(t, d)
		for w := 40; w < 140; w += 7 {
			checkFrame(t, d, w, 12+w/5)
		}
	}
}

// FuzzHostile: whatever a peer writes, wherever it is shown.
func FuzzHostile(f *testing.F) {
	f.Add("\x1b]52;c;aGFja2Vk\x07 @bob \u202e", false)
	f.Add("\u009b31m日本\t\r\n", true)
	f.Fuzz(func(t *testing.T, s string, graphemes bool) {
		if len(s) > 400 {
			s = s[:400]
		}
		d := hostile(t, s)
		if graphemes {
			d.m.cells = cells.Graphemes
			d.m.relook()
		}
		everyPlace(t, d)
	})
}
