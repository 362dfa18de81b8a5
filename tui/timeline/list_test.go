package timeline

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"unibus/internal/bus"
	"unibus/internal/text"
	"unibus/tui/cells"
	"unibus/tui/theme"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func testLook() Look {
	mono, _ := theme.ByName("mono")
	return Look{Theme: mono, Zone: time.UTC, Size: func(n int64) string { return fmt.Sprint(n, " B") }}
}

// message is number n of a room: one line, or more with more words.
func message(n int, words string) *Entry {
	return &Entry{ID: bus.RecordID{byte(n), byte(n >> 8), byte(n >> 16), 1}, Ref: bus.RecordRef{Number: n + 1}, Seq: uint64(n + 1),
		Time: noon.Add(time.Duration(n) * time.Second), From: "alice", Trust: bus.TrustVerified, Text: text.Safe(words)}
}

func filled(n, width, height int) *List {
	l := New()
	l.SetLook(testLook())
	l.Size(width, height)
	for i := range n {
		l.Append(message(i, fmt.Sprint("message ", i)))
	}
	return l
}

// screen is what a person sees, without styles and the blanks at line ends.
func screen(l *List) string {
	var out []string
	for _, row := range l.View() {
		out = append(out, strings.TrimRight(ansi.Strip(row), " "))
	}
	return strings.Join(out, "\n")
}

// words are the last words of the rows, which number the messages here.
func words(l *List) string {
	var out []string
	for _, row := range strings.Split(screen(l), "\n") {
		if f := strings.Fields(row); len(f) > 1 && f[len(f)-2] == "message" {
			out = append(out, f[len(f)-1])
		}
	}
	return strings.Join(out, " ")
}

func wantWords(t *testing.T, l *List, want string) {
	t.Helper()
	if got := words(l); got != want {
		t.Errorf("shows %q, want %q", got, want)
	}
}

func TestFollowAndScroll(t *testing.T) {
	t.Parallel()
	l := filled(10, 60, 4)
	wantWords(t, l, "6 7 8 9")
	l.Scroll(-2)
	wantWords(t, l, "4 5 6 7")
	l.Append(message(10, "message 10"))
	wantWords(t, l, "4 5 6 7")
	if l.Following() || l.Below() != 3 {
		t.Errorf("following %v, %d below; want to stay, with 3 below", l.Following(), l.Below())
	}
	l.Prepend([]*Entry{message(100, "message -2"), message(101, "message -1")})
	wantWords(t, l, "4 5 6 7")
	l.Scroll(-100)
	wantWords(t, l, "-2 -1 0") // and the line of the day above
	l.Scroll(+100)
	if wantWords(t, l, "7 8 9 10"); !l.Following() {
		t.Error("at the end it follows again")
	}
	l.Page(-1)
	wantWords(t, l, "5 6 7 8")
	l.Top()
	l.Page(1)
	l.Bottom()
	wantWords(t, l, "7 8 9 10")
}

func TestLongMessagesScrollByLine(t *testing.T) {
	t.Parallel()
	l := New()
	l.SetLook(testLook())
	l.Size(60, 3)
	l.Append(message(0, "message 0"))
	l.Append(message(1, "message 1\nmessage 2\nmessage 3\nmessage 4\nmessage 5"))
	wantWords(t, l, "3 4 5")
	l.Scroll(-1)
	wantWords(t, l, "2 3 4")
	l.Scroll(-2)
	wantWords(t, l, "0 1 2")
	l.Scroll(1)
	wantWords(t, l, "1 2 3")
	l.Size(60, 5)
	wantWords(t, l, "0 1 2 3")
}

func TestPending(t *testing.T) {
	t.Parallel()
	l := filled(2, 60, 6)
	mine := message(7, "message mine")
	mine.Mine, mine.State = true, Queued
	l.Hold(mine)
	l.Append(message(2, "message 2"))
	wantWords(t, l, "0 1 2 mine")
	if got := screen(l); !strings.Contains(got, "you  .. message mine") {
		t.Errorf("a queued message says so:\n%s", got)
	}
	confirmed := message(7, "message mine")
	confirmed.Mine = true
	l.Append(confirmed)
	l.Append(message(3, "message 3"))
	wantWords(t, l, "0 1 2 mine 3")
	if l.FindID(mine.ID) != confirmed || len(l.Held()) != 0 {
		t.Error("what is confirmed takes the place of what waited")
	}
	l.Forget(bus.RecordID{99})

	// It may be a page of history that brings it.
	l = New()
	l.SetLook(testLook())
	l.Size(60, 6)
	l.Hold(mine)
	l.Prepend([]*Entry{message(1, "message 1"), confirmed})
	wantWords(t, l, "1 mine")
	if l.FindID(mine.ID) != confirmed || len(l.Held()) != 0 {
		t.Error("what a page confirms takes the place of what waited")
	}
}

