package timeline

// Selected is the entry that keys act on, nil where there is none.
func (l *List) Selected() *Entry { return l.selected }

// Unselect ends the selection and goes back to the end.
func (l *List) Unselect() {
	if l.selected != nil {
		l.pick(nil)
	}
}

// pick selects e and has both old and new drawn again.
func (l *List) pick(e *Entry) {
	for _, x := range []*Entry{l.selected, e} {
		if x != nil {
			l.Touch(x)
		}
	}
	l.selected = e
}

// Select moves the selection by so many messages, up where n is negative; it
// begins at the lowest one in the window. It reports whether there is one.
func (l *List) Select(n int) bool {
	pos, step := l.bottom()+1, -1
	if l.selected != nil {
		pos = l.position(l.selected)
	}
	if n > 0 {
		step = 1
	}
	left := max(n, -n)
	found := l.selected
	for pos += step; left > 0 && pos >= l.first() && pos <= l.last(); pos += step {
		if e := l.entry(pos); !e.Notice {
			found = e
			left--
		}
	}
	if found == nil {
		return false
	}
	l.selectEntry(found)
	return true
}

// selectEntry selects an entry of the list and scrolls to it.
func (l *List) selectEntry(e *Entry) {
	l.pick(e)
	l.reveal(l.position(e))
}

// reveal scrolls as little as shows the whole entry at a position.
func (l *List) reveal(pos int) {
	if pos >= l.bottom() {
		l.hang(pos, 0)
		return
	}
	rows := -l.skip
	if l.follow {
		rows = 0
	}
	for p := l.bottom(); p >= pos && rows < l.height; p-- {
		rows += l.height1(p)
		if p == pos && rows <= l.height {
			return
		}
	}
	l.above(pos, l.height)
}

// Center selects an entry of the list and puts it in the middle of the window.
func (l *List) Center(e *Entry) {
	l.pick(e)
	pos := l.position(e)
	l.above(pos, min(l.height, (l.height+l.height1(pos)+1)/2))
	l.fillUp()
}

// above hangs the window so that an entry begins so many rows above its lower end.
func (l *List) above(pos, want int) {
	rows := 0
	for p := pos; p <= l.last(); p++ {
		if rows += l.height1(p); rows >= want {
			l.hang(p, rows-want)
			return
		}
	}
	l.Bottom()
}
