package timeline

// Size sets the window, in cells and rows.
func (l *List) Size(width, height int) {
	if width != l.width || height != l.height {
		l.width, l.height, l.changed = width, height, true
	}
}

// Following reports whether the window hangs at the end.
func (l *List) Following() bool { return l.follow }

// Open says whether there is more below that is not here. While there is, the
// window follows nothing.
func (l *List) Open(more bool) {
	if l.open = more; more && l.follow {
		l.hang(l.last(), 0)
	}
}

// Below is how many entries are below the window.
func (l *List) Below() int {
	if l.follow {
		return 0
	}
	return l.last() - l.at
}

// NearTop reports whether less than two windows of entries are left above:
// time to load older ones.
func (l *List) NearTop() bool { return l.bottom()-l.first() < 2*max(l.height, 1) }

// bottom is the position of the entry at the window's lower end.
func (l *List) bottom() int {
	if l.follow {
		return l.last()
	}
	return l.at
}

// Anchor is the sequence of the message at the window's lower end; 0 while the
// window follows the end.
func (l *List) Anchor() uint64 {
	if l.follow {
		return 0
	}
	for pos := min(l.at, l.end()-1); pos >= l.first(); pos-- {
		if seq := l.entry(pos).Seq; seq != 0 {
			return seq
		}
	}
	return 0
}

// Show puts the window's lower end at the message of a sequence, or at the
// newest one before it.
func (l *List) Show(seq uint64) {
	for pos := l.end() - 1; pos >= l.first(); pos-- {
		if e := l.entry(pos); e.Seq != 0 && e.Seq <= seq {
			l.hang(pos, 0)
			return
		}
	}
}

// hang puts so many lines of an entry below the window.
func (l *List) hang(pos, skip int) {
	l.at, l.skip, l.changed = pos, skip, true
	l.follow = pos >= l.last() && skip == 0 && !l.open
}

// Bottom goes to the end and follows it.
func (l *List) Bottom() { l.hang(l.last(), 0) }

// Top goes to the oldest entry.
func (l *List) Top() {
	if l.Len() > 0 {
		l.hang(l.first(), 0)
		l.fillUp()
	}
}

// Scroll moves the window by lines, up where n is negative.
func (l *List) Scroll(n int) {
	if l.Len() == 0 {
		return
	}
	pos, skip := l.bottom(), 0
	if !l.follow {
		skip = min(l.skip, l.height1(pos)-1)
	}
	skip -= n
	for skip < 0 && pos < l.last() {
		pos++
		skip += l.height1(pos)
	}
	for pos > l.first() && skip >= l.height1(pos) {
		skip -= l.height1(pos)
		pos--
	}
	l.hang(pos, max(min(skip, l.height1(pos)-1), 0))
	if n < 0 {
		l.fillUp()
	}
}

// Page moves the window by its height less two lines, which stay to be found
// again; up where n is negative.
func (l *List) Page(n int) { l.Scroll(n * max(l.height-2, 1)) }

// fillUp moves the window down as far as it would show nothing on top.
func (l *List) fillUp() {
	rows := -l.skip
	for pos := l.at; pos >= l.first() && rows < l.height; pos-- {
		rows += l.height1(pos)
	}
	if rows < l.height {
		l.Scroll(l.height - rows)
	}
}

// height1 is how many lines the entry at a position takes; 0 for what was
// removed.
func (l *List) height1(pos int) int { return l.leads(pos) + len(l.body(pos)) }

// View returns the rows of the window, blank on top where there are too few.
// They stay valid until the next call of any method.
func (l *List) View() []string {
	if !l.changed {
		return l.rows
	}
	l.changed = false
	if cap(l.rows) < l.height {
		l.rows = make([]string, l.height)
	}
	l.rows = l.rows[:max(l.height, 0)]
	free := len(l.rows)
	skip := 0
	if !l.follow {
		skip = l.skip
	}
	for pos := l.bottom(); pos >= l.first() && free > 0; pos-- {
		free = l.draw(pos, skip, free)
		skip = 0
	}
	for i := range free {
		l.rows[i] = l.look.Cells.Fit("", l.width)
	}
	return l.rows
}

// draw puts the lines of an entry above row free, less the lowest skip ones.
func (l *List) draw(pos, skip, free int) int {
	body, leads := l.body(pos), l.leads(pos)
	for i := leads + len(body) - 1 - skip; i >= 0 && free > 0; i-- {
		free--
		if i >= leads {
			l.rows[free] = body[i-leads]
		} else {
			l.rows[free] = l.lead(pos, i)
		}
	}
	return free
}