func TestPendingKeepsTheWindow(t *testing.T) {
	t.Parallel()
	l := filled(10, 60, 3)
	for n := range 2 {
		l.Hold(message(50+n, fmt.Sprint("message p", n)))
	}
	l.Scroll(-1)
	wantWords(t, l, "8 9 p0")
	l.Append(message(10, "message 10"))
	wantWords(t, l, "9 10 p0")
	l.Forget(message(50, "").ID)
	wantWords(t, l, "9 10 p1")
	l.Forget(message(51, "").ID)
	wantWords(t, l, "8 9 10")
}

func TestSelection(t *testing.T) {
	t.Parallel()
	l := filled(10, 60, 4)
	if !l.Select(-1) || l.Selected().Seq != 10 {
		t.Fatalf("begins at %+v, want the newest", l.Selected())
	}
	if got := screen(l); !strings.Contains(got, "12:00>     alice  message 9") {
		t.Errorf("the selection has a character:\n%s", got)
	}
	l.Select(-5)
	wantWords(t, l, "4 5 6 7")
	l.Select(+4)
	wantWords(t, l, "5 6 7 8")
	l.Select(-100)
	if l.Selected().Seq != 1 {
		t.Errorf("selected %d, want the oldest", l.Selected().Seq)
	}
	l.Select(+100)
	if l.Selected().Seq != 10 || !l.Following() {
		t.Errorf("selected %d, want the newest", l.Selected().Seq)
	}
	l.Unselect()
	if l.Selected() != nil || strings.Contains(screen(l), ">") {
		t.Error("nothing is selected any more")
	}
	if New().Select(-1) {
		t.Error("an empty list has nothing to select")
	}
}

// What is below the window goes too, be it older than what was there first or not;
// where the window is nothing goes.
func TestTrimBelow(t *testing.T) {
	t.Parallel()
	l := filled(10, 60, 1)
	l.Prepend([]*Entry{message(100, "message -3"), message(101, "message -2"), message(102, "message -1")})
	l.Top()
	if l.TrimBelow(l.Weight()) || !l.TrimBelow(l.Weight()-1) || l.Len() != 12 || l.Find(message(9, "").Ref) != nil {
		t.Errorf("%d left, want 12 without the newest", l.Len())
	}
	l.Open(true)
	wantWords(t, l, "-3")
	l.selectEntry(l.Find(message(101, "").Ref))
	if l.TrimBelow(0); l.Len() != 2 || l.Selected() == nil {
		t.Errorf("%d left, want those down to the window", l.Len())
	}
	wantWords(t, l, "-2")
	l.Append(message(103, "message 4"))
	l.Bottom()
	wantWords(t, l, "4")
	if low := l.first(); l.entry(low).Ref != message(100, "").Ref || l.Weight() != l.entry(low).weigh()+l.entry(low+1).weigh()+l.entry(low+2).weigh() {
		t.Errorf("weighs %d", l.Weight())
	}
}

// An entry weighs what it holds, also once it was changed.
func TestWeight(t *testing.T) {
	t.Parallel()
	l := filled(1, 60, 4)
	e := l.entry(0)
	before := l.Weight()
	e.Text += text.Safe(strings.Repeat("x", 64<<10))
	if l.Touch(e); l.Weight() != before+64<<10 {
		t.Errorf("weighs %d, want %d", l.Weight(), before+64<<10)
	}
	l.Hold(message(50, strings.Repeat("y", 1000)))
	if l.Touch(l.Held()[0]); l.Weight() != before+64<<10 {
		t.Error("what one wrote oneself and waits is not counted")
	}
	if l.Clear(); l.Weight() != 0 {
		t.Errorf("nothing weighs %d", l.Weight())
	}
}

