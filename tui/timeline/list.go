package timeline

import (
	"slices"

	"unibus/internal/bus"
	"unibus/internal/text"
)

// List is the entries of a room, oldest first, and what of them is seen. What
// one wrote and nobody confirmed yet stands below all others.
//
// Positions never change when older entries come or go: the first entry that
// was appended is 0, older ones are negative.
type List struct {
	old    []*Entry // positions start-1, start-2, ...
	new    []*Entry // positions start, start+1, ...
	start  int
	weight int      // of all confirmed entries
	held   []*Entry // positions end(), end()+1, ...
	byRef  map[bus.RecordRef]*Entry
	byID   map[bus.RecordID]*Entry
	about  map[bus.RecordRef]map[*Entry]bool // what answers a message

	look   Look
	width  int
	height int

	at     int // position of the bottom entry, when not following
	skip   int // lines of it that are below the window
	follow bool
	open   bool // there is more below that is not here: nothing to follow

	selected *Entry
	newAt    int // the line "new" stands above this position
	news     int // how many are new; 0: no such line

	cache   cache
	rows    []string // of the last View
	changed bool
}

// New returns an empty list that follows its end.
func New() *List {
	return &List{byRef: map[bus.RecordRef]*Entry{}, byID: map[bus.RecordID]*Entry{}, about: map[bus.RecordRef]map[*Entry]bool{}, follow: true, changed: true, cache: newCache()}
}

// first and end are the position of the oldest confirmed entry and that after
// the newest one; last is that of the lowest entry of all.
func (l *List) first() int { return l.start - len(l.old) }
func (l *List) end() int   { return l.start + len(l.new) }
func (l *List) last() int  { return l.end() + len(l.held) - 1 }

// Len is how many entries there are, pending ones too.
func (l *List) Len() int { return l.last() + 1 - l.first() }

func (l *List) entry(pos int) *Entry {
	switch {
	case pos < l.start:
		return l.old[l.start-1-pos]
	case pos < l.end():
		return l.new[pos-l.start]
	}
	return l.held[pos-l.end()]
}

// position is where e stands.
func (l *List) position(e *Entry) int {
	if e.held {
		return l.end() + slices.Index(l.held, e)
	}
	return e.pos
}

// Append adds the newest entry. What was pending under the ID of one's own is gone.
func (l *List) Append(e *Entry) {
	l.confirm(e)
	e.pos = l.end()
	if !l.follow && l.at >= l.end() {
		l.at++
	}
	l.new = append(l.new, e)
	l.count(e)
	if l.news > 0 && !e.Notice && !e.Mine {
		l.news++
	}
	l.index(e)
}

// Prepend adds older entries, oldest first, above all others. What was pending
// under the ID of one's own is gone.
func (l *List) Prepend(entries []*Entry) {
	for _, e := range slices.Backward(entries) {
		l.confirm(e)
		e.pos = l.first() - 1
		l.old = append(l.old, e)
		l.count(e)
		l.index(e)
	}
}

// Hold adds an entry of one's own that nobody has confirmed.
func (l *List) Hold(e *Entry) {
	e.held = true
	l.held = append(l.held, e)
	l.index(e)
}

// confirm removes what was pending and is e by now. Others choose ids as they like.
func (l *List) confirm(e *Entry) {
	if e.Mine {
		l.Forget(e.ID)
	}
}

// Forget removes what is pending under an ID.
func (l *List) Forget(id bus.RecordID) {
	i := slices.IndexFunc(l.held, func(e *Entry) bool { return e.ID == id })
	if i < 0 {
		return
	}
	if l.selected == l.held[i] {
		l.selected = nil
	}
	l.drop(l.held[i])
	if !l.follow && l.at > l.end()+i {
		l.at--
	}
	l.held = slices.Delete(l.held, i, i+1)
	l.settle()
}

// settle mends a window that hung below the last entry.
func (l *List) settle() {
	if l.at > l.last() {
		l.Bottom()
	}
}

// Remove takes a confirmed notice out again, as that of a gap which was filled.
func (l *List) Remove(e *Entry) {
	e.Words, e.Notice = "", true
	l.Touch(e)
}

// Clear forgets everything that is confirmed; what is pending stays.
func (l *List) Clear() {
	held := l.held
	look, w, h := l.look, l.width, l.height
	*l = *New()
	l.look, l.width, l.height = look, w, h
	for _, e := range held {
		l.Hold(e)
	}
}

