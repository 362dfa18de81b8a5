package timeline

import "slices"

// How much of a room is in memory. Others write as much as they like, each message of
// 64 KiB: entries count by what they weigh.

// Weight is about how much memory the confirmed entries take, in bytes.
func (l *List) Weight() int { return l.weight }

// count weighs an entry that is confirmed, anew where it was changed.
func (l *List) count(e *Entry) {
	l.weight -= e.weight
	e.weight = e.weigh()
	l.weight += e.weight
}

// Trim forgets the oldest entries until the others weigh no more than most. Whoever
// does so can load them again.
func (l *List) Trim(most int) (trimmed bool) {
	n, left := 0, l.weight
	for pos := l.first(); pos < l.end() && left > most; pos++ {
		left -= l.entry(pos).weight
		n++
	}
	if n == 0 {
		return false
	}
	l.forget(l.first(), l.first()+n)
	old := min(n, len(l.old))
	l.old = slices.Clone(l.old[:len(l.old)-old])
	l.new = slices.Clone(l.new[n-old:])
	l.start += n - old
	if !l.follow && l.at < l.first() {
		l.at, l.skip = l.first(), 0
	}
	return true
}

// TrimBelow forgets the newest entries below the window until the others weigh no more
// than most. Nothing is followed then: whoever does so calls Open.
func (l *List) TrimBelow(most int) (trimmed bool) {
	n, left := 0, l.weight
	for pos := l.end() - 1; pos > l.bottom() && left > most; pos-- {
		left -= l.entry(pos).weight
		n++
	}
	if n == 0 {
		return false
	}
	l.forget(l.end()-n, l.end())
	recent := min(n, len(l.new))
	l.new = slices.Clone(l.new[:len(l.new)-recent])
	l.old = slices.Clone(l.old[n-recent:])
	l.start -= n - recent
	if l.newAt >= l.end() {
		l.news = 0
	}
	return true
}

// forget drops what stands from one position up to another one.
func (l *List) forget(from, to int) {
	for pos := from; pos < to; pos++ {
		e := l.entry(pos)
		l.drop(e)
		l.weight -= e.weight
		if l.selected == e {
			l.selected = nil
		}
	}
}
