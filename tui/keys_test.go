package tui

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
)

// TestKeyMap: every key that the design promises is there, none twice where it
// could count for either, and each is told of.
func TestKeyMap(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, b := range bindings() {
		if b.help == "" || b.do == nil || len(b.keys) == 0 {
			t.Errorf("%v has no help or does nothing", b.keys)
		}
		for _, k := range b.keys {
			for _, in := range overlapping(b.in) {
				if seen[fmt.Sprint(in, k)] {
					t.Errorf("%s does two things %s", k, b.in)
				}
			}
		}
		for _, k := range b.keys {
			seen[fmt.Sprint(b.in, k)] = true
			if got := keyName(keyOf(k)); got != k {
				t.Errorf("%s comes from the terminal as %s", k, got)
			}
		}
	}
	wanted := map[scope]string{
		everywhere: "ctrl+k alt+a pgup pgdown ctrl+f ctrl+o ctrl+t f1 ctrl+q alt+up alt+down alt+1 alt+9 alt+l ctrl+home ctrl+end f7 f8 ctrl+l ctrl+c alt+r",
		writing:    "enter alt+enter ctrl+j shift+enter up tab ctrl+u ctrl+w ctrl+a ctrl+e ctrl+y alt+k ?",
		selected:   "r e + d y o v i j k g G esc enter",
		inPanel:    "up down enter esc",
	}
	for in, names := range wanted {
		for k := range strings.FieldsSeq(names) {
			if !seen[fmt.Sprint(in, k)] {
				t.Errorf("there is no key %s %s", k, in)
			}
		}
	}
}

// overlapping are the scopes whose keys are looked at together.
func overlapping(in scope) []scope {
	switch in {
	case everywhere:
		return []scope{everywhere, writing, selected}
	case inPanel:
		return []scope{inPanel}
	}
	return []scope{everywhere, in}
}

// TestHelp: every key and every command has a line, and no line is cut on the
// usual screen.
func TestHelp(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).press("f1")
	picker := d.m.panel().picker
	var all strings.Builder
	for _, item := range d.m.helpItems() {
		label := string(item.Label)
		all.WriteString(label + "\n")
		if len(label) > 57 || !item.Head && label[helpColumn:helpColumn+2] != "  " {
			t.Errorf("%q does not fit on the usual screen, or breaks its columns", label)
		}
	}
	for _, b := range bindings() {
		if !containsAll(all.String(), strings.Split(keyLabels(b.keys), ", ")) || !strings.Contains(all.String(), b.help) {
			t.Errorf("help does not tell of %v", b.keys)
		}
	}
	for _, c := range commands() {
		if !strings.Contains(all.String(), "/"+c.usage()) || c.help == "" || !strings.Contains(all.String(), c.help) {
			t.Errorf("help does not tell of /%s", c.name)
		}
	}
	d.typed("verify")
	if item, ok := picker.Picked(); !ok || !strings.Contains(string(item.Label), "/verify [USER]") {
		t.Errorf("found %q", item.Label)
	}
	d.press("esc").lacks("Help")
}

func containsAll(s string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}

// TestCommands: they are in order, and each refuses to run without what it
// needs.
func TestCommands(t *testing.T) {
	t.Parallel()
	last := ""
	for _, c := range commands() {
		if c.name <= last {
			t.Errorf("%s stands behind %s", c.name, last)
		}
		last = c.name
		if c.least() > 0 {
			d := online(t, 120, 40)
			d.f.calls = nil
			d.typed("/"+c.name).press("enter").wants("write /"+c.name, "> /"+c.name)
			if len(d.f.calls) > 0 {
				t.Errorf("/%s alone calls %q", c.name, d.f.calls)
			}
		}
	}
	for draft, want := range map[string]bool{"/help": true, "//help": false, "/ x": false, "/": false, "help": false, "/a\nb": false} {
		if command(draft) != want {
			t.Errorf("%q is a command: %v", draft, !want)
		}
	}
}

func TestKeyNames(t *testing.T) {
	t.Parallel()
	for want, k := range map[string]tea.Key{
		"+": {Code: '=', Mod: tea.ModShift, Text: "+"}, "ctrl+k": {Code: 'k', Mod: tea.ModCtrl}, "alt+a": {Code: 'a', Mod: tea.ModAlt, Text: "a"},
		"G": {Code: 'g', Mod: tea.ModShift, Text: "G"}, "space": {Code: ' ', Text: " "},
	} {
		if got := keyName(tea.KeyPressMsg(k)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for name, want := range map[string]string{"ctrl+k": "Ctrl+K", "alt+enter": "Alt+Enter", "pgdown": "PgDn", "r": "r", "alt+up": "Alt+Up", "+": "+"} {
		if got := keyLabel(name); got != want {
			t.Errorf("%s is written %q, want %q", name, got, want)
		}
	}
}

// Who presses a key is there, and sees what is on the screen.
func TestWhoTypesIsThere(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.msg(blurred())
	d.tell(happens(said(ops, 15, "alice", "@bob one more"))).wants(">#ops           @1 1|")
	d.press("x").wants(">#ops               |")
}

// Commands are begun from the selected message too, but not into a draft. Esc
// pressed twice at once is Esc.
func TestCommandAfterSelection(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).press("up").typed("/mem").wants("> /mem").lacks("r reply")
	d.press("alt+k").wants("r reply").press("/").lacks("r reply").wants("> /mem")
	d.press("ctrl+c", "up").wants("r reply").press("alt+esc").lacks("r reply")
}

// What somebody wrote is shown as it was decided, at once.
func TestDecidedAtOnce(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).wants("13:49 ?     erin").typed("/verify erin").press("enter").answers("same")
	d.wants("13:49       erin  hi", "erin is verified")
	calls := len(d.f.calls)
	d.typed("/verify erin").press("enter").answers("differ").wants("erin is hidden from now on")
	if got := strings.Join(d.f.calls[calls:], ", "); !strings.Contains(got, "History a") {
		t.Errorf("what is hidden now is loaded anew: %q", got)
	}
}

