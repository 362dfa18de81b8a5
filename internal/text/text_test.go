package text

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"plain", "hello, world", "hello, world"},
		{"empty", "", ""},
		{"newline and tab stay", "a\n\tb", "a\n\tb"},
		{"line breaks", "a\r\nb\rc\vd\fe\u0085f\u2028g\u2029h", "a\nb\nc\nd\ne\nf\ng\nh"},
		{"carriage return cannot overwrite", "safe\revil", "safe\nevil"},
		{"two carriage returns", "a\r\r\nb", "a\n\nb"},
		{"accents and scripts", "Zoë 日本語 עברית ไทย", "Zoë 日本語 עברית ไทย"},
		{"control bytes", "a\x00b\x07c\x08d\x7fe", "a\ufffdb\ufffdc\ufffdd\ufffde"},
		{"C1", "a\u0080b\u0099c", "a\ufffdb\ufffdc"},
		{"colours vanish", "\x1b[1;31mred\x1b[0m", "red"},
		{"colon parameters", "\x1b[38:2:255:0:0mred\x1b[m", "red"},
		{"cursor movement vanishes", "a\x1b[2J\x1b[1;1Hb", "ab"},
		{"character set", "a\x1b(Bb", "ab"},
		{"reset", "a\x1bcb", "ab"},
		{"C1 CSI", "a\u009b31mb", "ab"},
		{"title", "a\x1b]0;pwned\ab", "a\ufffdb"},
		{"clipboard", "a\x1b]52;c;cm0gLXJm\x1b\\b", "a\ufffdb"},
		{"link", "\x1b]8;;http://evil\x1b\\good\x1b]8;;\x1b\\", "\ufffdgood\ufffd"},
		{"C1 OSC, C1 ST", "a\u009d0;x\u009cb", "a\ufffdb"},
		{"device control string", "a\x1bPq#0\x1b\\b", "a\ufffdb"},
		{"a string that never ends hides nothing", "a\x1b]0;the rest", "a\ufffd0;the rest"},
		{"a string ends at a line break", "\x1b]0;x\ny\a", "\ufffd0;x\ny\ufffd"},
		{"broken CSI hides nothing", "\x1b[31\u65e5", "\ufffd31日"},
		{"ESC at the end", "a\x1b", "a\ufffd"},
		{"ESC before ESC", "\x1b\x1b[31mx", "\ufffdx"},
		{"no sequence is assembled by cleaning", "\x1b\u200b[31mx", "\ufffd[31mx"},
		{"bidi", "user\u202egnp.exe\u202c\u2066x\u2069\u200e\u200f\u061c", "usergnp.exex"},
		{"zero width", "pay\u200bpal\u200c\u200d\u2060\ufeff\u00ad\u034f\u3164\u115f", "paypal"},
		{"tags", "hi\U000E0001\U000E0041\U000E007F", "hi"},
		{"variation selectors", "a\ufe0f\U000E0100b", "ab"},
		{"joined emoji fall apart", "👩\u200d🚀", "👩🚀"},
		{"annotation", "a\ufff9b\ufffbc", "abc"},
		{"visible format character", "\u0600", "\u0600"},
		{"private use", "\ue000\U000F0000", "\ufffd\ufffd"},
		{"noncharacters", "\ufffe\ufdd0\U0001FFFF", "\ufffd\ufffd\ufffd"},
		{"invalid UTF-8", "a\xffb\xc3", "a\ufffdb\ufffd"},
		{"raw C1 byte", "a\x9b31mb", "a\ufffd31mb"},
		{"surrogate", "\xed\xa0\x80", "\ufffd\ufffd\ufffd"},
		{"marks are capped", "e" + strings.Repeat("\u0301", 50) + "x", "e\u0301\u0301\u0301\u0301x"},
		{"a removed character does not restart the count", "e\u0301\u0301\u0301\u200b\u0301\u0301", "e\u0301\u0301\u0301\u0301"},
		{"mark without a base", "\u0301a\n\u0301b", "a\nb"},
		{"hangul letters without cells", "ᄀ" + strings.Repeat("\u1161", 9), "ᄀ" + strings.Repeat("\u1161", 4)},
	} {
		if got := Clean(c.in); string(got) != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a name":             "a name",
		"a\nb\tc\r\nd\u2028": "a b c d ",
		"x\x1b]0;t\a":        "x\ufffd",
		"\u0301x":            "x",
	} {
		if got := Line(in); string(got) != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestStringsTakeLinearTime: unfinished strings must not be searched again and again.
func TestStringsTakeLinearTime(t *testing.T) {
	t.Parallel()
	s := strings.Repeat("\x1b]", 1<<20)
	if got := Clean(s); len(got) != 3<<20 {
		t.Fatalf("got %d bytes", len(got))
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"a\x1b[31mb", "\x1b]0;t\a", "\u202eabc", "e\u0301\u0301\u0301\u0301\u0301", "\xff\x9b", "\r\n", "\u009d", "👩\u200d🚀"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		check(t, s, Clean(s), "\n\t", Clean)
		check(t, s, Line(s), "", Line)
	})
}

// check tells what every Safe must hold, without asking the code under test.
func check(t *testing.T, in string, got Safe, controls string, again func(string) Safe) {
	t.Helper()
	if !utf8.ValidString(string(got)) {
		t.Fatalf("%q: %q is not UTF-8", in, got)
	}
	if again(string(got)) != got {
		t.Fatalf("%q: cleaning %q again changes it", in, got)
	}
	marks := 0
	for _, r := range string(got) {
		if unicode.IsControl(r) && !strings.ContainsRune(controls, r) {
			t.Fatalf("%q: control %U left", in, r)
		}
		if r >= 0x202a && r <= 0x202e || r >= 0x2060 && r <= 0x206f || r >= 0x200b && r <= 0x200f ||
			r == 0x61c || r == 0xfeff || r >= 0xe0000 && r <= 0xe0fff || r == 0x2028 || r == 0x2029 {
			t.Fatalf("%q: %U left", in, r)
		}
		if marks++; !unicode.Is(unicode.M, r) {
			marks = 0
		}
		if marks > MaxMarks {
			t.Fatalf("%q: more than %d marks in %q", in, MaxMarks, got)
		}
	}
}

func BenchmarkClean(b *testing.B) {
	s := strings.Repeat("a line of text with ümläuts and \x1b[32mcolour\x1b[0m\n", 100)
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		Clean(s)
	}
}
