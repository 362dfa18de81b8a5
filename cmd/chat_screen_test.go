package cmd

import (
	"path/filepath"
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
