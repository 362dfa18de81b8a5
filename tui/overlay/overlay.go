// Package overlay holds the panels that stand over the lower part of the
// screen: a list to pick from, and a page to read.
//
// It promises that a panel is never larger than the place it is given and that
// its first and last line say what it is and how it is left. It knows neither
// rooms nor messages, and no keys but those that it is told of.
package overlay

import (
	"unibus/internal/text"
	"unibus/tui/cells"
	"unibus/tui/theme"
)

// Place is what a panel is drawn with and in.
type Place struct {
	Cells         cells.Method
	Theme         theme.Theme
	Width, Height int
}

// Panel is what a panel looks like: at most Height rows, each Width wide, and
// where the cursor is, X -1 where it has none.
type Panel struct {
	Rows []string
	X, Y int
}

func (p Place) head(title text.Safe) string {
	return p.Theme.Accent.On(p.Cells.Rule(string(title), "-", p.Width))
}

func (p Place) foot(hint string) string {
	return p.Theme.Dim.On(p.Cells.Fit(" "+hint, p.Width))
}
