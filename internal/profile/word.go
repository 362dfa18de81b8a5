package profile

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	// shortWord is the longest word that is found as a whole only; of a longer
	// one every beginning is found that is longer than this.
	shortWord = 2
	// longWord is how many letters of a word the index tells apart: what comes
	// behind them is compared in the message itself.
	longWord = 16
	// maxQuery bounds the words that are looked for at once.
	maxQuery = 16
)

// word is a run of letters and digits, folded. Of a script that puts no spaces
// between words a run is many words: it is found by every part of it.
type word struct {
	text   string
	joined bool
}

// split returns the words of a text.
func split(s string) (words []word) {
	s = fold(s)
	start, joined := -1, false
	end := func(i int) {
		if start >= 0 {
			words = append(words, word{s[start:i], joined})
		}
		start = -1
	}
	for i, r := range s {
		switch {
		case !unicode.In(r, unicode.L, unicode.N, unicode.M):
			end(i)
		case start < 0 || spaceless(r) != joined && !unicode.Is(unicode.M, r):
			end(i)
			start, joined = i, spaceless(r)
		}
	}
	end(len(s))
	return words
}

// spaceless reports whether a letter is of a script without spaces between words.
func spaceless(r rune) bool {
	return r > unicode.MaxLatin1 && (r == 'ー' || unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul,
		unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar))
}

// fold makes of a text what is compared: without case, without accents, and in
// one of the ways in which Unicode writes the same letters.
func fold(s string) string {
	if ascii(s) {
		return strings.ToLower(s)
	}
	var out strings.Builder
	for _, r := range norm.NFKD.String(strings.ToValidUTF8(s, " ")) {
		switch {
		case r >= 0x300 && r <= 0x36f: // accents
		case r == 'ß' || r == 'ẞ':
			out.WriteString("ss")
		default:
			out.WriteRune(unicode.ToLower(unicode.ToUpper(r)))
		}
	}
	return norm.NFC.String(out.String())
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// terms calls each for everything by which a word is found: the whole of a
// short one, every beginning of a longer one, every letter and every pair of
// letters of a joined run.
func (w word) terms(each func(term string)) {
	letters, before, first := 0, 0, 0
	for i, r := range w.text {
		end := i + utf8.RuneLen(r)
		letters++
		switch {
		case w.joined:
			each(w.text[i:end])
			if letters > 1 {
				each(w.text[before:end])
			}
		case letters > longWord:
			return
		case letters > shortWord:
			each(w.text[first:end])
		}
		before = i
	}
	if !w.joined && letters <= shortWord {
		each(w.text)
	}
}

// sought calls each for what a message must have to hold the word that somebody
// looks for.
func (w word) sought(each func(term string)) {
	last := ""
	letters := 0
	w.terms(func(term string) {
		letters++
		last = term
		if w.joined && letters > 1 && utf8.RuneCountInString(term) == 2 {
			each(term)
		}
	})
	if !w.joined || letters == 1 {
		each(last)
	}
}

// in reports whether a word of a text is the one that somebody looks for.
func (w word) in(text []word) bool {
	for _, t := range text {
		switch {
		case w.joined != t.joined:
		case w.joined && strings.Contains(t.text, w.text), t.text == w.text:
			return true
		case !w.joined && utf8.RuneCountInString(w.text) > shortWord && strings.HasPrefix(t.text, w.text):
			return true
		}
	}
	return false
}

// Query is words that somebody looks for.
type Query struct{ words []word }

// ParseQuery takes words as a person types them.
func ParseQuery(s string) Query {
	words := split(s)
	return Query{words[:min(len(words), maxQuery)]}
}

// Empty reports whether there is nothing to look for.
func (q Query) Empty() bool { return len(q.words) == 0 }

// Match reports whether a text has all words of q: each as the beginning of a
// word, one of one or two letters as a whole word.
func (q Query) Match(text string) bool {
	words := split(text)
	for _, w := range q.words {
		if !w.in(words) {
			return false
		}
	}
	return true
}
