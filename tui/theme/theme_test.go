package theme

import (
	"regexp"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

func TestThemes(t *testing.T) {
	t.Parallel()
	colour := regexp.MustCompile(`\x1b\[[0-9;]*\b(3[0-7]|4[0-7]|9[0-7]|10[0-7])\b`)
	for _, name := range Names() {
		th, ok := ByName(name)
		if !ok || th.Name != name {
			t.Fatalf("there is no theme %q", name)
		}
		for what, s := range map[string]Style{"bar": th.Bar, "accent": th.Accent, "self": th.Self, "nick": th.Nick, "dim": th.Dim, "good": th.Good,
			"warn": th.Warn, "bad": th.Bad, "mention": th.Mention, "selected": th.Selected, "unread": th.Unread} {
			drawn := s.On("x")
			if ansi.Strip(drawn) != "x" {
				t.Errorf("%s %s: %q", name, what, drawn)
			}
			if name == "mono" && colour.MatchString(drawn) {
				t.Errorf("mono %s has a colour: %q", what, drawn)
			}
			if s.On("") != "" {
				t.Errorf("%s %s: styles without text", name, what)
			}
		}
	}
	if _, ok := ByName("neon"); ok {
		t.Error("an unknown theme must not be found")
	}
}
