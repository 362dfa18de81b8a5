package cmd

import (
	"io"
	"strings"
	"unicode/utf8"

	"unibus/internal/bus"
	"unibus/internal/text"
)

// screen is a terminal that a stranger's data are written to: it takes text,
// and refuses everything that would act on it.
type screen struct {
	to   io.Writer
	held []byte // the beginning of a character whose rest has not come
}

var errBinary = bus.Errorf(bus.Invalid, "binary", "this is not text, and could garble the terminal").
	WithHint("write it to a file with -O FILE, or pipe it on")

func (s *screen) Write(p []byte) (int, error) {
	all := append(s.held, p...)
	whole := wholeRunes(all)
	plain := strings.ReplaceAll(string(all[:whole]), "\r\n", "\n")
	if clean := text.Clean(plain); string(clean) != plain {
		return 0, errBinary
	}
	if _, err := io.WriteString(s.to, plain); err != nil {
		return 0, err
	}
	s.held = append([]byte(nil), all[whole:]...)
	return len(p), nil
}

// wholeRunes is how many bytes of p stand before a character that is cut off
// at its end.
func wholeRunes(p []byte) int {
	for back := 1; back < utf8.UTFMax && back <= len(p); back++ {
		at := len(p) - back
		if utf8.RuneStart(p[at]) {
			if !utf8.FullRune(p[at:]) {
				return at
			}
			break
		}
	}
	if len(p) > 0 && p[len(p)-1] == '\r' {
		return len(p) - 1
	}
	return len(p)
}
