package tui

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
)

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

// A frame holds many messages, and each of them counts, as in the room itself.
func TestUnreadOfOneFrame(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	for n := range 30 {
		m := said(carol, 15+n, "carol", "line")
		m.Seq, m.Number, m.Records = 15, n, 30
		d.tell(happens(m), happens(m))
	}
	d.wants("@carol           30").press("ctrl+k").typed("carol").press("enter").wants(">@carol").press("pgup", "pgup").wants("== 30 new ==")
}

// Who looks at a room only for a moment has seen it all the same, and what was
// seen last is told before the end.
func TestMarksOfAMoment(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.press("ctrl+k").typed("general").press("enter").wants(">#general", "message 14 of general").press("ctrl+k").typed("ops").press("enter").wants(">#ops")
	d.wait(markEvery)
	d.called("Mark b 14")
	d.tell(happens(said(general, 15, "carol", "hi")))
	d.press("ctrl+k").typed("general").press("enter").wants(">#general").press("ctrl+q")
	d.called("Mark b 15")
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
	d.typed("/mute").press("enter").wants(">#ops            (m)|")
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
	changed(d, func(r *Room) { r.Role = bus.RoleOwner })
	d.typed("/invite dave erin").press("enter").called("Invite a [dave erin]").wants("added dave, erin")
	d.typed("/kick erin").press("enter").answers("yes").called("Kick a erin")
	d.typed("/role erin reader").press("enter").called("SetRole a erin reader")
	d.typed("/role erin king").press("enter").wants("is not a role in a room").uncalled("SetRole")
	d.typed("/rekey").press("enter").called("Rekey a")
	d.typed("/delete").press("enter").answers("yes").called("Delete a")
	d.typed("/leave").press("enter").answers("yes").called("Leave a")
	d.tell(Event{Room: ops, Forgotten: true})
	d.lacks("#ops              ").wants("#ops is gone: choose another").press("alt+down").wants(">#ci")
	d.typed("/nonsense x").press("enter").wants("there is no command /nonsense", "> /nonsense x")
	d.press("ctrl+c").typed("/msg carol are you there").press("enter").called("Direct carol")
}

func TestInvitation(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).press("alt+7").wants(">+#design by alice", "alice added you to #design", "Enter opens")
	d.press("enter").called("Open g").wants(">#design").lacks("INVITES")
	online(t, 80, 24).press("alt+7").typed("/leave").wants("> /leave").press("enter").wants("Leave #design?").answers("yes").called("Leave g")
}

func TestVerify(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).typed("/verify @erin").press("enter").called("Compare erin").wants("12345  67890").press("enter").wants("12345")
	d.answers("same").called("Decide erin true").wants("erin is verified").lacks("12345")
	d.press("up")
	for d.m.chosen().From != "erin" {
		d.press("k")
	}
	d.press("v").answers("differ").called("Decide erin false")
	d.press("esc").typed("/verify erin").press("enter", "esc").uncalled("Decide").lacks("12345")
}

func TestFiles(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).press("ctrl+t").wants("Attach from /home/bob", "notes/", "report.pdf").lacks(".secret")
	d.typed("notes").press("enter").wants("Attach from /home/bob/notes").typed("rep").press("enter").called("Attach a /home/bob/notes/report.pdf").wants(".. [file] report.pdf")
	id := d.m.current.list.Held()[0].ID
	d.tell(Event{Transfer: &Transfer{ID: id, Done: 1, Total: 4, Up: true}})
	d.wants("[#####...............] 25 %")
	d.tell(Event{Transfer: &Transfer{ID: id, Up: true, Over: true}})
	d.tell(Event{Room: ops, Outgoing: &Outgoing{Draft: Draft{Room: ops, ID: id}, State: OutgoingFailed, Err: bus.ErrRoomClosed}})
	d.wants("x [file] report.pdf", "not sent: this room was deleted", "(/retry,").lacks("25 %")
	d.f.fail["Attach"] = bus.Errorf(bus.NotFound, "no_file", "no such file")
	d.typed("/attach gone").press("enter").wants("attach gone: no such file", "> /attach gone").lacks("[file] gone")
	d.press("ctrl+u", "up")
	for d.m.chosen().File == nil || d.m.chosen().Mine {
		d.press("k")
	}
	file := d.m.chosen().ID
	d.press("o").called("Save report.pdf /home/bob").press("x").called("Cancel").press("esc")
	d.tell(Event{Transfer: &Transfer{ID: file, Done: 5, Total: 10}}, Event{Transfer: &Transfer{ID: file, Over: true, Path: "/home/bob/report.pdf"}})
	d.wants("saved report.pdf as /home/bob/report.pdf").typed("/save other/name.pdf").press("enter")
}

