package tui

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"unibus/internal/bus"
	"unibus/tui/cells"
)

// spoken runs a chat in lines over what is typed, up to its end.
func spoken(t *testing.T, f *fake, typed string, change ...func(*Options)) string {
	t.Helper()
	var out strings.Builder
	o := Options{Session: f, Now: func() time.Time { return noon }, Zone: time.UTC, Theme: "mono", Home: "/home/bob", ReadDir: homeFolder}
	for _, c := range change {
		c(&o)
	}
	if err := RunPlain(t.Context(), Terminal{In: strings.NewReader(typed), Out: &out}, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestPlain(t *testing.T) {
	t.Parallel()
	f := staged()
	got := spoken(t, f, "hello\n\n//x\n/kick alice\n/rooms\n3\nhi there\n/nonsense\n/react tada\n")
	want := `-- #ops: encrypted, key 7, 5 members, 1 unverified
[13:44] alice: the staging cluster is green again, all three nodes enforce [+1 3]
[13:48] carol: answers alice: the staging cluster is green again, all three nodes enforce
    shall I take node-3 down now? (edited)
-- key 7: alice made a new room key
-- alice removed dave
[13:49] erin (not verified): hi, I was invited this morning
[13:50] carol: -- file: report.pdf, 1.2 MiB (/save)
[13:52] you: yes, after the backup ran
[13:53] alice: @bob can you check the rekey of #ops before the deploy?
[13:54] carol: answers alice: @bob can you check the rekey of #ops before the deploy?
    on it
[13:55] carol: -- deleted
[13:57] alice: done, thanks
-- only an owner of #ops can remove people: ask alice
-- Rooms and people
   1  #incident-42  (12 unread, 2 for you)
   2  @alice  (1 unread, 1 for you)
   3  #general  (3 unread)
`
	if !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant at its beginning\n%s", got, want)
	}
	for _, words := range []string{"-- #general: encrypted", "[13:57] carol: message 14 of general", "-- there is no command /nonsense"} {
		if !strings.Contains(got, words) {
			t.Errorf("does not say %q:\n%s", words, got)
		}
	}
	for _, call := range []string{"Send a text: hello", "Send a text: /x", "Send b text: hi there", "Send b reaction about 14: 🎉"} {
		if !slices.Contains(f.calls, call) {
			t.Errorf("not called: %s; %q", call, f.calls)
		}
	}
	if f.kept.Room != general {
		t.Error("the end of the input keeps what is to be kept")
	}
}

// TestPlainEvents: what arrives is told in sentences, in order, and only once.
func TestPlainEvents(t *testing.T) {
	t.Parallel()
	f := staged()
	in, keys := io.Pipe()
	out := &terminal{more: make(chan struct{}, 1)}
	ended := make(chan error, 1)
	go func() {
		ended <- RunPlain(context.Background(), Terminal{In: in, Out: out},
			Options{Session: f, Now: func() time.Time { return noon }, Zone: time.UTC, Home: "/", ReadDir: os.ReadDir})
	}()
	out.until(t, "done, thanks")
	f.events <- []Event{{Conn: &Conn{State: Reconnecting, Attempt: 2}}, {Conn: &Conn{State: Reconnecting, Attempt: 2, RTT: 1}}}
	out.until(t, "-- reconnecting, attempt 2\n")
	f.events <- []Event{{Conn: &Conn{State: Online, Node: "node-2"}}, happens(said(ops, 15, "carol", "two\nlines")),
		happens(about2(said(ops, 16, "carol", "two new\nlines"), "edit", 15)), happens(about2(said(ops, 17, "erin", "+1"), "reaction", 15)),
		happens(about2(said(ops, 18, "mallory", ""), "delete", 15)), happens(about2(said(ops, 19, "carol", ""), "delete", 15)),
		happens(said(alice, 15, "alice", "psst")), happens(said(general, 15, "carol", "nothing special")),
		{Room: ops, Happened: &bus.Event{Epoch: &bus.EpochEvent{Epoch: 8, By: "alice"}}},
		{Room: ops, Happened: &bus.Event{Undecryptable: &bus.UndecryptableEvent{Seq: 20, From: "mallory", Reason: bus.FaultSignature}}},
		{Room: ops, Outgoing: &Outgoing{Draft: Draft{Room: ops, ID: bus.RecordID{77}, Kind: "text", Text: "x"}, State: OutgoingFailed, Err: bus.ErrRoomClosed}}}
	out.until(t, "-- not sent to #ops")
	keys.Close()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	got := out.String()
	got = got[strings.Index(got, "-- reconnecting"):]
	want := `-- reconnecting, attempt 2
-- online node-2
[13:58] carol: two
    lines
-- carol changed a message of carol to:
   two new
   lines
-- erin reacts +1 to carol: two new lines
-- carol deleted a message of carol
-- alice calls you in @alice
-- key 8: alice made a new room key
[     ] mallory (key changed or forged): -- not shown: !! signature does not match: not shown
-- not sent to #ops: this room was deleted; see your rooms: /rooms (/retry, /drop)
`
	got = strings.ReplaceAll(got, "\a", "")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestPlainQuestions: an answer is a word that was typed once the question could be
// read; whatever else is typed does nothing, and what stays as it is is said.
func TestPlainQuestions(t *testing.T) {
	t.Parallel()
	f := staged()
	f.start.Rooms[0].Role = bus.RoleOwner
	in, keys := io.Pipe()
	out := &terminal{more: make(chan struct{}, 1)}
	ended := make(chan error, 1)
	go func() {
		ended <- RunPlain(context.Background(), Terminal{In: in, Out: out}, Options{Session: f, Now: func() time.Time { return noon }, Zone: time.UTC, Home: "/", ReadDir: os.ReadDir})
	}()
	asked := 0
	ask := func(command, prompt, answer, words string) {
		t.Helper()
		fmt.Fprintln(keys, command)
		asked++
		out.untilCount(t, prompt, asked)
		fmt.Fprintln(keys, answer)
		out.until(t, words)
	}
	out.until(t, "done, thanks")
	ask("/kick erin", "-- type yes or no", "hello", "-- no answer: type yes or no; it was not sent either, and erin stays")
	ask("/kick erin", "-- type yes or no", "y", "-- no answer")
	ask("/leave", "-- type yes or no", "no", "-- you stay in #ops")
	ask("/delete", "-- type yes or no", "", "-- nothing was deleted")
	fmt.Fprintln(keys, "/kick erin\nyes")
	out.until(t, "-- typed before the question could be read, so it counts for nothing: erin stays")
	ask("/kick erin", "-- type yes or no", "Yes", "-- removed erin")
	asked = 0
	ask("/verify erin", "-- type same or differ; Enter leaves it open", "yes", "-- no answer: type same or differ; it was not sent either, and nothing was decided about erin")
	ask("/verify erin", "-- type same or differ; Enter leaves it open", "12345", "-- another number: look again, or differ; it was not sent")
	ask("/verify erin", "-- type same or differ; Enter leaves it open", "same", "-- erin is verified")
	keys.Close()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	kicks := slices.DeleteFunc(f.calls, func(c string) bool {
		return !strings.HasPrefix(c, "Kick") && !strings.HasPrefix(c, "Decide") && !strings.HasPrefix(c, "Send")
	})
	if got := strings.Join(kicks, ", "); got != "Kick a erin, Decide erin true" {
		t.Errorf("called %s", got)
	}
}

func TestPlainFails(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.fail["Resume"] = bus.Errorf(bus.Integrity, "profile", "the profile is damaged")
	err := RunPlain(t.Context(), Terminal{In: strings.NewReader("x\n"), Out: io.Discard}, Options{Session: f, Now: time.Now, Zone: time.UTC})
	if bus.CodeOf(err) != "profile" {
		t.Errorf("got %v", err)
	}
	f = newFake()
	f.start.Self = "bob"
	if got := spoken(t, f, "hello\n"); !strings.Contains(got, "there is no room") {
		t.Errorf("got %q", got)
	}
}

func TestPlainSearch(t *testing.T) {
	t.Parallel()
	got := spoken(t, staged(), "/search backup\n1\n/search zzz\n/find q\n/help\n\n")
	for _, words := range []string{"-- Find in all rooms", "   1  you  yes, after the backup ran", "-- #ops, Sat 21 Nov 2026:\n[13:52] you: yes, after the backup ran\n",
		"-- nothing found on this device", "-- 3 letters at least, or a whole word", "/verify [USER]"} {
		if !strings.Contains(got, words) {
			t.Errorf("does not say %q:\n%s", words, got)
		}
	}
}

// No line is as long as the terminal is wide: whoever counts columns could have
// the terminal begin a line with his words.
func TestPlainLinesAreNotWrapped(t *testing.T) {
	t.Parallel()
	for width := 30; width < 100; width += 3 {
		f := staged()
		head := len("[14:03] carol: ")
		f.has(said(ops, 20, "carol", strings.Repeat("x", width-head)+"-- bob was removed "+strings.Repeat("y", width)+"[13:00] alice: forged"))
		var out strings.Builder
		if err := RunPlain(t.Context(), Terminal{In: strings.NewReader(""), Out: &out, Width: width}, Options{Session: f, Zone: time.UTC}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(out.String(), "\n") {
			if len(line) >= width || strings.HasPrefix(line, "-- bob") || strings.HasPrefix(line, "[13:00]") {
				t.Errorf("width %d: %q", width, line)
			}
		}
	}
}

// Nor on a terminal that draws what is ambiguous in two cells.
func TestPlainLinesOfAmbiguousWidth(t *testing.T) {
	t.Parallel()
	f := staged()
	f.has(said(ops, 20, "carol", strings.Repeat("±", 150)+"[13:00] alice: forged"))
	var out strings.Builder
	if err := RunPlain(t.Context(), Terminal{In: strings.NewReader(""), Out: &out, Width: 60}, Options{Session: f, Zone: time.UTC}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(out.String(), "\n") {
		if cells.Widest.Width(line) >= 60 || strings.HasPrefix(line, "[13:00]") {
			t.Errorf("%q", line)
		}
	}
}

// Nothing that a peer writes begins a line, or is more than words.
func TestPlainHostileWords(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"\x1b]52;c;aGFja2Vk\x07", "a\n-- bob was removed\n[13:00] alice: forged", "\u009b2J\u202e", "\r\n[13:00] alice: forged", "\xff\x00"} {
		f := staged()
		f.start.Rooms[0].Name = s
		f.has(said(ops, 20, bus.Handle(s), s))
		file := f.has(said(ops, 21, "carol", s))
		file.Kind, file.File = "file", &bus.File{Name: s}
		f.has(about2(said(ops, 22, "carol", s), "reply", 20))
		f.fail["Rekey"] = bus.Errorf(bus.Failed, "x", "%s", s)
		for line := range strings.SplitSeq(spoken(t, f, "/rekey\n/search a\n"), "\n") {
			inert(t, "a line", line)
			if strings.HasPrefix(line, "[13:00]") || strings.HasPrefix(line, "-- bob was") {
				t.Errorf("forged: %q", line)
			}
		}
	}
}

// In lines only an empty one takes up an invitation: words are for somebody to read.
func TestPlainWordsToAnInvitation(t *testing.T) {
	t.Parallel()
	f := staged()
	f.start.Memory.Room = design
	var out strings.Builder
	p := &plain{m: New(t.Context(), Options{Session: f, Now: func() time.Time { return noon }, Zone: time.UTC}), out: bufio.NewWriter(&out), msgs: make(chan tea.Msg), ctx: t.Context()}
	p.m.begin(f.start)
	if cmd := p.typed("hello"); cmd != nil {
		t.Error("words open an invitation")
	}
	p.notices()
	_ = p.out.Flush()
	if !strings.Contains(out.String(), "/leave declines") {
		t.Errorf("printed %q", out.String())
	}
	if cmd := p.typed(""); cmd == nil {
		t.Error("Enter opens it")
	}
}

// busyFake is a session that has the screen wait for who is in a room while it compares.
type busyFake struct {
	*fake
	comparing        atomic.Bool
	entered, release chan struct{}
}

func (b *busyFake) Compare(ctx context.Context, u bus.Handle) (Comparison, error) {
	b.comparing.Store(true)
	b.events <- []Event{{Room: ops, Happened: &bus.Event{Member: &bus.MemberEvent{User: "dave", Change: bus.MemberJoined}}}}
	<-b.entered
	return b.fake.Compare(ctx, u)
}

func (b *busyFake) Members(ctx context.Context, id bus.RoomID) ([]Member, error) {
	if b.comparing.CompareAndSwap(true, false) {
		close(b.entered)
		<-b.release
	}
	return b.fake.Members(ctx, id)
}

// What was pasted behind a command answers no question that the command leads to, also
// where the chat comes to it only after the question could be read.
func TestPlainPastedAnswer(t *testing.T) {
	t.Parallel()
	b := &busyFake{fake: staged(), entered: make(chan struct{}), release: make(chan struct{})}
	in, keys := io.Pipe()
	out := &terminal{more: make(chan struct{}, 1)}
	ended := make(chan error, 1)
	go func() {
		ended <- RunPlain(context.Background(), Terminal{In: in, Out: out}, Options{Session: b, Now: func() time.Time { return noon }, Zone: time.UTC, Home: "/", ReadDir: os.ReadDir})
	}()
	out.until(t, "done, thanks")
	fmt.Fprint(keys, "/verify erin\nsame\n")
	out.until(t, "-- type same or differ")
	close(b.release)
	out.until(t, "-- typed before the question could be read, so it counts for nothing: nothing was decided about erin")
	fmt.Fprintln(keys, "hello")
	keys.Close()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(b.calls, "\n"); strings.Contains(got, "Decide") || !strings.Contains(got, "text: hello") {
		t.Errorf("called %s", got)
	}
}
