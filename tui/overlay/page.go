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
	Asks  bool // there is a line to type an answer in
	Typed []rune
	top   int
	room  int // lines that were shown last
	lines int
}

// Scroll moves the page by lines.
func (p *Page) Scroll(n int) { p.top = max(0, min(p.top+n, p.lines-p.room)) }

// PageBy moves it by its height.
func (p *Page) PageBy(n int) { p.Scroll(n * max(p.room-1, 1)) }

// maxAnswer bounds what is typed: a number of 60 digits and its spaces have place.
const maxAnswer = 200

// Type adds to what was typed, cleaned.
func (p *Page) Type(s string) {
	p.Typed = append(p.Typed, []rune(string(text.Line(s)))...)
	p.Typed = p.Typed[:min(len(p.Typed), maxAnswer)]
}

// Back takes the last character of what was typed away.
func (p *Page) Back() { p.Typed = p.Typed[:max(len(p.Typed)-1, 0)] }

// View draws the page: a title, the text, the line to type in where there is one, a
// hint.
func (p *Page) View(at Place) Panel {
	room := at.Height - 2
	if p.Asks {
		room--
	}
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
	x, y := -1, 0
	if p.Asks {
		typed := at.tail(string(p.Typed), at.Width-4)
		x, y = 2+at.Cells.Width(typed), len(out)
		out = append(out, at.Theme.Accent.On("? ")+at.Cells.Fit(typed, at.Width-2))
	}
	return Panel{Rows: append(out, at.foot(p.Hint)), X: x, Y: y}
}

// tail is the end of what was typed, as much of it as fits.
func (p Place) tail(s string, width int) string {
	r := []rune(s)
	for len(r) > 0 && p.Cells.Width(string(r)) > width {
		r = r[1:]
	}
	return string(r)
}
