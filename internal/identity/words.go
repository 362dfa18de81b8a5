package identity

import (
	"crypto/sha256"
	_ "embed"
	"slices"
	"strings"

	"unibus/internal/bus"
)

// wordList is the English list of BIP-39: 2048 words in order, one a line, of
// which no two begin with the same four letters.
//
//go:embed words.txt
var wordList string

const (
	wordBits  = 11
	wordCount = 24 // 256 bits and 8 of a checksum
)

func allWords() []string { return strings.Fields(wordList) }

// Words writes 32 secret bytes as 24 words of BIP-39: a user's seed, or the seed
// of the organisation key. Whoever reads them holds the key. They are not the
// "seed" of that standard, which is stretched with a passphrase; they are the
// bytes themselves, with the first byte of their SHA-256 as checksum.
func Words(secret [32]byte) []string {
	sum, list := sha256.Sum256(secret[:]), allWords()
	bits := append(secret[:], sum[0])
	words := make([]string, wordCount)
	for i := range words {
		words[i] = list[readBits(bits, i*wordBits)]
	}
	return words
}

// readBits returns the 11 bits that begin at bit from.
func readBits(b []byte, from int) (n int) {
	for i := from; i < from+wordBits; i++ {
		n = n<<1 | int(b[i/8]>>(7-i%8)&1)
	}
	return n
}

// ParseWords reads what Words wrote: 24 words in lower case, one space between
// them, none around them. The error, Invalid (bad_words), names the position of
// the first wrong word, from 1, and never a word.
func ParseWords(text string) (secret [32]byte, err error) {
	words := strings.Split(text, " ")
	if at := slices.Index(words, ""); at >= 0 {
		return secret, badWords("there must be one space between words and none around them: look at word %d", at+1)
	}
	if len(words) != wordCount {
		return secret, badWords("there are %d of them, not %d", len(words), wordCount)
	}
	var bits [33]byte
	list := allWords()
	for i, word := range words {
		n, ok := slices.BinarySearch(list, word)
		if !ok {
			return secret, badWords("word %d %s", i+1, wrong(word))
		}
		writeBits(bits[:], i*wordBits, n)
	}
	secret = [32]byte(bits[:])
	if sum := sha256.Sum256(secret[:]); sum[0] != bits[32] {
		return [32]byte{}, badWords("they do not belong together: one is another word of the list, or two are swapped")
	}
	return secret, nil
}

// wrong says what is the matter with a word without naming it.
func wrong(word string) string {
	if strings.ToLower(word) != word {
		return "is not in lower case"
	}
	return "is not on the list"
}

func writeBits(b []byte, from, n int) {
	for i := range wordBits {
		bit := n >> (wordBits - 1 - i) & 1
		b[(from+i)/8] |= byte(bit << (7 - (from+i)%8))
	}
}

func badWords(why string, args ...any) error {
	return bus.Errorf(bus.Invalid, "bad_words", "these are not 24 words of unibus: "+why, args...).
		WithHint("compare them with what you wrote down; no two words of the list begin with the same four letters")
}