func (l *List) index(e *Entry) {
	l.changed = true
	if e.Ref != (bus.RecordRef{}) {
		l.byRef[e.Ref] = e
	}
	if held := l.byID[e.ID]; e.ID != (bus.RecordID{}) && (held == nil || e.Mine || !held.Mine) {
		l.byID[e.ID] = e
	}
	if e.About != nil {
		if l.about[*e.About] == nil {
			l.about[*e.About] = map[*Entry]bool{}
		}
		l.about[*e.About][e] = true
	}
}

func (l *List) drop(e *Entry) {
	l.changed = true
	if l.byRef[e.Ref] == e {
		delete(l.byRef, e.Ref)
	}
	if l.byID[e.ID] == e {
		delete(l.byID, e.ID)
	}
	if e.About != nil {
		if delete(l.about[*e.About], e); len(l.about[*e.About]) == 0 {
			delete(l.about, *e.About)
		}
	}
}

// Touch says that e was changed.
func (l *List) Touch(e *Entry) {
	e.rev++
	l.changed = true
	if !e.held {
		l.count(e)
	}
}

// Trust says how far a sender whose words are shown is known now.
func (l *List) Trust(from text.Safe, now bus.Trust) {
	for pos := l.first(); pos < l.end(); pos++ {
		if e := l.entry(pos); e.From == from && !e.Mine && e.Fault == "" && e.Trust != now {
			e.Trust = now
			l.Touch(e)
		}
	}
}

// Find returns the entry that a reference names, nil where it is not here.
func (l *List) Find(ref bus.RecordRef) *Entry { return l.byRef[ref] }

// Quote gives everything that answers a message the quote of it as it is now.
func (l *List) Quote(ref bus.RecordRef, now func(ref bus.RecordRef) text.Safe) {
	if l.about[ref] == nil {
		return
	}
	quote := now(ref)
	for e := range l.about[ref] {
		if e.Quote != quote && !e.Deleted {
			e.Quote = quote
			l.Touch(e)
		}
	}
}

// FindID returns the entry of a record, nil where it is not here. Of several under
// one id it is one's own, else one of them.
func (l *List) FindID(id bus.RecordID) *Entry { return l.byID[id] }

// Held are the entries that nobody has confirmed, oldest first.
func (l *List) Held() []*Entry { return l.held }

// Span is the lowest and highest sequence of the confirmed messages here.
func (l *List) Span() (lowest, highest uint64) {
	for pos := l.first(); pos < l.end() && lowest == 0; pos++ {
		lowest = l.entry(pos).Seq
	}
	for pos := l.end() - 1; pos >= l.first() && highest == 0; pos-- {
		highest = l.entry(pos).Seq
	}
	return lowest, highest
}

// MarkNew puts the line "n new" above the n newest confirmed entries that came
// after a sequence; 0 takes it away.
func (l *List) MarkNew(after uint64) {
	l.news, l.changed = 0, true
	if after == 0 {
		return
	}
	for pos := l.end() - 1; pos >= l.first(); pos-- {
		e := l.entry(pos)
		switch {
		case e.Seq != 0 && e.Seq <= after:
			return
		case e.Notice || e.Mine:
			continue
		}
		l.newAt = pos
		l.news++
	}
}

// NewestFile is the newest message with a file, nil where none is here.
func (l *List) NewestFile() *Entry {
	for pos := l.end() - 1; pos >= l.first(); pos-- {
		if e := l.entry(pos); e.File != nil {
			return e
		}
	}
	return nil
}

// NewestWords is the newest confirmed message of oneself, or of others, that is
// shown; nil where none is here.
func (l *List) NewestWords(mine bool) *Entry {
	for pos := l.end() - 1; pos >= l.first(); pos-- {
		if e := l.entry(pos); !e.Notice && e.Mine == mine && e.Fault == "" && !e.Deleted {
			return e
		}
	}
	return nil
}

// Last returns up to n of the newest confirmed entries, oldest first.
func (l *List) Last(n int) (out []*Entry) {
	for pos := max(l.end()-n, l.first()); pos < l.end(); pos++ {
		out = append(out, l.entry(pos))
	}
	return out
}
