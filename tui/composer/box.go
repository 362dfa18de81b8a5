// Package composer is the box in which a message is written.
//
// It promises that a draft is never lost or sent by what is pasted or resized,
// that what is pasted is cleaned as a stranger's words are, and that the cursor
// stands where the next character goes. It knows no keys: the key map names
// its operations.
package composer

import (
	"slices"
	"strings"
	"unicode"

	"unibus/internal/text"
)

// MaxDraft is the most bytes a draft takes: with what goes around it, a frame's
// worth. More is sent as a file.
const MaxDraft = 60 << 10

// Box is a draft with a cursor. Its zero value is empty.
type Box struct {
	text   []rune
	at     int    // the cursor stands before text[at]
	killed []rune // by the last kill
	goal   int    // column that up and down aim at, -1: that of the cursor
	tabs   tabs
	width  int // of the last View, for up and down
	rows   []span
	stale  bool
}

// Op is something that a key does to a draft.
type Op uint8

// The operations.
const (
	Left Op = iota
	Right
	Up
	Down
	WordLeft
	WordRight
	LineStart
	LineEnd
	Start
	End
	Backspace
	Delete
	KillLine // from the cursor to the start of its line
	KillWord // the word before the cursor
	KillAll  // the whole draft
	Yank     // what was killed last
	Newline
)

// Text is the draft.
func (b *Box) Text() string { return string(b.text) }

// Empty reports whether there is no draft.
func (b *Box) Empty() bool { return len(b.text) == 0 }

// Set replaces the draft; the cursor goes behind it.
func (b *Box) Set(s string) {
	b.text = []rune(string(text.Clean(s)))
	b.at = len(b.text)
	b.touched()
}

// Clear empties the box and returns what was in it.
func (b *Box) Clear() string {
	s := b.Text()
	b.Set("")
	return s
}

func (b *Box) touched() {
	b.goal, b.stale, b.tabs = -1, true, tabs{}
}

// Insert puts s where the cursor is, cleaned. False: it would be too long, and
// nothing was changed.
func (b *Box) Insert(s string) bool {
	add := []rune(string(text.Clean(s)))
	if len(string(b.text))+len(string(add)) > MaxDraft {
		return false
	}
	b.text = slices.Insert(b.text, b.at, add...)
	b.at += len(add)
	b.touched()
	return true
}

// Do does what a key asks for. False: there was nothing to do.
func (b *Box) Do(op Op) bool {
	if op == Up || op == Down {
		return b.vertical(op)
	}
	at, size := b.at, len(b.text)
	switch op {
	case Left:
		b.at = max(b.at-1, 0)
	case Right:
		b.at = min(b.at+1, size)
	case WordLeft:
		b.at = b.wordStart()
	case WordRight:
		b.at = b.wordEnd()
	case LineStart:
		b.at = b.lineStart()
	case LineEnd:
		b.at = b.lineEnd()
	case Start:
		b.at = 0
	case End:
		b.at = size
	default:
		return b.change(op)
	}
	b.touched()
	return b.at != at
}

func (b *Box) change(op Op) bool {
	switch op {
	case Backspace:
		return b.cut(max(b.at-1, 0), b.at, false)
	case Delete:
		return b.cut(b.at, min(b.at+1, len(b.text)), false)
	case KillLine:
		return b.cut(b.lineStart(), b.at, true)
	case KillWord:
		return b.cut(b.wordStart(), b.at, true)
	case KillAll:
		return b.cut(0, len(b.text), true)
	case Yank:
		return len(b.killed) > 0 && b.Insert(string(b.killed))
	case Newline:
		return b.Insert("\n")
	}
	return false
}

// cut removes what is between two places.
func (b *Box) cut(from, to int, keep bool) bool {
	if from >= to {
		return false
	}
	if keep {
		b.killed = slices.Clone(b.text[from:to])
	}
	b.text = slices.Delete(b.text, from, to)
	b.at = from
	b.touched()
	return true
}

func (b *Box) lineStart() int {
	i := b.at
	for i > 0 && b.text[i-1] != '\n' {
		i--
	}
	return i
}

func (b *Box) lineEnd() int {
	i := b.at
	for i < len(b.text) && b.text[i] != '\n' {
		i++
	}
	return i
}

func (b *Box) wordStart() int {
	i := b.at
	for i > 0 && unicode.IsSpace(b.text[i-1]) {
		i--
	}
	for i > 0 && !unicode.IsSpace(b.text[i-1]) {
		i--
	}
	return i
}

func (b *Box) wordEnd() int {
	i := b.at
	for i < len(b.text) && unicode.IsSpace(b.text[i]) {
		i++
	}
	for i < len(b.text) && !unicode.IsSpace(b.text[i]) {
		i++
	}
	return i
}

// Lines is how many lines the draft has, as it was typed.
func (b *Box) Lines() int { return 1 + strings.Count(b.Text(), "\n") }
