package composer

import (
	"strings"

	"unibus/tui/cells"
	"unibus/tui/theme"
)

// prompt stands before the first row, as many blanks before the others.
const prompt = "> "

// span is one row of the box: the runes from, up to, and the cells they take.
type span struct{ from, to int }

// Rows is how many rows the draft takes in so many cells.
func (b *Box) Rows(m cells.Method, width int) int {
	b.wrap(m, width)
	return len(b.rows)
}

// wrap cuts the draft into rows. Every rune but line breaks is in exactly one,
// and one cell is left free for the cursor.
func (b *Box) wrap(m cells.Method, width int) {
	if !b.stale && b.width == width && b.rows != nil {
		return
	}
	b.stale, b.width, b.rows = false, width, b.rows[:0]
	room := max(width-len(prompt)-1, 2)
	from := 0
	for i := 0; i <= len(b.text); i++ {
		if i == len(b.text) || b.text[i] == '\n' {
			b.wrapLine(m, from, i, room)
			from = i + 1
		}
	}
}

func (b *Box) wrapLine(m cells.Method, from, to, room int) {
	for {
		n := b.fits(m, from, to, room)
		if n == to {
			b.rows = append(b.rows, span{from, to})
			return
		}
		for i := n; i > from+1; i-- {
			if b.text[i-1] == ' ' {
				n = i
				break
			}
		}
		b.rows = append(b.rows, span{from, n})
		from = n
	}
}

// fits is up to where the runes from on go into a row; at least one does. Runes
// that are joined take less, never more.
func (b *Box) fits(m cells.Method, from, to, room int) int {
	for i := from; i < to; i++ {
		if room -= runeWidth(m, b.text[i]); room < 0 && i > from {
			return i
		}
	}
	return to
}

func runeWidth(m cells.Method, r rune) int {
	if r == '\t' {
		return 1
	}
	return m.Width(string(r))
}

// row is where the cursor is: the row and the cells before it.
func (b *Box) row(m cells.Method) (row, column int) {
	for i, s := range b.rows {
		last := i == len(b.rows)-1
		if b.at >= s.from && (b.at < s.to || b.at == s.to && (last || b.rows[i+1].from != s.to)) {
			return i, b.measure(m, s.from, b.at)
		}
	}
	return 0, 0
}

func (b *Box) measure(m cells.Method, from, to int) int {
	return m.Width(strings.ReplaceAll(string(b.text[from:to]), "\t", " "))
}

// vertical moves the cursor by a row of the screen.
func (b *Box) vertical(op Op) bool {
	m := cells.Runes
	b.wrap(m, max(b.width, 20))
	row, column := b.row(m)
	if b.goal < 0 {
		b.goal = column
	}
	step := 1
	if op == Up {
		step = -1
	}
	if row+step < 0 || row+step >= len(b.rows) {
		return false
	}
	s := b.rows[row+step]
	at := b.fits(m, s.from, s.to, b.goal)
	if b.goal == 0 {
		at = s.from
	}
	if at == s.to && row+step+1 < len(b.rows) && b.rows[row+step+1].from == s.to && at > s.from {
		at--
	}
	b.at = at
	return true
}

// View draws the box in its rows and says where the cursor is. More rows than
// fit scroll with the cursor.
func (b *Box) View(m cells.Method, th theme.Theme, width, height int, hint string) (rows []string, x, y int) {
	b.wrap(m, width)
	row, column := b.row(m)
	top := max(0, min(row-height/2, len(b.rows)-height))
	for i := top; i < top+height; i++ {
		left := cells.Blank(len(prompt))
		if i == 0 {
			left = th.Accent.On(prompt)
		}
		rows = append(rows, left+b.line(m, th, i, width-len(prompt), hint))
	}
	return rows, min(len(prompt)+column, width-1), row - top
}

func (b *Box) line(m cells.Method, th theme.Theme, i, width int, hint string) string {
	if b.Empty() && i == 0 {
		return th.Dim.On(m.Fit(hint, width))
	}
	if i >= len(b.rows) {
		return cells.Blank(width)
	}
	words := []rune(string(b.text[b.rows[i].from:b.rows[i].to]))
	for j, r := range words {
		if r == '\t' {
			words[j] = ' '
		}
	}
	return m.Fit(string(words), width)
}
