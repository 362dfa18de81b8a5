package profile

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		query, text string
		want        bool
	}{
		{"green", "The staging cluster is GREEN again", true},
		{"gre", "The staging cluster is GREEN again", true},
		{"gr", "The staging cluster is GREEN again", false},
		{"is", "The staging cluster is GREEN again", true},
		{"reen", "The staging cluster is GREEN again", false},
		{"green staging", "The staging cluster is GREEN again", true},
		{"green blue", "The staging cluster is GREEN again", false},
		{"node-3", "I took node-3 down", true},
		{"node-4", "I took node-3 down", false},
		{"cafe", "au café", true},
		{"café", "au CAFE\u0301", true},
		{"strasse", "Straße", true},
		{"STRASSE", "straße", true},
		{"ΣΊΣΥΦΟΣ", "σίσυφος", true},
		{"ﬁle", "a file", true},
		{"привет", "Привет, мир", true},
		{"東京", "来週は東京都です", true},
		{"京都", "来週は東京都です", true},
		{"東都", "来週は東京都です", false},
		{"都", "来週は東京都です", true},
		{"カﾞ", "ガラス", true},
		{"서버", "서버가 죽었다", true},
		{"東京tower", "東京 tower", true},
		{"สวัสดี", "คำว่าสวัสดีครับ", true},
		{"abcdefghijklmnopqrst", "abcdefghijklmnopqrstuvwxyz", true},
		{"abcdefghijklmnopqxxx", "abcdefghijklmnopqrstuvwxyz", false},
		{"", "anything", true},
	} {
		q := ParseQuery(c.query)
		if got := q.Match(c.text); got != c.want {
			t.Errorf("%q in %q: got %v, want %v", c.query, c.text, got, c.want)
		}
		terms := map[string]bool{}
		for _, w := range split(c.text) {
			w.terms(func(term string) { terms[term] = true })
		}
		all := true
		for _, w := range q.words {
			w.sought(func(term string) { all = all && terms[term] })
		}
		if c.want && !all {
			t.Errorf("%q is in %q, and not among its terms", c.query, c.text)
		}
	}
}

// A word of a message is found by all its beginnings, whatever it is written in.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"green", "e\u0301a", "東京都です", "ß\u0300", "\xff a", "İstanbul", "ǅ", "ﷺ", "각각"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, w := range split(s) {
			if w.text == "" || !utf8.ValidString(w.text) || strings.ContainsAny(w.text, " \n") {
				t.Fatalf("%q has the word %q", s, w.text)
			}
			terms := map[string]bool{}
			w.terms(func(term string) { terms[term] = true })
			w.sought(func(term string) {
				if !terms[term] {
					t.Fatalf("%q is looked for by %q, which is none of its terms", w.text, term)
				}
			})
			if !w.in([]word{w}) {
				t.Fatalf("%q is not in itself", w.text)
			}
		}
	})
}
