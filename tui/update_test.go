package tui

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
	"unibus/tui/cells"
)

func TestSendAndConfirm(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).typed("looks good").press("enter").wants("you  .. looks good").called("Send a text: looks good")
	id := d.m.current.list.Held()[0].ID
	d.tell(Event{Room: ops, Outgoing: &Outgoing{Draft: Draft{Room: ops, ID: id}, State: OutgoingSent}})
	d.wants("you  looks good").lacks("..")
	mine := said(ops, 15, "bob", "looks good")
	mine.ID = id
	d.tell(happens(mine), happens(mine))
	if n := strings.Count(d.frame(), "looks good"); n != 1 {
		t.Errorf("it is there %d times:\n%s", n, d.frame())
	}
	d.press("enter").typed("  ").press("enter").uncalled("Send")
}

func TestNewLinesAndPaste(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).typed("one").press("alt+enter").typed("two").press("ctrl+j").typed("three").press("shift+enter").typed("four")
	d.uncalled("Send").press("enter").called("Send a text: one\ntwo\nthree\nfour")
	d.msg(tea.PasteMsg{Content: strings.Repeat("line\r\n", 50)})
	d.uncalled("Send").wants("50 lines in the box")
	if got := d.m.box.Lines(); got != 50 {
		t.Errorf("%d lines in the box, want 50", got)
	}
	d.press("ctrl+c").wants("cleared", "write to #ops")
	d.msg(tea.PasteMsg{Content: strings.Repeat("x", 70<<10)})
	d.wants("too long").uncalled("Send")
}

func TestOutboxAtStart(t *testing.T) {
	t.Parallel()
	f := staged()
	f.start.Outgoing = []Outgoing{{Draft: Draft{Room: ops, ID: bus.RecordID{9}, Kind: "text", Text: "from yesterday"}, Made: noon},
		{Draft: Draft{Room: carol, ID: bus.RecordID{8}, Kind: "text", Text: "refused"}, Made: noon, State: OutgoingFailed, Err: bus.ErrRoomClosed}}
	d := drive(t, f, 80, 24).wants("you  .. from yesterday", "#ops")
	d.press("alt+6").wants("x refused", "not sent: this room was deleted").press("up", "enter").called("Retry 8").wants(".. refused")
	d.tell(Event{Room: carol, Outgoing: &Outgoing{Draft: Draft{Room: carol, ID: bus.RecordID{8}}, State: OutgoingFailed}})
	d.press("up", "d").called("Drop 8").lacks("x refused").wants("> refused", "its words are in the box again")
}

func TestSendFails(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.f.fail["Send"] = bus.Errorf(bus.Integrity, "key_changed", "mallory has another key than before").WithHint("compare numbers first")
	d.typed("hello").press("enter").wants("not sent: mallory has another key than before", "> hello").lacks("..")
}

// Messages go to the outbox in the order in which they were written, however
// long each takes, and the program does not end before them.
func TestSendsInOrder(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.m.box.Set("first")
	_, first := d.m.Update(keyOf("enter"))
	d.m.box.Set("second")
	_, second := d.m.Update(keyOf("enter"))
	d.do(second)
	_, quit := d.m.Update(keyOf("ctrl+q"))
	if d.do(quit); d.quit {
		t.Error("ends before what was written is kept")
	}
	d.uncalled("Send")
	d.do(first)
	if got := strings.Join(d.f.calls, "; "); !strings.HasSuffix(got, "Send a text: first; Send a text: second; Keep") || !d.quit {
		t.Errorf("called %s; quit %v", got, d.quit)
	}
}

// What the outbox does not take is not lost when the person has written on.
func TestRefusedWhileWriting(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.f.fail["Send"] = bus.ErrRoomClosed
	d.m.box.Set("first")
	_, first := d.m.Update(keyOf("enter"))
	d.typed("writing on")
	d.do(first)
	d.wants("x first", "not sent: this room was deleted", "> writing on")
	delete(d.f.fail, "Send")
	d.f.calls = nil
	d.press("alt+r").called("Send a text: first").wants(".. first")
	d.f.fail["Send"] = bus.ErrRoomClosed
	d.press("ctrl+c")
	d.m.box.Set("zebra")
	_, again := d.m.Update(keyOf("enter"))
	d.typed("on")
	d.do(again)
	d.press("ctrl+c", "up", "d").lacks("x zebra").wants("> zebra").uncalled("Drop").press("ctrl+c")
	d.typed("/reply no").press("enter").wants("> no", "reply, not sent")
}

