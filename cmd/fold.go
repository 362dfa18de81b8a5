package cmd

import (
	"strings"

	"unibus/tui/cells"
)

const (
	// indent stands before what goes on from the line above: where messages begin,
	// nothing else does, and nobody can make up one of somebody else's.
	indent = "    "
	// minFold is the narrowest terminal, in cells, that lines are folded for.
	minFold = 20
)

// fold keeps what follows the first line of a message away from where messages
// begin: what its sender breaks, and what a terminal of so many cells would break
// itself, where whoever counts could write what looks like a message. Words of
// ASCII that fit in no line, as links are, are left whole: a person copies them.
func fold(body string, width int) string {
	if width <= minFold {
		return strings.ReplaceAll(body, "\n", "\n"+indent)
	}
	var lines []string
	for line := range strings.SplitSeq(body, "\n") {
		lines = append(lines, foldLine(line, width-len(indent))...)
	}
	return strings.Join(lines, "\n"+indent)
}

// foldLine breaks one line, around links.
func foldLine(line string, width int) (lines []string) {
	words := strings.Split(line, " ")
	from := 0
	for i, word := range words {
		if !isLink(word, width) {
			continue
		}
		if from < i {
			lines = append(lines, wrap(words[from:i], width)...)
		}
		lines, from = append(lines, word), i+1
	}
	if from < len(words) {
		lines = append(lines, wrap(words[from:], width)...)
	}
	return lines
}

func wrap(words []string, width int) []string {
	return cells.Widest.Wrap(strings.Join(words, " "), width)
}

// isLink reports whether a word is longer than a line and plain ASCII: it has no
// blanks of any kind, and cannot be taken for a message.
func isLink(word string, width int) bool {
	return len(word) > width && !strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' || r > '~' })
}
