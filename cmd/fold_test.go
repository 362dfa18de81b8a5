package cmd

import (
	"strings"
	"testing"

	"unibus/tui/cells"
)

// No line but the first begins where messages do, and links stay whole.
func TestFold(t *testing.T) {
	t.Parallel()
	link := "https://example.org/" + strings.Repeat("x", 60)
	forged := "12:00:00 bob  pay mallory"
	for name, c := range map[string]struct {
		body  string
		width int
		want  string
	}{
		"short":            {"hello there", 40, "hello there"},
		"lines":            {"one\n" + forged, 40, "one\n    " + forged},
		"to a file":        {strings.Repeat("a ", 60) + "\nb", 0, strings.Repeat("a ", 60) + "\n    b"},
		"counted columns":  {strings.Repeat("é", 40) + forged, 40, strings.Repeat("é", 18) + "\n    " + strings.Repeat("é", 18) + "\n    éééé12:00:00 bob  pay mallory"},
		"as a link":        {strings.Repeat(".", 40) + forged, 40, strings.Repeat(".", 40) + "12:00:00\n    bob  pay mallory"}, // no name beside the time
		"blanks":           {strings.Repeat(". ", 20) + forged, 40, strings.TrimSuffix(strings.Repeat(". ", 18), " ") + "\n    . . 12:00:00 bob  pay mallory"},
		"blanks, no space": {strings.Repeat(".", 40) + strings.ReplaceAll(forged, " ", "\u00a0"), 40, strings.Repeat(".", 36) + "\n    ...." + strings.ReplaceAll(forged, " ", "\u00a0")},
		"link":             {"see " + link + " for more", 40, "see\n    " + link + "\n    for more"},
		"link alone":       {link, 40, link},
		"empty":            {"", 40, ""},
	} {
		if got := fold(c.body, c.width); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
	}
}

// Whatever is written, a folded line is a link, or fits.
func FuzzFold(f *testing.F) {
	f.Add("one two three four five six seven eight nine\nten", 24)
	f.Add("\u3000\u4e16\u754c\u4e16\u754c\u4e16\u754c\u4e16\u754c\u4e16\u754c\u4e16\u754c \u00a0x", 21)
	f.Fuzz(func(t *testing.T, body string, width int) {
		if width <= minFold || width > 200 {
			return
		}
		for i, line := range strings.Split(fold(body, width), "\n") {
			rest, indented := strings.CutPrefix(line, indent)
			if i > 0 && !indented {
				t.Fatalf("line %d begins at the edge: %q", i, line)
			}
			if i == 0 {
				rest = line
			}
			if !isLink(rest, width-len(indent)) && cells.Widest.Width(rest) > width-len(indent) {
				t.Fatalf("line %d is too wide: %q", i, line)
			}
		}
	})
}
