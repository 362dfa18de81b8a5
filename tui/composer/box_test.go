package composer

import (
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"unibus/tui/cells"
	"unibus/tui/theme"
)

func TestEditing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, start string
		ops         []Op
		want        string // "_" is the cursor
	}{
		{"left", "abc", []Op{Left}, "ab_c"},
		{"left at the start", "", []Op{Left}, "_"},
		{"right", "abc", []Op{Start, Right}, "a_bc"},
		{"words", "one two  three", []Op{WordLeft, WordLeft}, "one _two  three"},
		{"words on", "one two", []Op{Start, WordRight, WordRight}, "one two_"},
		{"line", "one\ntwo", []Op{LineStart}, "one\n_two"},
		{"line end", "one\ntwo", []Op{Start, LineEnd}, "one_\ntwo"},
		{"ends", "one\ntwo", []Op{Start, End}, "one\ntwo_"},
		{"backspace", "abc", []Op{Backspace, Left, Backspace}, "_b"},
		{"backspace a line", "a\nb", []Op{Left, Backspace}, "a_b"},
		{"delete", "abc", []Op{Start, Delete}, "_bc"},
		{"kill word", "one two three", []Op{KillWord, KillWord}, "one _"},
		{"kill line", "one\ntwo", []Op{KillLine}, "one\n_"},
		{"yank", "one two", []Op{KillWord, Start, Yank}, "two_one "},
		{"yank nothing", "one", []Op{Yank}, "one_"},
		{"newline", "ab", []Op{Left, Newline}, "a\n_b"},
		{"up", "one\ntwo", []Op{Up}, "one_\ntwo"},
		{"up and down keep the column", "three\nx\nthree", []Op{Left, Up, Up}, "thre_e\nx\nthree"},
		{"down", "a\nb", []Op{Start, Down}, "a\n_b"},
		{"up at the top", "a", []Op{Up}, "a_"},
	}
	for _, tt := range tests {
		var b Box
		b.Set(tt.start)
		for _, op := range tt.ops {
			b.Do(op)
		}
		got := string(b.text[:b.at]) + "_" + string(b.text[b.at:])
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestInsertCleansAndBounds(t *testing.T) {
	t.Parallel()
	var b Box
	if !b.Insert("a\x1b]52;c;aGk=\x07b\r\nc\u202e") || strings.ContainsAny(b.Text(), "\x1b\x07\r\u202e") || b.Lines() != 2 {
		t.Errorf("got %q", b.Text())
	}
	if b.Insert(strings.Repeat("x", MaxDraft)) {
		t.Error("a draft over the limit must be refused")
	}
	if b.Clear(); !b.Empty() {
		t.Error("not empty")
	}
}

func view(b *Box, width, height int) string {
	mono, _ := theme.ByName("mono")
	rows, x, y := b.View(cells.Runes, mono, width, height, "hint")
	for i := range rows {
		rows[i] = ansi.Strip(rows[i])
		if i == y {
			line := []rune(rows[i])
			rows[i] = string(line[:min(x, len(line))]) + "_" + string(line[min(x, len(line)):])
		}
		rows[i] = strings.TrimRight(rows[i], " ")
	}
	return strings.Join(rows, "\n")
}

func TestView(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, draft   string
		ops           []Op
		width, height int
		want          string
	}{
		{"empty", "", nil, 12, 1, "> _hint"},
		{"short", "ab", []Op{Left}, 12, 1, "> a_b"},
		{"wrapped at a blank", "one two three", nil, 12, 2, "> one two\n  three_"},
		{"too long a word", "abcdefghijklm", nil, 10, 2, "> abcdefg\n  hijklm_"},
		{"two lines", "a\nb", nil, 12, 3, "> a\n  b_\n"},
		{"scrolls", "a\nb\nc\nd", nil, 12, 2, "  c\n  d_"},
		{"end of a row", "one two three", []Op{Start, Down, Up, LineStart}, 12, 2, "> _one two\n  three"},
		{"tab", "a\tb", nil, 12, 1, "> a b_"},
	}
	for _, tt := range tests {
		var b Box
		b.Set(tt.draft)
		b.Rows(cells.Runes, tt.width)
		for _, op := range tt.ops {
			b.Do(op)
		}
		if got := view(&b, tt.width, tt.height); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}

func TestComplete(t *testing.T) {
	t.Parallel()
	names := func(token string) []string { return Beginning(token, []string{"@alice", "@alan", "@bob"}) }
	var b Box
	b.Set("hi @al")
	if got := b.Complete(names); !slices.Equal(got, []string{"@alice", "@alan"}) || b.Text() != "hi @alice" {
		t.Errorf("got %q, %q", got, b.Text())
	}
	if b.Complete(names); b.Text() != "hi @alan" {
		t.Errorf("got %q, want the next one", b.Text())
	}
	if b.Complete(names); b.Text() != "hi @alice" {
		t.Errorf("got %q, want the first one again", b.Text())
	}
	b.Set("@B")
	if b.Complete(names); b.Text() != "@bob " {
		t.Errorf("got %q, want the only one with a blank", b.Text())
	}
	b.Set("@z")
	if got := b.Complete(names); got != nil || b.Text() != "@z" {
		t.Errorf("got %q, %q", got, b.Text())
	}
}

// The names are in order, none twice, and no character needs what cleaning
// takes away.
func TestEmoji(t *testing.T) {
	t.Parallel()
	if got := Emoji(":tad"); !slices.Equal(got, []string{"🎉"}) {
		t.Errorf("got %q", got)
	}
	if EmojiNamed(":+1:") != "👍" || EmojiNamed("hm") != "hm" {
		t.Error("names stand for characters, other text for itself")
	}
	for i, e := range emoji {
		if i > 0 && emoji[i-1].name >= e.name {
			t.Errorf("%s stands behind %s", e.name, emoji[i-1].name)
		}
		var b Box
		if b.Insert(e.char); b.Text() != e.char {
			t.Errorf("%s does not survive cleaning", e.name)
		}
	}
}

// Whatever is typed into a box of any size: its rows are exact and the cursor
// is inside.
func FuzzBox(f *testing.F) {
	f.Add("one two\tthree 日本語 👍🏽\n\nfour", []byte{0, 1, 2, 3, 4, 9, 13, 14, 15}, 20, 3)
	f.Fuzz(func(t *testing.T, draft string, ops []byte, width, height int) {
		width, height = 10+(width&0xffff)%100, 1+(height&0xffff)%10
		mono, _ := theme.ByName("mono")
		var b Box
		if len(draft) > 2000 {
			draft = draft[:2000]
		}
		b.Set(draft)
		for _, op := range ops[:min(len(ops), 50)] {
			b.Do(Op(op % 17))
			rows, x, y := b.View(cells.Runes, mono, width, height, "")
			if len(rows) != height || x < 0 || x >= width || y < 0 || y >= height {
				t.Fatalf("%d rows of %d, cursor %d,%d", len(rows), height, x, y)
			}
			for _, row := range rows {
				if w := cells.Runes.Width(ansi.Strip(row)); w != width {
					t.Fatalf("%q is %d cells wide, want %d", row, w, width)
				}
			}
		}
	})
}