func TestTrimAndClear(t *testing.T) {
	t.Parallel()
	l := filled(10, 60, 1)
	l.Prepend([]*Entry{message(100, "message -2"), message(101, "message -1")})
	if l.Trim(l.Weight()) || !l.Trim(l.Weight()-1) || l.Len() != 11 {
		t.Error("trims what is above the limit, and nothing else")
	}
	if l.Find(message(100, "").Ref) != nil || l.Find(message(101, "").Ref) == nil {
		t.Error("the oldest is forgotten, no other")
	}
	l.Top()
	if l.Trim(3 * 2 * entryWeight); l.Len() != 5 {
		t.Errorf("%d left, want 5", l.Len())
	}
	wantWords(t, l, "5")
	l.Bottom()
	wantWords(t, l, "9")
	l.Hold(message(50, "message p"))
	l.Clear()
	wantWords(t, l, "p")
	if low, high := l.Span(); low != 0 || high != 0 {
		t.Errorf("span %d to %d of nothing", low, high)
	}
}

func TestAnchor(t *testing.T) {
	t.Parallel()
	l := filled(10, 60, 4)
	if l.Anchor() != 0 {
		t.Error("who follows has no anchor")
	}
	l.Show(5)
	if wantWords(t, l, "1 2 3 4"); l.Anchor() != 5 {
		t.Errorf("anchor %d, want 5", l.Anchor())
	}
	if low, high := l.Span(); low != 1 || high != 10 {
		t.Errorf("span %d to %d, want 1 to 10", low, high)
	}
	if l.NearTop() != true {
		t.Error("five entries are less than two windows of four")
	}
}

func TestNewLineAndDays(t *testing.T) {
	t.Parallel()
	l := filled(3, 60, 9)
	next := message(3, "message 3")
	next.Time = next.Time.Add(24 * time.Hour)
	l.Append(next)
	mine := message(4, "message 4")
	mine.Time, mine.Mine = next.Time, true
	l.Append(mine)
	l.MarkNew(2)
	want := `
-- Sat 21 Nov 2026 -----------------------------------------
12:00      alice  message 0
12:00      alice  message 1
== 2 new ===================================================
12:00      alice  message 2
-- Sun 22 Nov 2026 -----------------------------------------
12:00      alice  message 3
12:00        you  message 4`
	if got := screen(l); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	l.MarkNew(0)
	if strings.Contains(screen(l), "new") {
		t.Error("the line can be taken away")
	}
}

// Changing an entry shows, whatever was remembered of it.
func TestTouch(t *testing.T) {
	t.Parallel()
	l := filled(3, 60, 4)
	_ = l.View()
	e := l.Find(message(1, "").Ref)
	e.Text, e.Edited = "message changed", true
	l.Touch(e)
	if got := screen(l); !strings.Contains(got, "message changed (edited)") {
		t.Errorf("got:\n%s", got)
	}
	e = &Entry{Notice: true, Words: "37 missed while offline, loading"}
	l.Append(e)
	if got := screen(l); !strings.Contains(got, "-- 37 missed while offline, loading ---") {
		t.Errorf("got:\n%s", got)
	}
	l.Remove(e)
	if got := screen(l); strings.Contains(got, "37") {
		t.Errorf("a filled gap is still shown:\n%s", got)
	}
}

// A window over thousands of random sizes, scrolls and changes always has its
// rows, each exactly as wide as the window.
func TestRowsAreExact(t *testing.T) {
	t.Parallel()
	for _, m := range []cells.Method{cells.Runes, cells.Graphemes} {
		l := everything(m)
		for w := 10; w <= 130; w += 7 {
			for h := 1; h <= 40; h += 3 {
				l.Size(w, h)
				for step, move := range []func(){func() {}, func() { l.Scroll(-5) }, func() { l.Page(-1) }, func() { l.Top() }, func() { l.Select(3) }, func() { l.Bottom() }} {
					move()
					rows := l.View()
					if len(rows) != h {
						t.Fatalf("%dx%d step %d: %d rows", w, h, step, len(rows))
					}
					for _, row := range rows {
						if got := m.Width(ansi.Strip(row)); got != w {
							t.Fatalf("%dx%d step %d: %q is %d cells wide", w, h, step, ansi.Strip(row), got)
						}
					}
				}
			}
		}
	}
}
