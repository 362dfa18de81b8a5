package overlay

import (
	"fmt"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"unibus/internal/text"
	"unibus/tui/theme"
)

func place(w, h int) Place {
	mono, _ := theme.ByName("mono")
	return Place{Theme: mono, Width: w, Height: h}
}

func draw(p Panel) string {
	var out []string
	for _, row := range p.Rows {
		out = append(out, strings.TrimRight(ansi.Strip(row), " "))
	}
	return strings.Join(out, "\n")
}

func TestPicker(t *testing.T) {
	t.Parallel()
	p := NewPicker("Jump to", "Enter goes there", []Item{{Label: "ROOMS", Head: true}, {Label: "#ops", Detail: "3 unread"}, {Label: "#general"}, {Label: "@alice"}})
	want := `-- Jump to ------------------
?
ROOMS
> #ops              3 unread
  #general
  @alice
 Enter goes there`
	if got := draw(p.View(place(29, 20))); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	p.Move(-5)
	if item, _ := p.Picked(); item.Label != "#ops" {
		t.Errorf("picked %q, want the first that is no heading", item.Label)
	}
	p.Move(2)
	if item, _ := p.Picked(); item.Label != "@alice" {
		t.Errorf("picked %q", item.Label)
	}
	p.Type("ge")
	if item, _ := p.Picked(); item.Label != "#general" || len(p.shown) != 1 {
		t.Errorf("typed ge: %q of %d", item.Label, len(p.shown))
	}
	p.Type("zz")
	if _, ok := p.Picked(); ok {
		t.Error("nothing matches")
	}
	if p.Back(); len(p.Query) != 3 {
		t.Error("back takes one character")
	}
	if p.Erase(); len(p.shown) != 4 || p.Back() {
		t.Error("all are shown again")
	}
}

func TestPickerScrolls(t *testing.T) {
	t.Parallel()
	var items []Item
	for i := range 100 {
		items = append(items, Item{Label: text.Safe(fmt.Sprint("item ", i, "."))})
	}
	p := NewPicker("t", "", items)
	for range 60 {
		p.Move(1)
	}
	if got := draw(p.View(place(40, 10))); !strings.Contains(got, "> item 60.") || !strings.Contains(got, "61 of 100") {
		t.Errorf("got\n%s", got)
	}
}

func TestScore(t *testing.T) {
	t.Parallel()
	if score("xyz", "abc") != 0 || score("cba", "abc") != 0 {
		t.Error("every character must be there, in order")
	}
	for _, tt := range []struct{ query, better, worse string }{
		{"ops", "#ops", "#oil-pumps-south"}, {"inc", "incident", "main-chat"}, {"g", "#general", "#ping"},
	} {
		if score(tt.query, tt.better) <= score(tt.query, tt.worse) {
			t.Errorf("%q: %q must be better than %q", tt.query, tt.better, tt.worse)
		}
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	p := &Page{Title: "Compare", Hint: "y same  n different", Body: text.Safe(strings.Repeat("one two\n", 20)), Grave: true}
	got := draw(p.View(place(30, 6)))
	if !strings.HasPrefix(got, "-- ! Compare") || !strings.Contains(got, "17 more: PgDn") || strings.Count(got, "\n") != 5 {
		t.Errorf("got\n%s", got)
	}
	p.PageBy(100)
	if got := draw(p.View(place(30, 6))); strings.Contains(got, "more: PgDn") {
		t.Errorf("got\n%s", got)
	}
	p.Scroll(-1000)
}

// On every place a panel keeps to it.
func TestPanelsFit(t *testing.T) {
	t.Parallel()
	var items []Item
	for i := range 30 {
		items = append(items, Item{Label: text.Safe(strings.Repeat("日本", i)), Detail: text.Safe(strings.Repeat("d", i))})
	}
	for w := 10; w < 100; w += 3 {
		for h := range 30 {
			at := place(w, h)
			p := NewPicker("日本", "a long hint that does not fit everywhere", items)
			p.Type("日")
			page := &Page{Title: "title", Body: text.Safe(strings.Repeat("words 日本 ", 50)), Hint: "hint"}
			empty := NewPicker("e", "", nil)
			for _, panel := range []Panel{p.View(at), page.View(at), empty.View(at)} {
				if len(panel.Rows) > h || panel.X >= w {
					t.Fatalf("%dx%d: %d rows, cursor at %d", w, h, len(panel.Rows), panel.X)
				}
				for _, row := range panel.Rows {
					if got := at.Cells.Width(ansi.Strip(row)); got != w {
						t.Fatalf("%dx%d: %q is %d cells wide", w, h, row, got)
					}
				}
			}
		}
	}
}
