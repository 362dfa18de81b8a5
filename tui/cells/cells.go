// Package cells measures, wraps and cuts text in the cells of a terminal.
//
// It promises that what it returns is never wider than what was asked for, as
// the terminal counts: a line that is one cell too wide pushes the rest of the
// screen aside or is lost at the edge. It must not be given escape sequences:
// styles are put around what it returns.
package cells

import (
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/text/width"
)

// Method is how a terminal counts. The zero value counts rune by rune, as
// terminals do that have not said otherwise; Graphemes is for those that have
// confirmed mode 2027. The wrong one of the two loses text at the right edge.
//
// Widest is for lines that a terminal may not break whatever it draws: it counts what
// some draw in two cells as two, as characters of ambiguous width in UAX #11.
type Method uint8

// The methods.
const (
	Runes Method = iota
	Graphemes
	Widest
)

// tab is what a tab stands for: where it would reach is known to the terminal
// alone.
const tab = "    "

func (m Method) ansi() ansi.Method {
	if m == Graphemes {
		return ansi.GraphemeWidth
	}
	return ansi.WcWidth
}

// Width is how many cells s takes.
func (m Method) Width(s string) int {
	if ascii(s) {
		return len(s)
	}
	cells := m.ansi().StringWidth(s)
	if m == Widest {
		for _, r := range s {
			cells += wider(r)
		}
	}
	return cells
}

// emoji makes what is before it a picture, which some terminals draw in two cells.
const emoji = '\ufe0f'

// wider is how many cells more than others some terminals give a character.
func wider(r rune) int {
	ambiguous := r >= utf8.RuneSelf && width.LookupRune(r).Kind() == width.EastAsianAmbiguous
	if r == emoji || ambiguous && ansi.WcWidth.StringWidth(string(r)) == 1 {
		return 1
	}
	return 0
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// first returns the length in bytes and the width of what s begins with and
// what cannot be taken apart: a character with its marks.
func (m Method) first(s string) (n, cells int) {
	if s[0] < utf8.RuneSelf && (len(s) == 1 || s[1] < utf8.RuneSelf) {
		return 1, 1
	}
	if m == Graphemes {
		cluster, cells := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
		return len(cluster), cells
	}
	_, n = utf8.DecodeRuneInString(s)
	for n < len(s) && s[n] >= utf8.RuneSelf {
		_, more := utf8.DecodeRuneInString(s[n:])
		if m.ansi().StringWidth(s[n:n+more]) > 0 {
			break
		}
		n += more
	}
	return n, m.Width(s[:n])
}

// Cut returns the beginning of s that fits into so many cells. Where something
// is left out, "~" ends it: who reads must see that there is more.
func (m Method) Cut(s string, width int) string {
	s = m.closed(s)
	if m.Width(s) <= width {
		return s
	}
	if width < 1 {
		return ""
	}
	return m.closed(s[:m.fits(s, width-1)] + "~")
}

// closed returns s so that it takes as many cells beside other text as alone: a
// character at an end that would join what stands there is replaced. Terminals
// that count graphemes make one of the two, and the line would be too short.
func (m Method) closed(s string) string {
	if m != Graphemes || ascii(s) {
		return s
	}
	alone := m.Width(s)
	if m.Width(" "+s) != 1+alone {
		_, n := utf8.DecodeRuneInString(s)
		return m.closed("?" + s[n:])
	}
	if m.Width(s+" ") != alone+1 || m.Width(s+"|") != alone+1 {
		_, n := utf8.DecodeLastRuneInString(s)
		return m.closed(s[:len(s)-n] + "?")
	}
	return s
}

// fits is how many bytes of s go into so many cells.
func (m Method) fits(s string, width int) (n int) {
	for n < len(s) {
		more, w := m.first(s[n:])
		if w > width {
			return n
		}
		width -= w
		n += more
	}
	return n
}

// Fit returns s in exactly so many cells, cut or filled up with blanks.
func (m Method) Fit(s string, width int) string {
	s = m.Cut(s, width)
	return s + Blank(width-m.Width(s))
}

// Right is Fit with the blanks in front.
func (m Method) Right(s string, width int) string {
	s = m.Cut(s, width)
	return Blank(width-m.Width(s)) + s
}

// Blank is so many blanks; none where n is negative.
func Blank(n int) string { return strings.Repeat(" ", max(n, 0)) }

// Rule is a line of one character from end to end, with words in it.
func (m Method) Rule(words, line string, width int) string {
	if words != "" {
		words = line + line + " " + words + " "
	}
	words = m.Cut(words, width)
	return words + strings.Repeat(line, max(width-m.Width(words), 0))
}

// Wrap cuts text into lines of at most so many cells, at blanks where there are
// any. Only the blanks at which it breaks are left out. A width below 2 counts
// as 2: a wide character must fit.
func (m Method) Wrap(s string, width int) (lines []string) {
	width = max(width, 2)
	if strings.Contains(s, "\t") {
		s = strings.ReplaceAll(s, "\t", tab)
	}
	for line := range strings.SplitSeq(s, "\n") {
		lines = m.wrapLine(lines, line, width)
	}
	return lines
}

func (m Method) wrapLine(lines []string, s string, width int) []string {
	for {
		if len(s) <= width && ascii(s) {
			return append(lines, s)
		}
		line, next := m.take(s, width)
		lines = append(lines, line)
		if s = s[next:]; s == "" {
			return lines
		}
	}
}

// take returns what of s goes into one line, and where the rest begins. What
// closes a line may make it wider than what it closes: then less goes in.
func (m Method) take(s string, width int) (line string, next int) {
	for room := width; ; room-- {
		end, next := len(s), len(s)
		if n := m.fits(s, room); n < len(s) {
			end, next = breakAt(s, n)
		}
		if line = m.closed(s[:end]); end > 0 && m.Width(line) <= width {
			return line, next
		}
		if room == 0 { // one character, and what it is closed by
			n, _ := m.first(s)
			return m.Cut(s[:n], width), n
		}
	}
}

// breakAt returns where a line ends that may be at most n bytes long, and where
// the next one begins.
func breakAt(s string, n int) (end, next int) {
	if n > 0 && s[n] == ' ' {
		return n, n + 1
	}
	if i := strings.LastIndexByte(s[:n], ' '); i > 0 && strings.Trim(s[:i], " ") != "" {
		return i, i + 1
	}
	return n, n
}