func TestReplyEditReactDelete(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.press("up", "r").wants("re: alice  done, thanks").typed("welcome").press("enter").called("Send a reply about 14: welcome").wants("| alice: done, thanks")
	d.press("ctrl+c")
	d.press("up", "up", "e").wants("only your own words")
	d.press("esc", "up")
	for d.m.chosen().Seq != 9 {
		d.press("k")
	}
	d.press("e").wants("edit: yes, after the backup ran", "> yes, after the backup ran").press("ctrl+w").typed("is done").press("enter")
	d.called("Send a edit about 9: yes, after the backup is done")
	m := said(ops, 15, "bob", "yes, after the backup is done")
	d.tell(happens(about2(m, "edit", 9)))
	d.wants("yes, after the backup is done (edited)")
	d.press("up", "up", "+").wants("React").typed("tada").press("enter").called("Send a reaction about 14: 🎉")
	d.tell(happens(about2(said(ops, 16, "bob", "🎉"), "reaction", 14)))
	d.wants("[🎉 1]").press("up", "up", "+").wants("take back").press("enter").called("Send a reaction about 14: ")
	d.tell(happens(about2(said(ops, 17, "bob", ""), "reaction", 14)))
	d.lacks("🎉").press("up", "up", "d").wants("only its author and owners").press("esc")
	d.press("up")
	for d.m.chosen().Seq != 9 {
		d.press("k")
	}
	d.press("d").wants("Delete this message?").answers("no").wants("nothing was deleted").uncalled("Send").press("d").answers("yes").called("Send a delete about 9: ")
	d.tell(happens(about2(said(ops, 18, "bob", ""), "delete", 9)))
	d.lacks("after the backup").wants("(deleted)")
}

// Who may change a message: its author edits, its author and owners delete, a
// reaction counts once; nobody else's word does anything.
func TestChangesOfOthers(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.tell(happens(about2(said(ops, 15, "mallory", "forged"), "edit", 14)), happens(about2(said(ops, 16, "carol", ""), "delete", 14)))
	d.wants("done, thanks").lacks("forged")
	hidden := about2(said(ops, 17, "alice", "forged"), "edit", 14)
	hidden.Trust = bus.TrustChanged
	d.tell(happens(hidden)).wants("done, thanks")
	for n := range 3 {
		d.tell(happens(about2(said(ops, 18+n, "mallory", "+1"), "reaction", 14)))
	}
	d.wants("[+1 1]")
	d.tell(happens(about2(said(ops, 21, "mallory", "-1"), "reaction", 14)))
	d.wants("[-1 1]").lacks("[+1 1]")
	d.tell(happens(about2(said(ops, 22, "alice", "edited"), "edit", 14)))
	d.wants("edited (edited)")
}

func TestQuit(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).typed("x").press("ctrl+c", "ctrl+c").wants("Ctrl+C again quits")
	if d.quit {
		t.Error("one Ctrl+C in an empty box does not quit")
	}
	d.typed("x").press("ctrl+c", "ctrl+c")
	if d.quit {
		t.Error("another key in between begins anew")
	}
	if d.press("ctrl+c"); !d.quit {
		t.Error("the second one quits")
	}
	d = online(t, 80, 24).press("ctrl+k", "ctrl+c").lacks("Jump to")
	if d.quit {
		t.Error("Ctrl+C closes a list first")
	}
}

func TestComplete(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).typed("hi @er").press("tab").wants("> hi @erin").typed("see #inc").press("tab").wants("#incident-42").typed(":tad").press("tab").wants("🎉").press("ctrl+c")
	d.typed("/me").press("tab").wants("/members").press("ctrl+c").typed("/kick ca").press("tab").wants("/kick carol").press("ctrl+c")
	d.typed("@a").press("tab").wants("@alice").press("ctrl+c").typed("zzz").press("tab").wants("> zzz")
}

