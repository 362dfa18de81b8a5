package tui

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
)

// Who selects a message by accident and types on decides nothing: v opens the
// comparison, and what comes behind it was typed without having read it.
func TestTypingOnVerifiesNobody(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).press("up").typed("very").wants("Compare with alice").uncalled("Decide")
	d.wait(readTime)
	d.wait(readTime)
	d.typed("y").press("enter").uncalled("Decide").wants("Compare with alice", "no answer: type same or differ").press("esc").wants("nothing was decided about alice")
	d.typed("v").typed("same").press("enter").wants("Compare with alice").uncalled("Decide")
	d.wait(readTime)
	d.press("enter").uncalled("Decide").wants("a moment, to read it") // nor what is typed while it is too early still
	d.answers("same").called("Decide alice true")
}

// The whole number as the other side has it is an answer too; a piece of it is none,
// and another one is told.
func TestNumbersAreCompared(t *testing.T) {
	t.Parallel()
	const number = "12345 67890 11111 22222 33333 44444 55555 66666 77777 88888 99999 00000"
	d := online(t, 80, 24).typed("/verify erin").press("enter").answers("99999 00000").uncalled("Decide").wants("another number: look again, or differ")
	d.msg(tea.PasteMsg{Content: strings.ReplaceAll(number, " ", "\n") + "\n"})
	d.press("enter").called("Decide erin true")
}

// Letters that were typed ahead carry out nothing that cannot be undone.
func TestTypedAheadDoesNothing(t *testing.T) {
	t.Parallel()
	for command, call := range map[string]string{"/kick erin": "Kick", "/leave": "Leave", "/delete": "Delete"} {
		d := online(t, 80, 24)
		asOwner(d)
		d.typed(command).press("enter").typed("yes").press("enter", "y", "enter").uncalled(call)
		d.wait(readTime)
		d.wait(readTime)
		d.press("y", "enter").uncalled(call).wants("type yes or no").typed("nay").press("ctrl+u").typed("noo").press("backspace", "enter").uncalled(call).lacks("type yes")
		d.typed(command).press("enter").answers(" Yes").called(call + map[string]string{"Kick": " a erin", "Leave": " a", "Delete": " a"}[call])
	}
	d := online(t, 80, 24).press("up", "up", "up", "up", "up").typed("dyes").press("enter").wants("Delete this message?").uncalled("Send")
	d.press("esc").wants("nothing was deleted")
}

// What waits to be sent is not lost by a key: its words are in the box again, or it is
// asked.
func TestDropping(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.tell(Event{Conn: &Conn{State: Reconnecting, Attempt: 1}})
	d.typed("//half a thought").press("enter").wants(".. /half a thought")
	first := fmt.Sprint("Drop ", d.m.current.list.Held()[0].ID[0])
	d.press("up", "d").called(first).wants("> //half a thought")
	d.press("enter", "up")
	_, taken := d.m.Update(keyOf("d"))
	d.typed(" and more").do(taken)
	d.wants("> //half a thought and more")
	d.f.fail["Drop"] = bus.Errorf(bus.NotFound, "no_record", "nothing of it waits to be sent")
	d.press("enter", "up", "d").wants("it was sent already").lacks("> //half")
	delete(d.f.fail, "Drop")
	d.typed("/reply indeed").press("enter").wants(".. indeed").press("up", "d").wants("> indeed", "re: alice: done, thanks")
	d.press("enter").wants(".. indeed")
	d.typed("another").press("alt+k", "d").wants("Drop this message?", "indeed").press("esc").wants("nothing was dropped", ".. indeed").press("d").answers("yes").lacks("indeed").wants("> another")
}

// A plain member is told at once that he may not, and whom to ask.
func TestWhoMayNotIsToldAtOnce(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	for command, words := range map[string]string{"/kick alice": "remove people", "/delete": "delete it", "/role erin owner": "change roles", "/invite dave": "add people"} {
		d.typed(command).press("enter").wants("only an owner of #ops can " + words + ": ask alice")
	}
	d.typed("/kick bob").press("enter").wants("that is you: /leave")
	asOwner(d)
	d.typed("/kick mallory").press("enter").wants("mallory is not in this room: /members")
	for _, call := range []string{"Kick", "Delete", "SetRole", "Invite"} {
		d.uncalled(call)
	}
}

// A notice goes when it is not true any more.
func TestNoticesThatAreOver(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.msg(pasted(strings.Repeat("line\n", 50)))
	d.wants("50 lines in the box").press("enter").lacks("50 lines in the box")
	changed(d, func(r *Room) { r.Gone, r.GoneBy = bus.RemovedKicked, "alice" })
	d.typed("hello").press("enter").wants("alice removed you from this room")
	changed(d, func(r *Room) { r.Gone, r.GoneBy = "", "" })
	d.lacks("removed you").wants("> hello")
}