func TestRemovedAtOnce(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.tell(Event{Room: ops, Happened: &bus.Event{Removed: &bus.RemovedEvent{By: "alice", Reason: bus.RemovedKicked}}})
	d.typed("hello").press("enter").uncalled("Send").wants("alice removed you from this room", "! not a member")
}

// An edit that waits is counted like a message that does, and one that is
// refused is told.
func TestWaitingChanges(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.tell(Event{Conn: &Conn{State: Reconnecting, Attempt: 1}})
	d.typed("/edit changed words").press("enter").called("Send a edit about 9: changed words").wants("1 queued", "#ops             ..")
	var id bus.RecordID
	for id = range d.m.current.waiting {
	}
	d.tell(Event{Room: ops, Outgoing: &Outgoing{Draft: Draft{Room: ops, ID: id}, State: OutgoingFailed, Err: bus.ErrRoomClosed}})
	d.wants("! not changed: this room was deleted").lacks("queued")
	d.typed("/react tada").press("enter").wants("#ops             ..")
	for id = range d.m.current.waiting {
	}
	m := about2(said(ops, 15, "bob", "🎉"), "reaction", 14)
	m.ID = id
	d.tell(happens(m)).lacks("#ops             ..").wants("[🎉 1]")
	d.tell(Event{Room: ops, Outgoing: &Outgoing{Draft: Draft{Room: ops, ID: bus.RecordID{50}, Kind: "file", Text: "a.pdf"}, Made: noon}})
	d.wants(".. [file] a.pdf")
}

// Somebody who calls his room as another one is called does not get its place.
func TestRoomsOfOneName(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.tell(Event{Room: bus.RoomID{99}, Info: &Room{ID: bus.RoomID{99}, Name: "ops", Role: bus.RoleMember}})
	d.wants(">#ops~aeaa", " #ops~mmaa", " #ops~aeaa  encrypted")
	d.tell(Event{Room: bus.RoomID{99}, Forgotten: true}).wants(">#ops  ").lacks("~aeaa")
}

// A draft of before stands in nobody's way to take up or decline an invitation, and is
// there again afterwards.
func TestInvitationWithDraft(t *testing.T) {
	t.Parallel()
	drafted := func() *driver {
		f := staged()
		f.start.Memory.Rooms[design] = RoomMemory{Draft: "half a thought"}
		d := drive(t, f, 80, 24)
		plainOnline(d)
		return d.press("alt+7").wants("alice added you to #design", "Enter opens").lacks("half a thought")
	}
	drafted().press("enter").called("Open g").wants("> half a thought")
	drafted().typed("/leave").press("enter").wants("Leave #design?")
	d := drafted().typed("and more").press("enter").called("Open g")
	if got := d.m.box.Text(); got != "half a thought\nand more" {
		t.Errorf("%q is in the box", got)
	}
	drafted().typed("/lea").press("alt+4", "ctrl+c", "alt+7").lacks("> /lea").press("enter").wants("> half a thought")
	d = drafted()
	for range 2 {
		d.do(d.m.keep())
	}
	if got := d.f.kept.Rooms[design].Draft; got != "half a thought" {
		t.Errorf("%q is kept", got)
	}
	d = online(t, 80, 24).typed("as I said")
	changed(d, func(r *Room) { r.Invited, r.By = true, "alice" })
	d.wants("alice added you to #ops").lacks("as I said").press("enter").called("Open a").wants("> as I said")
}

// What happened in a room is told as it does, and a page of history has it again: it
// is shown once.
func TestNoticesAreShownOnce(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	for _, e := range []bus.Event{
		{Start: &bus.StartEvent{Reason: bus.StartJoined, Epoch: 2}},
		{Epoch: &bus.EpochEvent{Epoch: 9, By: "alice", Time: noon}},
		{Member: &bus.MemberEvent{User: "erin", Change: bus.MemberAdded, Role: bus.RoleMember, By: "alice", Time: noon}},
	} {
		words, _ := noticeOf(&e, "bob")
		d.tell(Event{Room: ops, Happened: &e}, Event{Room: ops, Happened: &e})
		d.m.loadedPage(d.m.current, Page{Events: []bus.Event{e}}, true)
		n := 0
		for _, at := range d.m.current.list.Last(1000) {
			if at.Notice && at.Words == words {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%q is shown %d times", words, n)
		}
	}
}
