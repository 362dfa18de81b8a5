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
	d.uncalled("Send").wants("51 lines in the box")
	if got := d.m.box.Lines(); got != 51 {
		t.Errorf("%d lines in the box, want 51", got)
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
	d.press("up", "d").called("Drop 8").lacks("refused")
}

func TestSendFails(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.f.fail["Send"] = bus.Errorf(bus.Integrity, "key_changed", "mallory has another key than before").WithHint("compare numbers first")
	d.typed("hello").press("enter").wants("not sent: mallory has another key than before", "> hello").lacks("..")
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
	d.press("d").wants("Delete this message?").press("n").uncalled("Send").press("d", "y").called("Send a delete about 9: ")
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

func TestUnreadAndMarks(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.tell(happens(said(general, 15, "carol", "hi")), happens(said(general, 16, "carol", "@bob hi")), happens(said(general, 17, "bob", "mine")),
		happens(about2(said(general, 18, "carol", "+1"), "reaction", 17)))
	d.wants("#general       @1 5")
	d.press("alt+a").wants(">@alice").press("alt+a").wants(">#general", "== 5 new ==").lacks("@1 5")
	d.wait(markEvery)
	d.called("Mark b 18").wait(markEvery)
	d.uncalled("Mark b")
	d.msg(tea.BlurMsg{})
	d.tell(happens(said(general, 19, "carol", "while away")))
	d.wait(markEvery)
	d.uncalled("Mark b 19").wants("#general          1")
	d.msg(tea.FocusMsg{})
	d.wait(markEvery)
	d.called("Mark b 19").wants(">#general           ")
	d.press("pgup")
	for n := range 30 {
		d.tell(happens(said(general, 20+n, "carol", "more")))
	}
	d.wait(markEvery)
	d.uncalled("Mark b 4").wants("below: Ctrl+End", "#general         30").press("ctrl+end")
	d.wait(markEvery)
	d.called("Mark b 49")
}

// What another device marked comes as a room event.
func TestMarksFromElsewhere(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).wants("#general          3")
	info := d.m.rooms[general].Room
	info.Unread, info.Read = 0, 14
	d.tell(Event{Room: general, Info: &info})
	d.lacks("#general          3")
}

func TestNotifications(t *testing.T) {
	t.Parallel()
	d := drive(t, staged(), 80, 24, func(o *Options) { o.Alert = AlertOSC777 })
	plainOnline(d)
	rung := func(want string) {
		t.Helper()
		if got := strings.Join(d.raw, "|"); got != want {
			t.Errorf("rang %q, want %q", got, want)
		}
		d.raw = nil
		d.now = d.now.Add(time.Minute)
	}
	d.tell(happens(said(ops, 15, "carol", "@bob look")))
	rung("")
	d.tell(happens(said(general, 15, "carol", "nothing special")))
	rung("")
	d.tell(happens(said(general, 16, "carol", "@bob look; now")))
	rung("\x1b]777;notify;unibus;carol in #general: @bob look, now\x1b\\\a")
	d.tell(happens(said(alice, 15, "alice", "hello")))
	rung("\x1b]777;notify;unibus;alice: hello\x1b\\\a")
	d.tell(happens(said(ci, 15, "carol", "@bob muted")))
	rung("")
	d.tell(happens(said(alice, 16, "alice", "one")), happens(said(alice, 17, "alice", "two")))
	d.tell(happens(said(alice, 18, "alice", "too soon")))
	rung("\x1b]777;notify;unibus;2 new messages, alice: two\x1b\\\a")
	d.typed("/notify all").press("enter").wants("#ops calls you for: all")
	d.msg(tea.BlurMsg{})
	d.tell(happens(said(ops, 16, "carol", "anything")))
	rung("\x1b]777;notify;unibus;carol in #ops: anything\x1b\\\a")
	d.typed("/mute").press("enter").wants(">#ops          (m) 1")
	if d.f.kept.Rooms[ops].Notify != NotifyNone {
		t.Error("what one is called for is kept")
	}
	if got := alertSequence(AlertOSC9, "x") + alertSequence(AlertBell, "x"); got != "\x1b]9;x\x1b\\\a\a" {
		t.Errorf("got %q", got)
	}
}

func TestMentions(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]bool{"@bob": true, "hi @bob, look": true, "@bob.": true, "@bobby": false, "@bob-2": false, "@bob - look": true,
		"bob": false, "@bobby and @bob": true, "": false, "@bob...": true, "@bob.smith": false} {
		if Mentions(words, "bob") != want {
			t.Errorf("%q mentions bob: %v", words, !want)
		}
	}
	if Mentions("@", "") {
		t.Error("nobody is not mentioned")
	}
}

