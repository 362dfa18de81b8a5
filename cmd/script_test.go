package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes this test binary serve as unibus too, so that scripts run
// the real program in processes of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"unibus": func() { os.Exit(Main()) },
	})
}

// TestScripts runs every script in testdata/script against the real program,
// each in an empty home.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                filepath.Join("testdata", "script"),
		Setup:              emptyHome,
		RequireUniqueNames: true,
		Cmds:               scriptCommands(),
		Condition:          scriptCondition,
	})
}

func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	all := newNodes().commands()
	maps.Copy(all, newRuns().commands())
	maps.Copy(all, screenCommands())
	all["exits"] = scriptExits
	all["readergone"] = scriptReaderGone
	return all
}

// scriptCondition answers [disk]: whether a small disk can be had here.
func scriptCondition(name string) (bool, error) {
	if name == "disk" {
		return canMount(), nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// emptyHome gives a script a home of its own and nothing of the machine's; ESC
// is there for the names that a hostile stranger would choose, ADMIN is what
// the founder of its bus is called.
func emptyHome(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		return err
	}
	env.Setenv("ESC", "\x1b")
	env.Setenv("ADMIN", string(adminHandle()))
	env.Setenv("HOME", home)
	env.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "config"))
	env.Setenv("XDG_DATA_HOME", filepath.Join(home, "data"))
	env.Setenv("XDG_RUNTIME_DIR", filepath.Join(home, "run"))
	return nil
}

// scriptExits runs a program and checks its exit code, to the number:
//
//	exits 2 unibus serve --nonsense
//	exits 4 bob read ops
func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	program, got := args[1], 0
	if slices.Contains(roles(), program) {
		defer enter(ts, program)()
		program = "unibus"
	}
	var exit *exec.ExitError
	if err := ts.Exec(program, args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("run %s: %v", args[1], err)
	}
	if got != want {
		ts.Fatalf("exit code: got %d, want %d\n%s%s", got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// scriptReaderGone runs a program whose stdout nobody reads, like the first
// part of `unibus ... | true`: it must end with 0 and say nothing.
func scriptReaderGone(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: readergone PROGRAM [ARGUMENT...]")
	}
	program, err := exec.LookPath(args[0])
	ts.Check(err)
	read, write, err := os.Pipe()
	ts.Check(err)
	ts.Check(read.Close())
	defer write.Close()
	var stderr bytes.Buffer
	command := exec.Command(program, args[1:]...)
	command.Env = scriptEnviron(ts)
	command.Stdout, command.Stderr = write, &stderr
	if err := command.Run(); err != nil || stderr.Len() > 0 {
		ts.Fatalf("%s whose reader is gone: %v, stderr %q", args[0], err, stderr.String())
	}
}
