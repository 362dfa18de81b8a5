package cmd

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestChatScreen drives the chat in a terminal against a real node, as people
// would, on a small and on a large screen.
func TestChatScreen(t *testing.T) {
	t.Parallel()
	for _, size := range []string{"80x24", "120x40"} {
		t.Run(size, func(t *testing.T) {
			t.Parallel()
			testscript.Run(t, testscript.Params{
				Dir: filepath.Join("testdata", "screen"),
				Setup: func(env *testscript.Env) error {
					env.Setenv("SIZE", size)
					return emptyHome(env)
				},
				RequireUniqueNames: true,
				Cmds:               scriptCommands(),
				Condition: func(name string) (bool, error) {
					if name == "large" {
						return size == "120x40", nil
					}
					return scriptCondition(name)
				},
			})
		})
	}
}

// TestChatPictures takes the pictures of docs/guide/chat.md from a real terminal;
// -update draws them anew.
func TestChatPictures(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "picture"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("SIZE", "80x24")
			return emptyHome(env)
		},
		RequireUniqueNames: true,
		Cmds:               scriptCommands(),
		Condition:          scriptCondition,
	})
}

// A picture has what a screen shows, each cell in its place; what differs each
// time is put right without moving anything else.
func TestPictureOfScreen(t *testing.T) {
	t.Parallel()
	rows := pictured(cellsOf("\x1b[7m #ops  key 2, 3 min old . 2     F1 \x1b[0m\n" +
		"|\x1b[90m23:59\x1b[39m \x1b[1;92mbob\x1b[0m  [🎉 1] <b>\n|-- Sun 1 Nov 2026 ---|\n * online n1, 120 ms     Enter \n"))
	want := []string{" #ops  key 2, new . 2           F1 ", "|14:03 bob  [🎉 1] <b>", "|-- Sat 21 Nov 2026 --|", " * online n1, 3 ms       Enter "}
	for y, row := range rows {
		got := ""
		for _, c := range row {
			got += c.text
		}
		if got != want[y] {
			t.Errorf("got %q, want %q", got, want[y])
		}
	}
	drawn := rows.svg()
	for _, part := range []string{`fill="#16181d">#ops</text>`, `font-weight="bold">bob</text>`, `>🎉</text>`, `>1] &lt;b&gt;</text>`, `textLength="16.9"`} {
		if !strings.Contains(drawn, part) {
			t.Errorf("the picture lacks %s:\n%s", part, drawn)
		}
	}
}