func TestReconnectCountsDown(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.tell(Event{Conn: &Conn{State: Reconnecting, Attempt: 2, Next: d.now.Add(3 * time.Second)}})
	d.wants("attempt 2, next in 3 s").wait(time.Second)
	d.wants("next in 2 s").wait(time.Second)
	d.wants("next in 1 s").wait(5 * time.Second)
	d.wants("attempt 2").lacks("next in")
	d.tell(Event{Conn: &Conn{State: Online, Node: "node-1"}})
	d.wait(time.Second)
	if len(d.later) != 0 {
		t.Errorf("online nothing counts: %v", d.later)
	}
	d.typed("/rekey").press("enter").wants("a new room key was made").wait(toastTime)
	d.lacks("a new room key was made")
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.tell(Event{Conn: &Conn{State: Revoked}})
	d.typed("hello").press("enter").uncalled("Send").wants("this session is over")
	d = online(t, 80, 24)
	changed(d, func(r *Room) { r.Role = bus.RoleReader })
	d.typed("hello").press("enter").uncalled("Send").wants("you may only read here")
	d.press("ctrl+t").uncalled("Attach")
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	d := drive(t, staged(), 80, 24, func(o *Options) { o.Theme, o.Mouse = "", true })
	d.msg(modeReport())
	if d.m.cells != cells.Graphemes {
		t.Error("a terminal that confirms mode 2027 counts graphemes")
	}
	d.msg(tea.MouseClickMsg{X: 3, Y: 3, Button: tea.MouseLeft})
	d.wants(">#general").msg(tea.MouseWheelMsg{Button: tea.MouseWheelUp})
	if v := d.m.View(); !v.AltScreen || v.MouseMode != tea.MouseModeCellMotion || !strings.Contains(v.WindowTitle, "#general - unibus") {
		t.Errorf("got %+v", v)
	}
	d.press("alt+l")
	if v := d.m.View(); v.MouseMode != tea.MouseModeNone {
		t.Error("the bare screen leaves the mouse to the terminal")
	}
	d.typed("/theme light").press("enter")
	if d.m.theme.Name != "light" || d.f.kept.Theme != "light" {
		t.Errorf("theme %s, kept %s", d.m.theme.Name, d.f.kept.Theme)
	}
	d = drive(t, staged(), 80, 24, func(o *Options) { o.Theme, o.Mono = "dark", true })
	if d.m.theme.Name != "mono" {
		t.Error("NO_COLOR is stronger than a theme")
	}
}

func TestSmallKeys(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).press("?").wants("Help").press("esc").typed("what").press("?").wants("> what?").press("ctrl+c")
	d.press("f8").wants("Members of #ops").press("down", "down", "down", "enter").called("Compare erin").press("esc")
	d.press("f7").lacks("ROOMS").press("f7").wants("ROOMS")
	d.press("ctrl+k", "down", "down", "up").typed("zz").wants("? zz").press("backspace").wants("? z").press("ctrl+u").lacks("? z").press("pgdown", "pgup", "esc")
	d.press("ctrl+k").typed("/theme").press("enter").wants("> /theme").press("ctrl+c")
	d.press("ctrl+k").typed("/rekey").press("enter").called("Rekey a")
	d.press("ctrl+o").wants("no editor").press("alt+r").wants("nothing failed here")
	d.press("up", "y").wants("copied").press("up", "enter").wants("From alice", "done, thanks").press("pgdown", "pgup", "enter").lacks("From alice")
	d.press("esc", "end").typed("one").press("alt+enter").typed("two").press("up", "home", "end").typed("!").wants("> one!").press("ctrl+c", "alt+down", "alt+up")
	d = drive(t, staged(), 120, 40).wants("MEMBERS 5").press("f8").lacks("MEMBERS").press("f8").wants("MEMBERS 5")
	d.m.o.Theme = ""
	if d.m.background(false); d.m.theme.Name != "light" {
		t.Errorf("theme %s on a light screen", d.m.theme.Name)
	}
	if d.m.background(true); d.m.theme.Name != "dark" {
		t.Errorf("theme %s on a dark screen", d.m.theme.Name)
	}
}

func TestMessageCommands(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).typed("/reply welcome").press("enter").called("Send a reply about 14: welcome")
	d.typed("/find backup").press("enter").wants("Find in #ops", "yes, after the backup ran").press("esc")
	d.typed("/mark").press("enter").called("Mark a 14")
	d.tell(Event{Room: ops, Outgoing: &Outgoing{Draft: Draft{Room: ops, ID: bus.RecordID{201}, Kind: "text", Text: "refused"}, State: OutgoingFailed, Made: noon}})
	d.typed("/retry").press("enter").called("Retry 201").wants(".. refused")
	d.tell(Event{Room: ops, Outgoing: &Outgoing{Draft: Draft{Room: ops, ID: bus.RecordID{201}}, State: OutgoingFailed}})
	d.typed("/drop").press("enter").called("Drop 201").lacks("refused").wants("dropped 1 message")
	d.typed("/attach").press("enter").wants("Attach from").press("esc").typed("/save").press("enter").called("Save report.pdf /home/bob")
	d.typed("/save other").press("enter").called("Save report.pdf /home/bob/other").typed("/search").press("enter").wants("write /search")
	if d.press("ctrl+c").typed("/quit").press("enter"); !d.quit {
		t.Error("/quit quits")
	}
}