// Numbers stand there for a camera too, where the whole code has place; on a
// light screen the other way round.
func TestVerifyPicture(t *testing.T) {
	t.Parallel()
	const code = "████\n█▀ █\n█▄ █\n▀▀▀▀\n"
	for _, c := range []struct {
		theme  string
		height int
		want   []string
	}{
		{"dark", 40, []string{"|  ████ ", "|  █▀ █ ", "|  █▄ █ ", "|  ▀▀▀▀ "}},
		{"light", 40, []string{"|   ▄█  ", "|   ▀█  ", "|  ▄▄▄▄ "}},
		{"dark", 14, nil},
	} {
		f := staged()
		f.code = code
		d := drive(t, f, 120, c.height, func(o *Options) { o.Theme = c.theme })
		plainOnline(d)
		d.typed("/verify erin").press("enter").wants("Compare with erin").wants(c.want...)
		if c.want == nil {
			d.lacks("█")
		}
	}
}

// The room's log, and whether the node's story of it holds.
func TestLogAndCheck(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).typed("/log").press("enter").wants("Log of #ops", "2026-11-21 14:03  remove     key 7  by alice  -dave", "create")
	d.press("esc").typed("/verify").press("enter").wants("Check of #ops", "All of it holds.", "ok  room log  9 entries")
	d.f.lies = true
	d.press("esc").typed("/verify").press("enter").wants("does not hold", "!!  messages  14 frames").lacks("All of it")
	d.f.fail["Log"] = bus.ErrNotMember
	d.press("esc").typed("/log").press("enter").wants("! log: ")
}

// What a command does not understand is refused, and not left out: it may name another
// room than the one on the screen.
func TestTooManyWords(t *testing.T) {
	t.Parallel()
	for typed, words := range map[string]string{
		"/delete #general":      "/delete takes nothing: it is about the room on the screen, #ops",
		"/leave stress":         "/leave takes nothing: it is about the room on the screen, #ops",
		"/delete ops now":       "/delete takes nothing",
		"/mute forever please":  "/mute takes nothing",
		"/rekey now":            "/rekey takes nothing",
		"/quit now":             "/quit takes nothing: leave the chat",
		"/create Ops Team":      "write /create NAME: Team is too much",
		"/kick erin carol":      "write /kick USER: carol is too much",
		"/role erin reader too": "write /role USER ROLE: too is too much",
	} {
		d := online(t, 120, 40)
		asOwner(d)
		d.f.calls = nil
		d.typed(typed).press("enter").wants(words, "> "+typed).lacks("type yes")
		if len(d.f.calls) > 0 || d.quit {
			t.Errorf("%s calls %q", typed, d.f.calls)
		}
	}
	for typed, words := range map[string]string{"/delete #ops": "Delete #ops for everybody?", "/leave ops": "Leave #ops?"} {
		d := online(t, 80, 24)
		asOwner(d)
		d.typed(typed).press("enter").wants(words)
	}
	online(t, 80, 24).typed("/find the backup").press("enter").wants("Find in #ops").called("Search the backup")
	online(t, 80, 24).typed("/msg carol two words").press("enter").called("Direct carol")
	online(t, 80, 24).typed("/attach my notes/a b.txt").press("enter").called("Attach a /home/bob/my notes/a b.txt")
}

// Over a slow line Esc and what is typed right behind it come as one key with Alt.
func TestEscAndACharacter(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).press("up", "alt+/").typed("members").press("enter").wants("Members of #ops").uncalled("Send")
	d.press("alt+/").lacks("Members of").wants("> /").press("ctrl+c")
	d.press("up", "r").wants("re: alice").press("alt+/").typed("mark").press("enter").lacks("re: alice").called("Mark a 14").uncalled("Send")
	d.msg(tea.KeyPressMsg{Code: 'h', ShiftedCode: 'H', Mod: tea.ModAlt | tea.ModShift})
	d.wants("> H").press("ctrl+c", "up", "alt+é").wants("> é").press("ctrl+c")
	d.press("alt+k").wants("r reply").press("alt+enter", "ctrl+alt+y").wants("r reply").press("alt+f").lacks("> f")
}
