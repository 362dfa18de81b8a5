// Package theme holds the colours of the screen, by what they say.
//
// It promises that a theme uses the terminal's own 16 colours, so that the
// person's palette decides how they look, and that no theme says anything by
// colour that a character does not say too. Every style is closed where it was
// opened: nothing bleeds into what stands beside it.
package theme

import "github.com/charmbracelet/x/ansi"

// Theme is how each part of the screen is drawn.
type Theme struct {
	Name     string
	Bar      Style // title and status
	Accent   Style // what one is in or on
	Self     Style // one's own name
	Nick     Style // other people's names
	Dim      Style // times, rules, hints
	Good     Style // verified, online
	Warn     Style // not verified, reconnecting
	Bad      Style // changed keys, failures
	Mention  Style // one's name in what others write
	Selected Style // the line that keys act on
	Unread   Style // counts, the line before what is new
}

// Style puts text between the codes that begin and end it.
type Style struct{ begin string }

// On draws s, which must not hold styles itself.
func (s Style) On(text string) string {
	if s.begin == "" || text == "" {
		return text
	}
	return s.begin + text + ansi.ResetStyle
}

func style(s ansi.Style) Style { return Style{begin: s.String()} }

func plain() ansi.Style { return ansi.NewStyle() }

// Names lists the themes that ByName knows.
func Names() []string { return []string{"dark", "light", "mono", "high-contrast"} }

// ByName returns a theme, false where there is none of this name.
func ByName(name string) (Theme, bool) {
	switch name {
	case "dark":
		return dark(), true
	case "light":
		return light(), true
	case "mono":
		return mono(), true
	case "high-contrast":
		return highContrast(), true
	}
	return Theme{}, false
}

func dark() Theme {
	return Theme{
		Name: "dark", Bar: style(plain().Reverse(true)),
		Accent: style(plain().Bold().ForegroundColor(ansi.BrightCyan)),
		Self:   style(plain().ForegroundColor(ansi.BrightCyan)), Nick: style(plain().ForegroundColor(ansi.BrightBlue)),
		Dim: style(plain().ForegroundColor(ansi.BrightBlack)), Good: style(plain().ForegroundColor(ansi.BrightGreen)),
		Warn: style(plain().ForegroundColor(ansi.BrightYellow)), Bad: style(plain().Bold().ForegroundColor(ansi.BrightRed)),
		Mention: style(plain().Bold().ForegroundColor(ansi.BrightMagenta)), Selected: style(plain().Reverse(true)),
		Unread: style(plain().Bold().ForegroundColor(ansi.BrightYellow)),
	}
}

func light() Theme {
	return Theme{
		Name: "light", Bar: style(plain().Reverse(true)),
		Accent: style(plain().Bold().ForegroundColor(ansi.Blue)),
		Self:   style(plain().ForegroundColor(ansi.Cyan)), Nick: style(plain().ForegroundColor(ansi.Blue)),
		Dim: style(plain().ForegroundColor(ansi.BrightBlack)), Good: style(plain().ForegroundColor(ansi.Green)),
		Warn: style(plain().ForegroundColor(ansi.Magenta)), Bad: style(plain().Bold().ForegroundColor(ansi.Red)),
		Mention: style(plain().Bold().ForegroundColor(ansi.Magenta)), Selected: style(plain().Reverse(true)),
		Unread: style(plain().Bold().ForegroundColor(ansi.Red)),
	}
}

// mono has no colour at all, for NO_COLOR and for terminals without.
func mono() Theme {
	bold, faint, reverse := style(plain().Bold()), style(plain().Faint()), style(plain().Reverse(true))
	return Theme{Name: "mono", Bar: reverse, Accent: bold, Dim: faint, Bad: bold, Mention: bold, Selected: reverse, Unread: bold}
}

// highContrast has nothing faint and nothing that only differs a little.
func highContrast() Theme {
	bold := plain().Bold()
	return Theme{
		Name: "high-contrast", Bar: style(bold.Reverse(true)), Accent: style(bold.Underline(true)),
		Self: style(bold), Nick: style(bold), Good: style(bold), Warn: style(bold.ForegroundColor(ansi.BrightYellow)),
		Bad:     style(plain().Bold().ForegroundColor(ansi.BrightWhite).BackgroundColor(ansi.Red)),
		Mention: style(plain().Bold().Reverse(true)), Selected: style(plain().Bold().Reverse(true)), Unread: style(plain().Bold().Underline(true)),
	}
}
