package tui

import (
	"strings"

	"unibus/internal/bus"
)

// Mentions reports whether a text calls somebody: it holds "@" and his name,
// and the name ends there.
func Mentions(text string, who bus.Handle) bool {
	name := "@" + string(who)
	for rest := text; who != ""; {
		i := strings.Index(rest, name)
		if i < 0 {
			return false
		}
		rest = rest[i+len(name):]
		if !handleGoesOn(rest) {
			return true
		}
	}
	return false
}

// handleGoesOn reports whether a name goes on with what follows it; a full stop
// or a dash at the end of a sentence does not.
func handleGoesOn(rest string) bool {
	for i := range len(rest) {
		c := rest[i]
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' {
			return true
		}
		if c != '.' && c != '-' {
			return false
		}
	}
	return false
}
