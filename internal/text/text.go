// Package text makes what a stranger wrote fit to be shown on a terminal.
//
// It promises that a Safe holds valid UTF-8 and nothing that acts on the
// screen, hides, or reorders: no control characters, escape sequences, bidi
// controls, tags or zero-width characters, and at most MaxMarks combining
// marks on one character. What is shown to a person takes a Safe, so that
// cleaning is a matter of types and not of habit. It must not be used on what
// a program reads: cleaning loses bytes.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Safe is text that may be written to a terminal as it is.
type Safe string

// MaxMarks is how many combining marks one character may carry: more serve to
// draw over the lines above and below.
const MaxMarks = 4

// Clean cleans text of several lines: newlines and tabs stay, other line
// breaks become newlines.
func Clean(s string) Safe { return clean(s, '\n', '\t') }

// Line cleans text that must stay on one line, as names and titles: line
// breaks and tabs become spaces.
func Line(s string) Safe { return clean(s, ' ', ' ') }

// cleaner builds cleaned text rune by rune.
type cleaner struct {
	out     strings.Builder
	newline rune // what a line break becomes
	tab     rune
	marks   int // combining marks since the last character that can carry one
}

func clean(s string, newline, tab rune) Safe {
	if plain(s) {
		return Safe(s)
	}
	c := cleaner{newline: newline, tab: tab, marks: MaxMarks}
	c.out.Grow(len(s))
	for len(s) > 0 {
		if n, silent := sequence(s); n > 0 {
			if !silent {
				c.base(utf8.RuneError)
			}
			s = s[n:]
			continue
		}
		if strings.HasPrefix(s, "\r\n") {
			s = s[1:]
		}
		r, n := utf8.DecodeRuneInString(s)
		c.add(r)
		s = s[n:]
	}
	return Safe(c.out.String())
}

// plain is the fast path: printable ASCII needs no cleaning.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// add writes what one rune outside escape sequences becomes.
func (c *cleaner) add(r rune) {
	switch {
	case r >= 0x20 && r < 0x7f:
		c.base(r)
	case r == '\t':
		c.base(c.tab)
	case r == '\n', r == '\v', r == '\f', r == '\r', r == 0x85, r == 0x2028, r == 0x2029:
		c.base(c.newline)
		if c.newline == '\n' {
			c.marks = MaxMarks // a mark at the start of a line would land on what the screen shows before it
		}
	case invisible(r):
	case unicode.IsControl(r), unicode.Is(unicode.Co, r), nonCharacter(r):
		c.base(utf8.RuneError)
	case mark(r):
		if c.marks < MaxMarks {
			c.marks++
			c.out.WriteRune(r)
		}
	default:
		c.base(r)
	}
}

// base writes a character that can carry marks.
func (c *cleaner) base(r rune) {
	c.marks = 0
	c.out.WriteRune(r)
}

// invisible runes carry no mark on the screen: zero-width and bidi controls,
// tags, variation selectors, fillers. They hide data, split words for a search
// and reorder names.
func invisible(r rune) bool {
	if unicode.Is(unicode.Prepended_Concatenation_Mark, r) {
		return false // format characters that are seen, as the Arabic number sign
	}
	return unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// mark reports whether r is drawn onto the character before it. Medial and
// final Hangul letters are letters to Unicode, but terminals give them no cell.
func mark(r rune) bool {
	return unicode.Is(unicode.M, r) || r >= 0x1160 && r <= 0x11ff || r >= 0xd7b0 && r <= 0xd7ff
}

// nonCharacter reports whether Unicode keeps r free of meaning for ever.
func nonCharacter(r rune) bool {
	return r&0xfffe == 0xfffe || r >= 0xfdd0 && r <= 0xfdef
}
