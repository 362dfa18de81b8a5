package timeline

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"unibus/internal/bus"
	"unibus/internal/text"
	"unibus/tui/cells"
	"unibus/tui/theme"
)

// The columns of a message: time, selection, trust, name, gutter, words. The
// gutter is blank beside what the sender wrote and says "*" beside what the
// screen says.
const (
	timeWidth  = 5
	nickWidth  = 9
	textColumn = timeWidth + 1 + 1 + nickWidth + 2
	narrowText = 2
	// maxLines and maxText bound what of one message is drawn: a flood of
	// lines must not push everything else away.
	maxLines = 400
	maxText  = 64 << 10
)

// painter draws one entry.
type painter struct {
	look   *Look
	entry  *Entry
	width  int
	column int // where the words begin
	lines  []string
	head   string // of the first line, as wide as column less the gutter
	blank  string // in its place on the others
}

// render makes the lines of an entry, each exactly as wide as the window.
func (l *List) render(e *Entry) []string {
	if e.Notice {
		return l.notice(e)
	}
	p := &painter{look: &l.look, entry: e, width: l.width}
	p.begin(e == l.selected)
	p.quote()
	p.words()
	p.file()
	p.reactions()
	p.fate()
	return p.lines
}

// notice is a line of the screen's own; none where it was removed.
func (l *List) notice(e *Entry) []string {
	if e.Words == "" {
		return nil
	}
	rule := l.look.Cells.Rule(string(e.Words), "-", l.width)
	if e.Tone == Grave {
		return []string{l.look.Theme.Bad.On(rule)}
	}
	return []string{l.look.Theme.Dim.On(rule)}
}

// begin makes what stands left of the words: time, marks and name. A name that
// is too long for its column has a line of its own, whole: two names that
// begin alike must not look alike.
func (p *painter) begin(selected bool) {
	e, c := p.entry, p.look.Cells
	clock := cells.Blank(timeWidth)
	if !e.Time.IsZero() {
		clock = p.look.Theme.Dim.On(e.Time.In(p.look.Zone).Format("15:04"))
	}
	arrow := " "
	if selected {
		arrow = p.look.Theme.Selected.On(">")
	}
	left := clock + arrow + p.mark()
	if p.width >= Narrow && c.Width(p.name()) <= nickWidth {
		p.column = textColumn
		p.head = left + p.nick().On(c.Right(p.name(), nickWidth)) + " "
		p.blank = cells.Blank(textColumn - 1)
		return
	}
	p.column = textColumn
	if p.width < Narrow {
		p.column = narrowText
	}
	p.blank = cells.Blank(p.column - 1)
	p.head = p.blank
	room := p.width - timeWidth - 3
	p.lines = append(p.lines, left+" "+p.nick().On(c.Fit(p.name(), room)))
}

func (p *painter) name() string { return string(p.entry.Name()) }

func (p *painter) nick() theme.Style {
	if p.entry.Mine {
		return p.look.Theme.Self
	}
	return p.look.Theme.Nick
}

// mark says what is known of whether the sender is who his name says.
func (p *painter) mark() string {
	switch {
	case p.entry.Mine:
		return " "
	case p.entry.Grave || p.entry.Trust.Hidden():
		return p.look.Theme.Bad.On("!")
	case p.entry.Trust == bus.TrustUnverified:
		return p.look.Theme.Warn.On("?")
	}
	return " "
}

// line adds a line with its gutter: drawn may hold styles, plain is the same
// without them.
func (p *painter) line(gutter, plain, drawn string) {
	left := p.blank
	if p.head != "" {
		left, p.head = p.head, ""
	}
	fill := p.width - p.column - p.look.Cells.Width(plain)
	p.lines = append(p.lines, left+gutter+drawn+cells.Blank(fill))
}

// says adds a line of the screen's own words, cut to what fits.
func (p *painter) says(words string, s theme.Style) {
	words = p.look.Cells.Cut(words, p.width-p.column)
	p.line("*", words, s.On(words))
}

