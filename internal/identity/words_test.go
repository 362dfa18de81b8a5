package identity

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"unibus/internal/bus"
)

// TestWordList holds the embedded file to the list that everybody has.
func TestWordList(t *testing.T) {
	t.Parallel()
	const want = "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"
	if sum := sha256.Sum256([]byte(wordList)); hex.EncodeToString(sum[:]) != want {
		t.Errorf("the list has the hash %x", sum)
	}
	list := allWords()
	if len(list) != 2048 {
		t.Fatalf("%d words", len(list))
	}
	for i := 1; i < len(list); i++ {
		if list[i-1] >= list[i] {
			t.Errorf("word %d is out of order", i)
		}
	}
}

// TestWords has the 256-bit vectors that implementations of BIP-39 share.
func TestWords(t *testing.T) {
	t.Parallel()
	repeat := func(b byte) string { return hex.EncodeToString(bytes.Repeat([]byte{b}, 32)) }
	for entropy, want := range map[string]string{
		repeat(0x00): strings.Repeat("abandon ", 23) + "art",
		repeat(0x7f): strings.Repeat("legal winner thank year wave sausage worth useful ", 2) + "legal winner thank year wave sausage worth title",
		repeat(0x80): strings.Repeat("letter advice cage absurd amount doctor acoustic avoid ", 2) + "letter advice cage absurd amount doctor acoustic bless",
		repeat(0xff): strings.Repeat("zoo ", 23) + "vote",
		"68a79eaca2324873eacc50cb9c6eca8cc68ea5d936f98787c60c7ebc74e6ce7c": "hamster diagram private dutch cause delay private meat slide toddler razor book happy fancy gospel tennis maple dilemma loan word shrug inflict delay length",
	} {
		raw, err := hex.DecodeString(entropy)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(Words([32]byte(raw)), " "); got != want {
			t.Errorf("%s: got %s, want %s", entropy, got, want)
		}
		if got, err := ParseWords(want); err != nil || hex.EncodeToString(got[:]) != entropy {
			t.Errorf("%s: read %x, %v", entropy, got, err)
		}
	}
}

func TestParseWords(t *testing.T) {
	t.Parallel()
	good := strings.Repeat("zoo ", 23) + "vote"
	at := func(n int, word string) string {
		words := strings.Split(good, " ")
		words[n-1] = word
		return strings.Join(words, " ")
	}
	for name, c := range map[string]struct{ text, says string }{
		"nothing":            {"", "look at word 1"},
		"one word":           {"zoo", "there are 1 of them"},
		"23 words":           {strings.TrimSuffix(good, " vote"), "there are 23 of them"},
		"25 words":           {good + " zoo", "there are 25 of them"},
		"an unknown word":    {at(5, "secretly"), "word 5 is not on the list"},
		"a cut word":         {at(24, "vot"), "word 24 is not on the list"},
		"a capital":          {at(7, "Zoo"), "word 7 is not in lower case"},
		"another word":       {at(3, "abandon"), "do not belong together"},
		"swapped":            {"vote" + strings.Repeat(" zoo", 23), "do not belong together"},
		"two spaces":         {strings.Replace(good, " ", "  ", 1), "look at word 2"},
		"a space before":     {" " + good, "look at word 1"},
		"a space behind":     {good + " ", "look at word 25"},
		"a line end":         {good + "\n", "word 24 is not on the list"},
		"a tab":              {strings.Replace(good, " ", "\t", 1), "there are 23 of them"},
		"no break":           {strings.Replace(good, " ", "\u00a0", 1), "there are 23 of them"},
		"a percent sign":     {at(2, "%s"), "word 2 is not on the list"},
		"a line in the list": {at(2, "zone\nzoo"), "word 2 is not on the list"},
	} {
		got, err := ParseWords(c.text)
		if bus.CodeOf(err) != "bad_words" || bus.KindOf(err) != bus.Invalid || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
		if err != nil && strings.Contains(err.Error(), "secretly") || got != [32]byte{} {
			t.Errorf("%s: the error tells a word, or something was read", name)
		}
	}
}

// FuzzParseWords reads one text for one secret.
func FuzzParseWords(f *testing.F) {
	f.Add(strings.Repeat("zoo ", 23) + "vote")
	f.Add(strings.Join(Words([32]byte{1}), " "))
	f.Add("zoo zoo")
	f.Fuzz(func(t *testing.T, text string) {
		if secret, err := ParseWords(text); err == nil && strings.Join(Words(secret), " ") != text {
			t.Errorf("%q is a second text of a secret", text)
		}
	})
}

// TestWordsRoundTrip goes through every word of the list.
func TestWordsRoundTrip(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for i := range 2000 {
		secret := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
		words := Words(secret)
		for _, w := range words {
			seen[w] = true
		}
		if got, err := ParseWords(strings.Join(words, " ")); err != nil || got != secret {
			t.Fatalf("secret %d: %v", i, err)
		}
	}
	if len(seen) != 2048 {
		t.Errorf("%d words were written", len(seen))
	}
}
