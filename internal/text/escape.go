package text

import "strings"

const esc = '\x1b'

// sequence returns the length of the escape sequence (ECMA-48) that s starts
// with, 0 when it starts with none. A silent one leaves no trace in the text:
// colours and cursor movements of a program's output. Strings to the terminal
// (titles, clipboard, links) and broken sequences are not silent.
//
// A broken sequence counts as its introducer alone, so that nobody can hide
// text behind a string that never ends. No text is looked at more than twice.
func sequence(s string) (n int, silent bool) {
	kind, n := introducer(s)
	var length int
	switch kind {
	case 0:
		return n, false
	case '[':
		length = control(s[n:])
		silent = length > 0
	case ']', 'P', 'X', '^', '_':
		length = terminated(s[n:])
	default:
		length = escaped(s[n:])
		silent = length > 0
	}
	return n + length, silent
}

// introducer reads ESC with the byte that says what follows, or the C1 control
// of the same meaning. kind is 0 where s starts with neither (n 0), or with an
// ESC that introduces nothing (n 1), and ' ' for the short sequences.
func introducer(s string) (kind byte, n int) {
	if len(s) > 1 && s[0] == 0xc2 && strings.IndexByte("\x90\x98\x9b\x9d\x9e\x9f", s[1]) >= 0 {
		return s[1] - 0x40, 2
	}
	if s[0] != esc {
		return 0, 0
	}
	if len(s) == 1 || s[1] < 0x20 || s[1] > 0x7e {
		return 0, 1
	}
	if strings.IndexByte("[]PX^_", s[1]) >= 0 {
		return s[1], 2
	}
	return ' ', 1
}

// control measures the rest of a control sequence: parameters, intermediates
// and a final byte.
func control(s string) int {
	i := span(s, 0, 0x30, 0x3f)
	return final(s, span(s, i, 0x20, 0x2f), 0x40)
}

// escaped measures the rest of a short escape sequence.
func escaped(s string) int { return final(s, span(s, 0, 0x20, 0x2f), 0x30) }

// terminated measures the rest of a string up to BEL or ST; 0 when another
// control comes first.
func terminated(s string) int {
	for i := range len(s) {
		switch {
		case s[i] == '\a':
			return i + 1
		case strings.HasPrefix(s[i:], "\x1b\\"), strings.HasPrefix(s[i:], "\u009c"):
			return i + 2
		case s[i] < 0x20, s[i] == 0x7f, s[i] == 0xc2 && i+1 < len(s) && s[i+1] >= 0x80 && s[i+1] < 0xa0:
			return 0
		}
	}
	return 0
}

// span returns the end of the run of bytes from lo to hi that starts at i.
func span(s string, i int, lo, hi byte) int {
	for i < len(s) && s[i] >= lo && s[i] <= hi {
		i++
	}
	return i
}

// final returns the length up to and with a final byte from lo to 0x7e at i.
func final(s string, i int, lo byte) int {
	if i < len(s) && s[i] >= lo && s[i] <= 0x7e {
		return i + 1
	}
	return 0
}
