package timeline

import (
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/text"
	"unibus/tui/cells"
)

// everything is a list with an entry of each kind and state.
func everything(m cells.Method) *List {
	l := New()
	k := testLook()
	k.Cells = m
	l.SetLook(k)
	add := func(change func(*Entry)) {
		e := message(l.Len(), "the staging cluster is green again, all three nodes enforce")
		change(e)
		if e.State != Sent {
			l.Hold(e)
			return
		}
		l.Append(e)
	}
	add(func(e *Entry) {
		e.Reactions = []Reaction{{"+1", []text.Safe{"bob", "carol", "erin"}}, {"tada", []text.Safe{"bob"}}}
	})
	add(func(e *Entry) {
		e.From, e.Quote, e.Text, e.Edited = "bob", "alice: the staging cluster is green again, all three", "shall I take node-3 down?", true
	})
	add(func(e *Entry) { e.Notice, e.Words = true, "key 7: alice made a new room key; dave removed" })
	add(func(e *Entry) {
		e.From, e.Trust, e.Text = "erin", bus.TrustUnverified, "hi, I was invited this morning"
	})
	add(func(e *Entry) { e.From, e.Fault = "carol", "cannot decrypt: no key for epoch 6" })
	add(func(e *Entry) { e.From, e.File = "carol", &File{Name: "report.pdf", Size: 1200} })
	add(func(e *Entry) {
		e.From, e.File = "carol", &File{Name: "site.tar", Size: 1200}
		e.Progress = &Progress{Done: 612, Total: 1200, Rate: 300, Left: 2 * time.Second}
	})
	add(func(e *Entry) {
		e.From, e.Trust, e.Fault, e.Grave = "mallory", bus.TrustChanged, "key changed: hidden until you compare", true
	})
	add(func(e *Entry) {
		e.From, e.Fault, e.Grave = "mallory", "!! the signature does not match: not shown", true
	})
	add(func(e *Entry) {
		e.Mention, e.Text = "@you", "@you can you check the rekey of #ops before the deploy? 日本語 👍🏽"
	})
	add(func(e *Entry) { e.From = "alexander-the-great" })
	add(func(e *Entry) { e.Deleted = true })
	add(func(e *Entry) { e.Late, e.Text = true, "from before the key changed" })
	add(func(e *Entry) { e.Mine, e.State, e.Text = true, Queued, "yes, after the backup ran" })
	add(func(e *Entry) {
		e.Mine, e.State, e.Text, e.Why = true, Failed, "looks good", "the node has no space left for messages"
	})
	return l
}

func TestRender(t *testing.T) {
	t.Parallel()
	l := everything(cells.Runes)
	l.Size(60, 29)
	l.MarkNew(9)
	want := `
-- Sat 21 Nov 2026 -----------------------------------------
12:00      alice  the staging cluster is green again, all
                  three nodes enforce
                 *[+1 3] [tada 1]
12:00        bob *| alice: the staging cluster is green aga~
                  shall I take node-3 down? (edited)
-- key 7: alice made a new room key; dave removed ----------
12:00 ?     erin  hi, I was invited this morning
12:00      carol *[cannot decrypt: no key for epoch 6]
12:00      carol *[file] report.pdf 1200 B  o: save
12:00      carol *[file] site.tar 1200 B
                 *[##########..........] 51 %  300 B/s  2s
12:00 !  mallory *[key changed: hidden until you compare]
12:00 !  mallory *[!! the signature does not match: not
                 *shown]
== 4 new ===================================================
12:00      alice  @you can you check the rekey of #ops
                  before the deploy? 日本語 👍🏽
12:00   alexander-the-great
                  the staging cluster is green again, all
                  three nodes enforce
12:00      alice *(deleted)
12:00      alice  from before the key changed (late)
12:00        you  .. yes, after the backup ran
12:00        you  x looks good
                 *[not sent: the node has no space left for
                 *messages (/retry, /drop)]`
	if got := screen(l); strings.TrimLeft(got, "\n") != want[1:] {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestRenderNarrow(t *testing.T) {
	t.Parallel()
	l := New()
	l.SetLook(testLook())
	l.Size(30, 7)
	l.Append(message(0, "the staging cluster is green again"))
	l.Append(&Entry{Time: noon, From: "carol", Trust: bus.TrustUnverified, File: &File{Name: "report.pdf", Size: 12}})
	want := `
-- Sat 21 Nov 2026 -----------
12:00   alice
  the staging cluster is green
  again
12:00 ? carol
 *[file] report.pdf 12 B
`
	if got := "\n" + strings.TrimLeft(screen(l), "\n") + "\n"; got != want {
		t.Errorf("got:%swant:%s", got, want)
	}
}

// What a person writes never stands where the screen speaks: not in the first
// columns, and not behind the mark of the screen's own words.
func TestWordsKeepToTheirColumn(t *testing.T) {
	t.Parallel()
	for _, width := range []int{40, 80} {
		l := New()
		l.SetLook(testLook())
		l.Size(width, 200)
		forged := "\n== 9 new =====\n-- bob was removed --\n14:03      alice  send me the key\n*[file] a.pdf\n[cannot decrypt]\n" + strings.Repeat(" ", width-18) + "14:03 bob"
		l.Append(message(0, forged))
		column := textColumn
		if width < Narrow {
			column = narrowText
		}
		for i, row := range strings.Split(strings.TrimLeft(screen(l), "\n"), "\n") {
			if i < 2 || len(row) <= column {
				continue
			}
			if strings.TrimSpace(row[:column]) != "" {
				t.Errorf("width %d: %q reaches where only the screen writes", width, row)
			}
		}
	}
}

func TestFloodOfLines(t *testing.T) {
	t.Parallel()
	l := New()
	l.SetLook(testLook())
	l.Size(60, 3)
	l.Append(message(0, strings.Repeat("a\n", 5000)))
	if got := screen(l); !strings.Contains(got, "*... 4 601 more lines: Enter shows all") {
		t.Errorf("got:\n%s", got)
	}
	l.Append(message(1, strings.Repeat("日", 100_000)))
	if got := len(l.body(1)); got > maxLines+1 {
		t.Errorf("one message takes %d lines", got)
	}
}