func TestEditor(t *testing.T) {
	t.Parallel()
	with := func(script string) func(*Options) {
		return func(o *Options) { o.Editor, o.Temp = []string{"sh", "-c", script}, t.TempDir() }
	}
	drive(t, staged(), 80, 24, with(`printf ' and more\n\n' >> "$0"`)).typed("a draft").press("ctrl+o").wants("> a draft and more").uncalled("Send")
	drive(t, staged(), 80, 24, with("exit 1")).typed("a draft").press("ctrl+o").wants("> a draft", "! editor: sh ended with an error")
	drive(t, staged(), 80, 24, with(`printf '\033]52;c;eA==\007hi' > "$0"`)).press("ctrl+o").wants("hi").lacks("]52")
}

// The id of a record is its sender's to choose: what somebody sends under that of
// another's takes the place of nothing.
func TestRecordsOfOneID(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	theirs, mine := said(ops, 15, "mallory", "I was first"), said(ops, 16, "alice", "deploy 42 failed")
	mine.ID = theirs.ID
	before := d.m.rooms[ops].list.Len()
	d.tell(happens(theirs), happens(mine)).wants("I was first", "deploy 42 failed")
	d.tell(happens(mine), happens(theirs))
	if n := d.m.rooms[ops].list.Len() - before; n != 2 {
		t.Errorf("two messages are %d entries", n)
	}
	d.typed("not confirmed").press("enter")
	held := d.m.rooms[ops].list.Held()
	theirs = said(ops, 17, "mallory", "instead")
	theirs.ID = held[0].ID
	d.tell(happens(theirs)).wants("not confirmed", "instead")
}

// Who changes what is not there has so much kept and no more, and fills up nobody
// else's part.
func TestChangesThatNobodyCanPlace(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	r := d.m.rooms[ops]
	for n := range 2 * maxLoose / looseCost {
		d.tell(happens(about2(said(ops, 100+n, "mallory", "x"), "edit", 14)), happens(about2(said(ops, 10_000+n, "mallory", "x"), "edit", 9000+n)))
	}
	d.tell(happens(about2(said(ops, 5000, "alice", "alice changed it"), "edit", 5001)))
	kept := 0
	for _, some := range r.loose {
		kept += len(some)
	}
	if kept > maxLoose/looseCost {
		t.Errorf("%d changes are kept", kept)
	}
	d.tell(happens(said(ops, 5001, "alice", "as it was"))).wants("alice changed it").lacks("as it was")
}

// A quote says what the message says now, and nothing of what was deleted.
func TestQuotesFollow(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.tell(happens(said(ops, 15, "erin", "the first words")), happens(about2(said(ops, 16, "carol", "yes"), "reply", 15)))
	d.typed("/reply indeed").press("enter").press("up", "k", "k", "r").typed("me too").press("enter").wants("| erin: the first words", ".. me too")
	d.tell(happens(about2(said(ops, 17, "erin", "other words"), "edit", 15)))
	if n := strings.Count(d.frame(), "| erin: other words"); n != 2 {
		t.Errorf("%d quotes, want 2", n)
	}
	d.lacks("the first words")
	d.tell(happens(about2(said(ops, 18, "mallory", ""), "delete", 15))).wants("| erin: other words")
	d.tell(happens(about2(said(ops, 19, "erin", ""), "delete", 15))).lacks("other words").wants("| erin: a message that is not shown")
}

// What an older answer quotes is shown once it is loaded.
func TestQuotesOfWhatIsLoadedLater(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	r := d.m.rooms[ops]
	f := d.m.fold(r)
	d.tell(happens(about2(said(ops, 20, "carol", "yes"), "reply", 1000))).wants("| an older message")
	f.page([]bus.Event{{Message: about2(said(ops, 1001, "alice", "as it is now"), "edit", 1000)}, {Message: said(ops, 1000, "alice", "as it was")}}, true)
	d.wants("| alice: as it is now").lacks("an older message")
}

// However small a terminal is, what it says is whole.
func TestTooSmallIsWhole(t *testing.T) {
	t.Parallel()
	for width, want := range map[int]string{9: "too small\n", 24: "too small: 40x12 needed\n", 30: "too small: 40x12 needed\n", 80: "terminal too small: 40x12 needed\n"} {
		if got := online(t, width, 1).frame(); got != want {
			t.Errorf("%d columns: %q, want %q", width, got, want)
		}
	}
}
