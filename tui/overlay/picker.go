package overlay

import (
	"fmt"
	"slices"
	"strings"

	"unibus/internal/text"
	"unibus/tui/cells"
)

// Item is a line to pick.
type Item struct {
	Label  text.Safe
	Detail text.Safe // at the right end, or behind the label
	Head   bool      // a heading: it cannot be picked
	Value  any
}

// Picker is a list with a line to type in. What is typed filters the list,
// unless the list is what somebody else found for it.
type Picker struct {
	Title  text.Safe
	Hint   string
	Empty  string // said where the list is empty
	Found  bool   // the items are found by what was typed: do not filter
	Query  []rune
	all    []Item
	shown  []Item
	picked int
	top    int
}

// maxQuery bounds what is typed: paths are long.
const maxQuery = 1000

// NewPicker returns a picker of items, in their order.
func NewPicker(title text.Safe, hint string, items []Item) *Picker {
	p := &Picker{Title: title, Hint: hint}
	p.Set(items)
	return p
}

// Set replaces the items.
func (p *Picker) Set(items []Item) {
	p.all = items
	p.filter()
}

// Type adds to what was typed, cleaned.
func (p *Picker) Type(s string) {
	p.Query = append(p.Query, []rune(string(text.Line(s)))...)
	if len(p.Query) > maxQuery {
		p.Query = p.Query[:maxQuery]
	}
	p.filter()
}

// Back takes the last character of what was typed away. False: there was none.
func (p *Picker) Back() bool {
	if len(p.Query) == 0 {
		return false
	}
	p.Query = p.Query[:len(p.Query)-1]
	p.filter()
	return true
}

// Erase takes all away that was typed.
func (p *Picker) Erase() {
	p.Query = nil
	p.filter()
}

// filter keeps the items that match what was typed, the best first; headings
// stay where nothing was typed.
func (p *Picker) filter() {
	p.picked, p.top = 0, 0
	if len(p.Query) == 0 || p.Found {
		p.shown = p.all
		p.Move(0)
		return
	}
	type hit struct {
		item  Item
		score int
	}
	var hits []hit
	for _, item := range p.all {
		if score := item.score(string(p.Query)); score > 0 && !item.Head {
			hits = append(hits, hit{item, score})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return b.score - a.score })
	p.shown = make([]Item, len(hits))
	for i, h := range hits {
		p.shown[i] = h.item
	}
}

// Move moves the choice by so many items, over headings.
func (p *Picker) Move(n int) {
	step := 1
	if n < 0 {
		step = -1
	}
	to := min(max(p.picked+n, 0), max(len(p.shown)-1, 0))
	for i := to; i >= 0 && i < len(p.shown); i += step {
		if !p.shown[i].Head {
			p.picked = i
			return
		}
	}
}

// Items are those that match what was typed.
func (p *Picker) Items() []Item { return p.shown }

// Picked is the item that is chosen.
func (p *Picker) Picked() (Item, bool) {
	if p.picked >= len(p.shown) || p.shown[p.picked].Head {
		return Item{}, false
	}
	return p.shown[p.picked], true
}

// View draws the picker: a title, what was typed, the items, a hint.
func (p *Picker) View(at Place) Panel {
	rows := at.Height - 3
	if rows < 1 {
		return Panel{Rows: []string{at.head(p.Title)}[:min(at.Height, 1)], X: -1}
	}
	rows = min(rows, max(len(p.shown), 1))
	p.top = min(max(p.top, p.picked-rows+1), p.picked)
	p.top = max(0, min(p.top, len(p.shown)-rows))
	query := at.Cells.Cut(string(p.Query), at.Width-4)
	out := []string{at.head(p.Title), at.Theme.Accent.On("? ") + at.Cells.Fit(query, at.Width-2)}
	for i := p.top; i < p.top+rows; i++ {
		out = append(out, p.line(at, i))
	}
	hint := p.Hint
	if len(p.shown) > rows {
		hint = fmt.Sprintf("%d of %d  ", p.picked+1, len(p.shown)) + hint
	}
	return Panel{Rows: append(out, at.foot(hint)), X: 2 + at.Cells.Width(query), Y: 1}
}

func (p *Picker) line(at Place, i int) string {
	if i >= len(p.shown) {
		return at.Theme.Dim.On(at.Cells.Fit("  "+p.Empty, at.Width))
	}
	item := p.shown[i]
	if item.Head {
		return at.Theme.Dim.On(at.Cells.Fit(string(item.Label), at.Width))
	}
	arrow := "  "
	if i == p.picked {
		arrow = "> "
	}
	detail := at.Cells.Cut(string(item.Detail), at.Width)
	if room := at.Width - 4 - at.Cells.Width(string(item.Label)); at.Cells.Width(detail) > room {
		detail = at.Cells.Cut(detail, max(room, at.Width/3))
	}
	left := at.Cells.Fit(arrow+string(item.Label), at.Width-1-at.Cells.Width(detail))
	if i == p.picked {
		return at.Theme.Selected.On(left + detail + " ")
	}
	return left + at.Theme.Dim.On(detail) + cells.Blank(1)
}

// score counts the label; the detail only where it holds what was typed.
func (i Item) score(query string) int {
	if s := score(query, string(i.Label)); s > 0 {
		return s + 1
	}
	if strings.Contains(strings.ToLower(string(i.Detail)), strings.ToLower(query)) {
		return 1
	}
	return 0
}

// score is how well a text matches what was typed: 0 not at all. Every
// character must be there in order; those that follow each other and those
// that begin a word count more.
func score(query, in string) (score int) {
	in = strings.ToLower(in)
	from, last := 0, -2
	for _, r := range strings.ToLower(query) {
		i := strings.IndexRune(in[from:], r)
		if i < 0 {
			return 0
		}
		i += from
		score++
		if i == last+1 {
			score += 3
		}
		if i == 0 || strings.ContainsRune(" #@/-_.+", rune(in[i-1])) {
			score += 2
		}
		last, from = i, i+len(string(r))
	}
	return score
}
