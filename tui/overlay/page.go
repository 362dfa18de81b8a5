package overlay

import (
	"strconv"

	"unibus/internal/text"
)

// Page is something to read, or a question.
type Page struct {
	Title text.Safe
	Hint  string // which keys do what
	Body  text.Safe
	Grave bool // a question or a warning
	top   int
	room  int // lines that were shown last
	lines int
}

// Scroll moves the page by lines.
func (p *Page) Scroll(n int) { p.top = max(0, min(p.top+n, p.lines-p.room)) }

// PageBy moves it by its height.
func (p *Page) PageBy(n int) { p.Scroll(n * max(p.room-1, 1)) }

// View draws the page: a title, the text, a hint.
func (p *Page) View(at Place) Panel {
	room := at.Height - 2
	if room < 1 {
		return Panel{Rows: []string{at.head(p.Title)}[:min(at.Height, 1)], X: -1}
	}
	lines := at.Cells.Wrap(string(p.Body), at.Width-3)
	p.lines, p.room = len(lines), min(room, len(lines))
	p.Scroll(0)
	title := string(p.Title)
	if left := len(lines) - p.top - p.room; left > 0 {
		title = at.Cells.Cut(title, max(at.Width-24, 10)) + " - " + strconv.Itoa(left) + " more: PgDn"
	}
	head := at.head(text.Safe(title))
	if p.Grave {
		head = at.Theme.Warn.On(at.Cells.Rule("! "+title, "-", at.Width))
	}
	out := []string{head}
	for _, line := range lines[p.top : p.top+p.room] {
		out = append(out, at.Cells.Fit("  "+line, at.Width))
	}
	return Panel{Rows: append(out, at.foot(p.Hint)), X: -1}
}
