package cells

import (
	"slices"
	"strings"
	"testing"

	"unibus/internal/text"
)

func TestWidth(t *testing.T) {
	t.Parallel()
	tests := []struct {
		s                string
		runes, graphemes int
	}{
		{"", 0, 0}, {"plain", 5, 5}, {"日本", 4, 4}, {"é", 1, 1},
		{"👍🏽", 4, 2}, // a base and a skin tone: two to a terminal that counts runes
	}
	for _, tt := range tests {
		if got := Runes.Width(tt.s); got != tt.runes {
			t.Errorf("%q: %d cells by runes, want %d", tt.s, got, tt.runes)
		}
		if got := Graphemes.Width(tt.s); got != tt.graphemes {
			t.Errorf("%q: %d cells by graphemes, want %d", tt.s, got, tt.graphemes)
		}
	}
}

// The widest count is that of the terminal that draws most in two cells.
func TestWidest(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]int{"plain": 5, "±": 2, "±1": 3, "日本": 4, "a\u0301": 1, "a\u0301\u0301": 1, "❤\ufe0f": 2, "1\ufe0f": 2, "я": 2, "ł": 2, "š": 1} {
		if got := Widest.Width(s); got != want {
			t.Errorf("%q: %d cells, want %d", s, got, want)
		}
	}
	for _, line := range Widest.Wrap(strings.Repeat("±❤\ufe0fa\u0301", 40), 10) {
		if n := Widest.Width(line); n > 10 || strings.HasPrefix(line, "\ufe0f") || strings.HasPrefix(line, "\u0301") {
			t.Errorf("%q: %d cells", line, n)
		}
	}
}

// What would join its neighbours on a terminal that counts graphemes is
// replaced at the ends, and nowhere else.
func TestEndsAreClosed(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{"\u0e33x": "?x ", "x\u0600": "x? ", "x\u0e33x": "x\u0e33x", "\u0e33": "?  "} {
		if got := Graphemes.Fit(s, 3); Graphemes.Width(got) != 3 || got != want && s != "x\u0e33x" {
			t.Errorf("%q becomes %q, want %q", s, got, want)
		}
		if got := Runes.Cut(s, 9); got != s {
			t.Errorf("%q becomes %q where runes count", s, got)
		}
	}
}

func TestCutAndFit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		s     string
		width int
		fit   string
	}{
		{"alice", 9, "alice    "}, {"alice", 5, "alice"}, {"alice", 4, "ali~"}, {"alice", 1, "~"}, {"alice", 0, ""},
		{"alice", -3, ""}, {"日本語", 5, "日本~"}, {"日本語", 4, "日~ "}, {"日本語", 6, "日本語"},
	}
	for _, tt := range tests {
		if got := Runes.Fit(tt.s, tt.width); got != tt.fit {
			t.Errorf("Fit(%q, %d) = %q, want %q", tt.s, tt.width, got, tt.fit)
		}
	}
	if got := Runes.Right("bob", 5); got != "  bob" {
		t.Errorf("got %q", got)
	}
	if got := Runes.Rule("2 new", "=", 14); got != "== 2 new =====" {
		t.Errorf("got %q", got)
	}
	if got := Runes.Rule("a long sentence", "-", 8); got != "-- a lo~" {
		t.Errorf("got %q", got)
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	tests := []struct {
		s     string
		width int
		want  []string
	}{
		{"", 10, []string{""}},
		{"one two three", 7, []string{"one two", "three"}},
		{"one two three", 8, []string{"one two", "three"}},
		{"unbreakable", 4, []string{"unbr", "eaka", "ble"}},
		{"a unbreakable", 5, []string{"a", "unbre", "akabl", "e"}},
		{"  indented text", 9, []string{"  indente", "d text"}},
		{"ends in blanks ", 14, []string{"ends in blanks"}},
		{"a\n\nb", 5, []string{"a", "", "b"}},
		{"a\tb", 9, []string{"a    b"}},
		{"日本語", 4, []string{"日本", "語"}},
		{"日本語", 1, []string{"日", "本", "語"}},
	}
	for _, tt := range tests {
		if got := Runes.Wrap(tt.s, tt.width); !slices.Equal(got, tt.want) {
			t.Errorf("Wrap(%q, %d) = %q, want %q", tt.s, tt.width, got, tt.want)
		}
	}
}

// Whatever is wrapped: no line is too wide, nothing but blanks is lost, and
// cutting keeps to its cells.
func FuzzWrap(f *testing.F) {
	f.Add("the staging cluster is green again", 20)
	f.Add("family 👨‍👩‍👧 emoji, 日本語 and e\u0301\u0301", 7)
	f.Add("ำ and \uff9e and \u0600", 9)
	f.Add("स्ते नमस्ते \U0001F1E9\U0001F1EA flags", 3)
	f.Fuzz(func(t *testing.T, s string, width int) {
		width = 2 + (width&0x7fffffff)%100
		s = string(text.Clean(s))
		for _, m := range []Method{Runes, Graphemes} {
			lines := m.Wrap(s, width)
			for _, line := range lines {
				if w := m.ansi().StringWidth(" |" + line + " |"); w > width+4 {
					t.Errorf("%q is %d cells wide, want at most %d", line, w-4, width)
				}
			}
			squeeze := strings.NewReplacer(" ", "", "\n", "", "\t", "")
			if got, want := squeeze.Replace(strings.Join(lines, "")), squeeze.Replace(s); m == Runes && got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			line := string(text.Line(s))
			got := m.Fit(line, width)
			if beside := m.ansi().StringWidth(" | " + got + "|"); beside != width+4 {
				t.Errorf("%q beside others is %d cells wide, want %d", got, beside-4, width)
			}
		}
	})
}
