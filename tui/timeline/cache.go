package timeline

// cacheSize bounds the entries whose lines are remembered, and cacheLines the lines:
// some hundred windows, and no more for a room of any length or of long messages.
const (
	cacheSize  = 2048
	cacheLines = 16 << 10
)

// drawn are the lines of an entry as they were made for one look.
type drawn struct {
	rev   uint32
	width int
	look  uint32
	lines []string
}

// cache remembers at least the half of its bounds that was used last.
type cache struct {
	young, old map[*Entry]drawn
	lines      int // of the young ones, at least
}

func newCache() cache { return cache{young: map[*Entry]drawn{}} }

func (c *cache) get(e *Entry) (d drawn, ok bool) {
	if d, ok = c.young[e]; ok {
		return d, true
	}
	if d, ok = c.old[e]; ok {
		c.put(e, d)
	}
	return d, ok
}

func (c *cache) put(e *Entry, d drawn) {
	if _, in := c.young[e]; !in && (len(c.young) >= cacheSize/2 || c.lines >= cacheLines/2) {
		c.old, c.young, c.lines = c.young, map[*Entry]drawn{}, 0
	}
	c.young[e] = d
	c.lines += len(d.lines)
}

// body returns the lines of the entry at a position, without what stands above
// them.
func (l *List) body(pos int) []string {
	e := l.entry(pos)
	d, ok := l.cache.get(e)
	if ok && d.rev == e.rev && d.width == l.width && d.look == l.look.serial {
		return d.lines
	}
	d = drawn{rev: e.rev, width: l.width, look: l.look.serial, lines: l.render(e)}
	l.cache.put(e, d)
	return d.lines
}
