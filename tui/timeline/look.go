package timeline

import (
	"time"

	"unibus/tui/cells"
	"unibus/tui/theme"
)

// Look is how entries are drawn.
type Look struct {
	Theme  theme.Theme
	Cells  cells.Method
	Zone   *time.Location // of the times that are shown
	Size   func(int64) string
	serial uint32
}

// Narrow is the width below which a name has a line of its own.
const Narrow = 50

// SetLook sets how entries are drawn; all are drawn anew.
func (l *List) SetLook(k Look) {
	k.serial = l.look.serial + 1
	l.look, l.changed = k, true
}

// day is the day of an entry as people count there.
func (l *List) day(pos int) (year, day int) {
	t := l.entry(pos).Time
	if t.IsZero() {
		return 0, 0
	}
	t = t.In(l.look.Zone)
	return t.Year(), t.YearDay()
}

// newDay reports whether a line with the date stands above a position: a
// message is the first of its day here.
func (l *List) newDay(pos int) bool {
	if e := l.entry(pos); e.held || e.Notice || e.Time.IsZero() {
		return false
	}
	y, d := l.day(pos)
	for p := pos - 1; p >= l.first() && p > pos-lookBack; p-- {
		if py, pd := l.day(p); py != 0 {
			return py != y || pd != d
		}
	}
	return true
}

// lookBack bounds how far back the day before is looked for: a sender's flood
// of what has no time must not make drawing slow.
const lookBack = 64

// leads is how many lines stand above an entry.
func (l *List) leads(pos int) (n int) {
	if l.newDay(pos) {
		n++
	}
	if l.news > 0 && pos == l.newAt {
		n++
	}
	return n
}

// lead is one of those lines, from above.
func (l *List) lead(pos, i int) string {
	if i == 0 && l.newDay(pos) {
		words := l.entry(pos).Time.In(l.look.Zone).Format("Mon 2 Jan 2006")
		return l.look.Theme.Dim.On(l.look.Cells.Rule(words, "-", l.width))
	}
	return l.look.Theme.Unread.On(l.look.Cells.Rule(count(l.news)+" new", "=", l.width))
}
