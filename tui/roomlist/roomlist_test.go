package roomlist

import (
	"fmt"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"unibus/internal/text"
	"unibus/tui/cells"
	"unibus/tui/theme"
)

func draw(items []Item, width, height int) string {
	mono, _ := theme.ByName("mono")
	var out []string
	for _, row := range Render(items, cells.Runes, mono, width, height) {
		out = append(out, ansi.Strip(row)+"|")
	}
	return strings.Join(out, "\n")
}

func TestRender(t *testing.T) {
	t.Parallel()
	items := []Item{
		{Name: "ops", Current: true}, {Name: "general", Unread: 3}, {Name: "incident-42", Unread: 12, Mentions: 2},
		{Name: "ci", Muted: true, Unread: 104}, {Name: "a-room-with-a-very-long-name", Unread: 123456}, {Name: "old", Gone: true},
		{Kind: Person, Name: "alice", Unread: 1, Mentions: 1}, {Kind: Person, Name: "carol", Queued: 2},
		{Kind: Invite, Name: "design", By: "alice"},
	}
	want := `
ROOMS               |
>#ops               |
 #general          3|
 #incident-42  @2 12|
 #ci         (m) 104|
 #a-room-with-a~ 9k+|
 #old          (out)|
PEOPLE              |
 @alice         @1 1|
 @carol           ..|
INVITES             |
 +#design by alice  |
                    |`
	if got := "\n" + draw(items, 20, 13); got != want {
		t.Errorf("got:%s\nwant:%s", got, want)
	}
}

// However many rooms there are, the current one is in sight and what is not is
// counted.
func TestWindow(t *testing.T) {
	t.Parallel()
	for current := range 60 {
		var items []Item
		for i := range 60 {
			items = append(items, Item{Name: text.Safe(fmt.Sprint("room", i, ".")), Current: i == current, Unread: i % 2})
		}
		got := draw(items, 20, 12)
		if strings.Count(got, "\n") != 11 || !strings.Contains(got, fmt.Sprint(">#room", current, ".")) {
			t.Fatalf("room %d:\n%s", current, got)
		}
		for y, row := range strings.Split(got, "\n") {
			i, ok := At(items, 12, y)
			if strings.Contains(row, "#room") && (!ok || !strings.Contains(row, string(items[i].Name))) {
				t.Errorf("row %d shows %q, but is item %d", y, row, i)
			}
		}
	}
	if !strings.Contains(draw([]Item{{Name: "a"}, {Name: "b", Unread: 1}, {Name: "c"}}, 20, 3), "v 2 more, 1 unread") {
		t.Error("what is out of sight is counted")
	}
	if _, ok := At(nil, 5, 0); ok {
		t.Error("an empty side bar has no items")
	}
}