func (p *painter) quote() {
	if p.entry.Quote != "" {
		p.says("| "+string(p.entry.Quote), p.look.Theme.Dim)
	}
}

// words draws what the sender wrote, or why it is not shown.
func (p *painter) words() {
	e := p.entry
	switch {
	case e.Fault != "" && e.Grave:
		p.explain(e.Fault, p.look.Theme.Bad)
	case e.Fault != "":
		p.explain(e.Fault, p.look.Theme.Warn)
	case e.Deleted:
		p.says("(deleted)", p.look.Theme.Dim)
	case e.File == nil:
		p.write()
	}
}

func (p *painter) explain(why text.Safe, s theme.Style) {
	for _, line := range p.look.Cells.Wrap("["+string(why)+"]", p.width-p.column) {
		p.line("*", line, s.On(line))
	}
}

// prefix says of one's own message what became of it.
func (p *painter) prefix() string {
	switch p.entry.State {
	case Queued:
		return ".. "
	case Failed:
		return "x "
	}
	return ""
}

func (p *painter) write() {
	body := string(p.entry.Text)
	cut := len(body) > maxText
	if cut {
		body = strings.ToValidUTF8(body[:maxText], "")
	}
	lines := p.look.Cells.Wrap(p.prefix()+body, p.width-p.column)
	more := len(lines) - maxLines
	if more > 0 {
		lines = lines[:maxLines]
	}
	for i, line := range lines {
		if tail := p.tail(); i == len(lines)-1 && tail != "" && p.look.Cells.Width(line+tail) <= p.width-p.column {
			p.line(" ", line+tail, p.highlight(line)+p.look.Theme.Dim.On(tail))
			return
		}
		p.line(" ", line, p.highlight(line))
	}
	if tail := strings.TrimSpace(p.tail()); tail != "" {
		p.says(tail, p.look.Theme.Dim)
	}
	if more > 0 || cut {
		p.says("... "+count(max(more, 1))+" more lines: Enter shows all", p.look.Theme.Dim)
	}
}

// tail stands behind the words.
func (p *painter) tail() string {
	tail := ""
	if p.entry.Edited {
		tail += " (edited)"
	}
	if p.entry.Late {
		tail += " (late)"
	}
	return tail
}

// highlight marks one's own name, where what follows cannot be joined with it.
func (p *painter) highlight(line string) string {
	name := string(p.entry.Mention)
	i := strings.Index(line, name)
	if name == "" || i < 0 {
		return line
	}
	end := i + len(name)
	if end < len(line) && line[end] >= utf8.RuneSelf {
		return line
	}
	return line[:i] + p.look.Theme.Mention.On(name) + p.highlight(line[end:])
}

func (p *painter) file() {
	e := p.entry
	if e.File == nil || e.Deleted || e.Fault != "" {
		return
	}
	name := string(e.File.Name)
	if name == "" {
		name = "(no name)"
	}
	words := p.prefix() + "[file] " + name
	if e.File.Size >= 0 {
		words += " " + p.look.Size(e.File.Size)
	}
	if hint := "  o: save"; !e.Mine && e.Progress == nil && p.look.Cells.Width(words+hint) <= p.width-p.column {
		words += hint
	}
	p.says(words, p.look.Theme.Accent)
	if e.Progress != nil {
		p.says(e.Progress.bar(p.look.Size, p.width-p.column), p.look.Theme.Good)
	}
}

func (p *painter) reactions() {
	if len(p.entry.Reactions) == 0 {
		return
	}
	var out []string
	for _, r := range p.entry.Reactions {
		out = append(out, "["+string(r.Text)+" "+strconv.Itoa(len(r.By))+"]")
	}
	p.says(strings.Join(out, " "), p.look.Theme.Dim)
}

// fate says why a message of one's own was not sent, and what helps.
func (p *painter) fate() {
	if p.entry.State == Failed {
		p.explain("not sent: "+p.entry.Why+" (/retry, /drop)", p.look.Theme.Bad)
	}
}