func TestRooms(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).press("alt+down").wants(">@alice").press("alt+up", "alt+up").wants(">#incident-42").press("alt+1").wants(">#ci")
	d.press("ctrl+k").typed("gen").press("enter").wants(">#general")
	d.press("ctrl+k").typed("dave").press("enter").called("Direct dave").wants(">@dave")
	d.typed("/create ops2").press("enter").called("Create ops2").wants(">#ops2")
	d.typed("/room ops").press("enter").wants(">#ops")
	d.typed("/room nowhere").press("enter").wants("you are in no room called nowhere")
	d.typed("/invite dave erin").press("enter").called("Invite a [dave erin]").wants("added dave, erin")
	d.typed("/kick dave").press("enter", "y").called("Kick a dave")
	d.typed("/role erin reader").press("enter").called("SetRole a erin reader")
	d.typed("/role erin king").press("enter").wants("is not a role in a room").uncalled("SetRole")
	d.typed("/rekey").press("enter").called("Rekey a")
	d.typed("/delete").press("enter", "y").called("Delete a")
	d.typed("/leave").press("enter", "y").called("Leave a")
	d.tell(Event{Room: ops, Forgotten: true})
	d.lacks("#ops              ").wants(">#ci")
	d.typed("/nonsense x").press("enter").wants("there is no command /nonsense", "> /nonsense x")
	d.press("ctrl+c").typed("/msg carol are you there").press("enter").called("Direct carol")
}

func TestInvitation(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).press("alt+7").wants(">+#design by alice", "alice added you to #design", "Enter opens")
	d.press("enter").called("Open g").wants(">#design").lacks("INVITES")
	online(t, 80, 24).press("alt+7").typed("/leave").wants("> /leave").press("enter").wants("Leave #design?").press("y").called("Leave g")
}

func TestVerify(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).typed("/verify @erin").press("enter").called("Compare erin").wants("12345  67890").press("enter").wants("12345")
	d.press("y").called("Decide erin true").wants("erin is verified").lacks("12345")
	d.press("up")
	for d.m.chosen().From != "erin" {
		d.press("k")
	}
	d.press("v", "n").called("Decide erin false")
	d.press("esc").typed("/verify erin").press("enter", "esc").uncalled("Decide").lacks("12345")
}

func TestFiles(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).press("ctrl+t").wants("Attach from /home/bob", "notes/", "report.pdf").lacks(".secret")
	d.typed("notes").press("enter").wants("Attach from /home/bob/notes").typed("rep").press("enter").called("Attach a /home/bob/notes/report.pdf").wants(".. [file] report.pdf")
	id := d.m.current.list.Held()[0].ID
	d.tell(Event{Transfer: &Transfer{ID: id, Done: 1, Total: 4, Up: true}})
	d.wants("[#####...............] 25 %")
	d.tell(Event{Transfer: &Transfer{ID: id, Up: true, Over: true, Err: bus.ErrRoomClosed}})
	d.wants("x [file] report.pdf", "not sent: this room was deleted").lacks("25 %")
	d.typed("/attach /tmp/a b.txt").press("enter").called("Attach a /tmp/a b.txt")
	d.f.fail["Attach"] = bus.Errorf(bus.NotFound, "no_file", "no such file")
	d.typed("/attach gone").press("enter").wants("attach gone: no such file").lacks("[file] gone")
	d.press("up")
	for d.m.chosen().File == nil || d.m.chosen().Mine {
		d.press("k")
	}
	file := d.m.chosen().ID
	d.press("o").called("Save report.pdf /home/bob").press("x").called("Cancel").press("esc")
	d.tell(Event{Transfer: &Transfer{ID: file, Done: 5, Total: 10}}, Event{Transfer: &Transfer{ID: file, Over: true, Path: "/home/bob/report.pdf"}})
	d.wants("saved /home/bob/report.pdf").typed("/save other/name.pdf").press("enter")
}

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
	d.wants("yes, after the backup ran").press("enter").wants("yes, after the backup ran", "older messages: Ctrl+End").lacks("Find in")
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
	d := drive(t, f, 80, 24).wants("cannot be loaded now", "! load messages: the bus cannot be reached")
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

func TestRemovedAtOnce(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.tell(Event{Room: ops, Happened: &bus.Event{Removed: &bus.RemovedEvent{By: "alice", Reason: bus.RemovedKicked}}})
	d.typed("hello").press("enter").uncalled("Send").wants("alice removed you from this room", "! not a member")
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
	d.typed("hello").press("enter").uncalled("Send").wants("you are a reader here")
	d.press("ctrl+t").uncalled("Attach")
}

func TestSlowScreen(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.msg(batchMsg{lost: map[bus.RoomID]tally{general: {unread: 5000, mentions: 2, last: 6000}, ops: {unread: 10, last: 30}},
		events: []Event{happens(said(ops, 31, "alice", "the newest"))}})
	d.wants("5003", "the newest", "done, thanks").called("History a 31 0").uncalled("History b")
	d.press("ctrl+k").typed("general").press("enter").called("History b 0 0")
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