// A room that one was out of is read once one is in it again.
func TestBackInARoom(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	d.f.fail["History"] = bus.ErrNotMember
	info := d.m.rooms[general].Room
	info.Gone = bus.RemovedKicked
	d.tell(Event{Room: general, Info: &info})
	d.typed("/room general").press("enter").wants("Nothing of this room is on this device")
	delete(d.f.fail, "History")
	info.Gone = ""
	d.tell(Event{Room: general, Info: &info})
	d.wants("message 14 of general")
}

// Two slashes begin a message with one, and what is given back can be sent again.
func TestTwoSlashes(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).typed("//x").press("enter").called("Send a text: /x").typed("///").press("enter").called("Send a text: //")
	d.f.fail["Send"] = bus.ErrRoomClosed
	d.typed("//help").press("enter").called("Send a text: /help").wants("> //help")
}

// Hints name what the chat has for what the command line has.
func TestHintsOfTheChat(t *testing.T) {
	t.Parallel()
	for hint, want := range map[string]string{"see: unibus room members": "see: /members", "compare numbers first: unibus identity verify erin": "compare numbers first: /verify erin",
		"a first message makes it: unibus send @erin TEXT": "a first message makes it: /msg erin TEXT", "invite them: unibus user invite erin": "invite them: unibus user invite erin",
		"if so: unibus room verify ROOM --accept": "if so: unibus room verify ROOM --accept"} {
		if got := errorLine(bus.Errorf(bus.Failed, "x", "no").WithHint("%s", hint)); string(got) != "no; "+want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Where the code for a camera does not fit it is said, and drawn once the window is
// large enough.
func TestCodeThatDoesNotFit(t *testing.T) {
	t.Parallel()
	f := staged()
	f.code = strings.Repeat("████████\n", 20)
	d := drive(t, f, 80, 24)
	d.typed("/verify erin").press("enter").wants("does not fit into this window:", "99999  00000").lacks("██")
	d.msg(tea.WindowSizeMsg{Width: 120, Height: 40})
	d.wants("████████").lacks("does not fit")
}

// What went wrong stays in its room, and is not said any more once it is not so.
func TestErrorsThatAreOver(t *testing.T) {
	t.Parallel()
	d := online(t, 120, 40)
	away := bus.Errorf(bus.Unavailable, "unreachable", "no node answers")
	d.f.fail["Rekey"] = away
	failed := func() *driver { return d.typed("/rekey").press("enter").wants("! rekey: no node answers") }
	failed().typed("/room general").press("enter").wants(">#general").lacks("no node answers").press("alt+1").lacks("no node answers")
	d.typed("/room ops").press("enter")
	d.tell(Event{Conn: &Conn{State: Reconnecting, Attempt: 1}})
	failed().tell(Event{Conn: &Conn{State: Reconnecting, Attempt: 2}}).wants("no node answers")
	plainOnline(d)
	d.lacks("no node answers")

	d.f.fail["Save"] = bus.ErrRoomClosed
	d.typed("/save").press("enter").wants("! save report.pdf: ")
	delete(d.f.fail, "Save")
	d.typed("/save x").press("enter").lacks("save report.pdf")

	d.f.fail["Send"] = bus.ErrRoomClosed
	d.m.box.Set("late")
	_, late := d.m.Update(keyOf("enter"))
	d.typed("/room general").press("enter").wants(">#general").do(late)
	d.wants("! #ops: not sent: this room was deleted").press("alt+1").lacks("not sent:")
}

// The only owner of a room is told at once that he cannot leave it, and what he can do.
func TestTheLastOwnerStays(t *testing.T) {
	t.Parallel()
	d := online(t, 120, 40)
	d.f.people[ops] = []Member{{"bob", bus.RoleOwner, bus.TrustVerified, false}, {"carol", bus.RoleMember, bus.TrustVerified, false}}
	d.typed("/room general").press("enter").typed("/room ops").press("enter")
	d.typed("/leave").press("enter").wants("you are the only owner of #ops: /role USER owner first, or /delete").lacks("Leave #ops?")
	d.m.current.members[1].Role = bus.RoleOwner
	d.typed("/leave").press("enter").wants("Leave #ops?")
}

// Who is made a reader sees it in the box at once.
func TestMadeAReader(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24).wants("> write to #ops")
	d.tell(Event{Room: ops, Happened: &bus.Event{Member: &bus.MemberEvent{User: "bob", Change: bus.MemberRole, Role: bus.RoleReader, By: "alice"}}})
	d.wants("you are reader now", "X you may only read here").lacks("write to #ops")
}

// A question that another one covered is asked anew: who answers twice in a row has not
// read the second.
func TestCoveredQuestionsAreReadAgain(t *testing.T) {
	t.Parallel()
	d := online(t, 80, 24)
	first, second := d.late("/verify erin"), d.late("/verify alice")
	d.do(first)
	d.answers("sa")
	d.do(second)
	d.wait(readTime)
	d.wait(readTime)
	d.wants("Compare with alice", "type same or differ").typed("same").press("enter").called("Decide alice true").wants("Compare with erin", "a moment, to read it")
	d.typed("same").press("enter").uncalled("Decide").answers("same").called("Decide erin true")
}
