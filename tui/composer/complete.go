package composer

import (
	"slices"
	"strings"
	"unicode"
)

// tabs is where a run of completions stands.
type tabs struct {
	on    bool
	from  int
	words []string
	next  int
}

// tokenStart is where the word before the cursor begins, after its last blank.
func (b *Box) tokenStart() int {
	i := b.at
	for i > 0 && !unicode.IsSpace(b.text[i-1]) {
		i--
	}
	return i
}

// Complete puts the first of the words that find offers for the token before
// the cursor in its place, the next one when it is called again at once. It
// returns what was offered.
func (b *Box) Complete(find func(token string) []string) []string {
	if !b.tabs.on {
		from := b.tokenStart()
		return b.Offer(from, find(string(b.text[from:b.at])))
	}
	return b.next()
}

// Offer is Complete with words that were found before, for what stands between a
// place and the cursor.
func (b *Box) Offer(from int, words []string) []string {
	if len(words) == 0 {
		return nil
	}
	b.tabs = tabs{on: true, from: from, words: words}
	return b.next()
}

// Offering reports whether Complete goes on with what was offered.
func (b *Box) Offering() bool { return b.tabs.on }

// Before is what stands before the cursor.
func (b *Box) Before() string { return string(b.text[:b.at]) }

// next puts the next word of a run in its place.
func (b *Box) next() []string {
	t := b.tabs
	word := []rune(t.words[t.next])
	if len(t.words) == 1 && !strings.HasSuffix(string(word), "/") {
		word = append(word, ' ')
	}
	b.text = slices.Replace(b.text, t.from, b.at, word...)
	b.at = t.from + len(word)
	b.touched()
	if t.next = (t.next + 1) % len(t.words); len(t.words) > 1 {
		b.tabs = t
	}
	return t.words
}

// Beginning returns those of words that start with a token, whatever their
// case, in their order.
func Beginning(token string, words []string) (out []string) {
	for _, w := range words {
		if len(w) >= len(token) && strings.EqualFold(w[:len(token)], token) {
			out = append(out, w)
		}
	}
	return out
}

// Emoji returns the characters whose names begin with a token like ":ta", by
// name.
func Emoji(token string) (out []string) {
	name := strings.TrimSuffix(strings.TrimPrefix(token, ":"), ":")
	for _, e := range emoji {
		if strings.HasPrefix(e.name, name) {
			out = append(out, e.char)
		}
	}
	return out
}

// EmojiNamed returns the character of a name like ":tada:" or "tada"; other
// text is what it is.
func EmojiNamed(s string) string {
	name := strings.Trim(s, ":")
	for _, e := range emoji {
		if e.name == name {
			return e.char
		}
	}
	return s
}

// emoji are those that need no variation selector, in order of their names.
var emoji = []struct{ name, char string }{
	{"+1", "👍"}, {"-1", "👎"}, {"alarm", "⏰"}, {"angry", "😠"}, {"beer", "🍺"}, {"bell", "🔔"}, {"bomb", "💣"}, {"boom", "💥"},
	{"bug", "🐛"}, {"cake", "🍰"}, {"calendar", "📅"}, {"chart", "📈"}, {"check", "✅"}, {"clap", "👏"}, {"coffee", "☕"},
	{"computer", "💻"}, {"construction", "🚧"}, {"cool", "😎"}, {"cross", "❌"}, {"cry", "😢"}, {"eyes", "👀"}, {"fire", "🔥"},
	{"gift", "🎁"}, {"grin", "😁"}, {"hand", "✋"}, {"hourglass", "⏳"}, {"joy", "😂"}, {"key", "🔑"}, {"laugh", "😆"},
	{"link", "🔗"}, {"lock", "🔒"}, {"mag", "🔍"}, {"mail", "📧"}, {"memo", "📝"}, {"moon", "🌙"}, {"muscle", "💪"}, {"ok", "👌"},
	{"package", "📦"}, {"party", "🥳"}, {"phone", "📞"}, {"pizza", "🍕"}, {"point", "👉"}, {"pray", "🙏"}, {"pushpin", "📌"},
	{"question", "❓"}, {"rocket", "🚀"}, {"sad", "😞"}, {"see", "🙈"}, {"shrug", "🤷"}, {"siren", "🚨"}, {"skull", "💀"},
	{"sleep", "😴"}, {"smile", "😄"}, {"sob", "😭"}, {"sparkles", "✨"}, {"star", "⭐"}, {"stop", "🛑"}, {"sun", "🌞"},
	{"sweat", "😅"}, {"tada", "🎉"}, {"thinking", "🤔"}, {"unlock", "🔓"}, {"wave", "👋"}, {"wink", "😉"}, {"wow", "😮"},
	{"wrench", "🔧"}, {"x", "❌"}, {"zap", "⚡"},
}

// EmojiNames lists the names of all characters, in order.
func EmojiNames() (out []string) {
	for _, e := range emoji {
		out = append(out, e.name)
	}
	return out
}
