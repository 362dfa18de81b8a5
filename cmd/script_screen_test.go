package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// screenCommands are what a script does at a terminal, as a person would: each
// NAME is a terminal of its own, in tmux, of the size $SIZE.
//
//	screen NAME alice chat ops    runs a program in it; its end is shown as `-- ended CODE`
//	press NAME Enter C-q Up       presses keys, by tmux's names
//	type NAME WORDS               types words
//	says NAME WORDS               types words and presses Enter
//	paste NAME FILE               pastes a file, in brackets as terminals do
//	sees NAME [-count=N] REGEXP   waits until the screen shows it so often (-e: with its
//	                              colours); ! sees: it does not show it now
//	resize NAME 40x12
//	storm NAME N                  so many sizes, one after the other, then $SIZE again: as before
//	close NAME                    the terminal is gone, as when its window is closed
//	hit NAME TERM                 sends the program a signal
//	restored NAME                 the terminal is as it was before the program
//	picture NAME chat-room.svg    the screen is as that picture of the guide shows it
func screenCommands() map[string]func(*testscript.TestScript, bool, []string) {
	folder, _ := os.Getwd() // that of this package
	return map[string]func(*testscript.TestScript, bool, []string){
		"screen":   screenStart,
		"press":    takesScreen("KEY...", screenPress),
		"type":     takesScreen("WORDS", screenType),
		"says":     takesScreen("WORDS", screenSays),
		"paste":    takesScreen("FILE", screenPaste),
		"sees":     screenSees,
		"resize":   takesScreen("WIDTHxHEIGHT", screenResize),
		"storm":    takesScreen("COUNT", screenStorm),
		"close":    takesScreen("", screenClose),
		"hit":      takesScreen("SIGNAL", screenHit),
		"restored": takesScreen("", screenRestored),
		"picture":  scriptPicture(filepath.Join(folder, "..", "docs", "guide")),
	}
}

// takesScreen is a command about a terminal of that name.
func takesScreen(usage string, do func(*testscript.TestScript, string, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) == 0 || (usage == "") != (len(args) == 1) {
			ts.Fatalf("usage: COMMAND NAME %s", usage)
		}
		do(ts, args[0], args[1:])
	}
}

// screenProgram runs a program in a terminal, and tells of its end: with its exit
// code, and how it left the terminal. The terminal stays.
const screenProgram = `sh -c 'echo $$ > "$0.pid"; exec "$@"' "$0" "$@"; code=$?; stty -a; echo "-- ended $code"; exec sleep 600`

// screenConfig has tmux show nothing of its own, and take part in nothing.
const screenConfig = `set -g status off
set -g default-terminal xterm-256color
set -g escape-time 20
`

// tmux asks the script's own tmux server.
func tmux(ts *testscript.TestScript, args ...string) string {
	var stderr bytes.Buffer
	command := exec.Command("tmux", append([]string{"-u", "-S", ts.Getenv("TMUX_SOCKET")}, args...)...)
	command.Dir, command.Env, command.Stderr = ts.MkAbs("."), screenEnviron(ts), &stderr
	out, err := command.Output()
	if errors.Is(err, exec.ErrNotFound) {
		ts.Fatalf("tmux is missing: the chat is driven in it (on Debian: apt-get install tmux)")
	}
	if err != nil {
		ts.Fatalf("tmux %s: %v: %s", strings.Join(args, " "), err, &stderr)
	}
	return string(out)
}

// screenEnviron is the environment of programs in a terminal.
func screenEnviron(ts *testscript.TestScript) []string {
	all := append(scriptEnviron(ts), "LANG=C.UTF-8", "SHELL=/bin/sh", "TZ=UTC")
	for _, name := range []string{"NO_COLOR", "EDITOR"} {
		if value := ts.Getenv(name); value != "" {
			all = append(all, name+"="+value)
		}
	}
	return all
}

func screenStart(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: screen NAME PROGRAM [ARGUMENT...]")
	}
	name, program := args[0], args[1:]
	if slices.Contains(roles(), program[0]) {
		defer enter(ts, program[0])()
		program = slices.Concat([]string{"unibus"}, program[1:])
	}
	startTmux(ts)
	width, height, _ := strings.Cut(ts.Getenv("SIZE"), "x")
	start := []string{"new-session", "-d", "-s", name, "-x", width, "-y", height}
	for _, variable := range screenEnviron(ts) {
		start = append(start, "-e", variable)
	}
	tmux(ts, append(append(start, "--", "sh", "-c", screenProgram, name), program...)...)
}

// startTmux starts the script's own tmux server, once. Its socket has a short
// path: long ones are refused.
func startTmux(ts *testscript.TestScript) {
	if ts.Getenv("TMUX_SOCKET") != "" {
		return
	}
	dir, err := os.MkdirTemp("", "tmux")
	ts.Check(err)
	ts.Check(os.WriteFile(filepath.Join(dir, "conf"), []byte(screenConfig), 0o600))
	ts.Setenv("TMUX_SOCKET", filepath.Join(dir, "s"))
	ts.Defer(func() {
		_ = exec.Command("tmux", "-S", filepath.Join(dir, "s"), "kill-server").Run()
		os.RemoveAll(dir)
	})
	tmux(ts, "-f", filepath.Join(dir, "conf"), "new-session", "-d", "-s", "keep", "sleep", "600")
}

// capture is what stands on a screen now.
func capture(ts *testscript.TestScript, name string, options ...string) string {
	return tmux(ts, append([]string{"capture-pane", "-p", "-t", name + ":"}, options...)...)
}

// screenWait is how long a person would wait.
const screenWait = 20 * time.Second

// await looks at a screen until it is as it should be.
func await(ts *testscript.TestScript, name, what string, ok func() bool) {
	for end := time.Now().Add(screenWait); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("the screen of %s never %s:\n%s", name, what, capture(ts, name))
		}
	}
}

func screenSees(ts *testscript.TestScript, neg bool, args []string) {
	count, options := -1, []string(nil)
	name, args := args[0], args[1:]
	for ; len(args) > 1; args = args[1:] {
		if n, ok := strings.CutPrefix(args[0], "-count="); ok {
			count = atoi(ts, n)
		} else {
			options = append(options, args[0])
		}
	}
	wanted, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	there := func() bool {
		n := len(wanted.FindAllString(capture(ts, name, options...), -1))
		return n == count || count < 0 && n > 0
	}
	if !neg {
		await(ts, name, fmt.Sprintf("showed %q", args[0]), there)
	} else if there() {
		ts.Fatalf("the screen of %s shows %q:\n%s", name, args[0], capture(ts, name))
	}
}

func atoi(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}

func screenPress(ts *testscript.TestScript, name string, keys []string) {
	for _, key := range keys {
		tmux(ts, "send-keys", "-t", name+":", key)
	}
}

func screenType(ts *testscript.TestScript, name string, words []string) {
	tmux(ts, "send-keys", "-t", name+":", "-l", strings.Join(words, " "))
}

func screenSays(ts *testscript.TestScript, name string, words []string) {
	screenType(ts, name, words)
	screenPress(ts, name, []string{"Enter"})
}

func screenPaste(ts *testscript.TestScript, name string, file []string) {
	tmux(ts, "load-buffer", ts.MkAbs(file[0]), ";", "paste-buffer", "-p", "-d", "-t", name+":")
}

func screenResize(ts *testscript.TestScript, name string, size []string) {
	width, height, _ := strings.Cut(size[0], "x")
	tmux(ts, "resize-window", "-t", name+":", "-x", width, "-y", height)
}

// screenStorm goes through sizes from far too small to very large, past tmux,
// which would leave most of them out.
func screenStorm(ts *testscript.TestScript, name string, count []string) {
	before := capture(ts, name)
	tty := strings.TrimSpace(tmux(ts, "display-message", "-p", "-t", name+":", "#{pane_tty}"))
	for i := range atoi(ts, count[0]) {
		ts.Check(exec.Command("stty", "-F", tty, "cols", strconv.Itoa(1+i*37%200), "rows", strconv.Itoa(1+i*13%60)).Run())
	}
	screenResize(ts, name, []string{"40x12"})
	screenSees(ts, false, []string{name, "^-{40}$"})
	screenResize(ts, name, []string{ts.Getenv("SIZE")})
	await(ts, name, "was as before", func() bool { return capture(ts, name) == before })
}

// screenClose waits until the program has noticed.
func screenClose(ts *testscript.TestScript, name string, _ []string) {
	pid := strings.TrimSpace(ts.ReadFile(name + ".pid"))
	tmux(ts, "kill-session", "-t", name)
	for end := time.Now().Add(screenWait); exec.Command("kill", "-0", pid).Run() == nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("the program of %s goes on without its terminal", name)
		}
	}
}

func screenHit(ts *testscript.TestScript, name string, signal []string) {
	pid := strings.TrimSpace(ts.ReadFile(name + ".pid"))
	ts.Check(exec.Command("kill", "-"+signal[0], pid).Run())
}

// screenRestored checks what people miss after a program that did not clean up:
// the screen of before, the cursor, no mouse, lines that are edited and echoed.
func screenRestored(ts *testscript.TestScript, name string, _ []string) {
	await(ts, name, "showed the end of its program", func() bool {
		return regexp.MustCompile(`-- ended \d+`).MatchString(capture(ts, name))
	})
	got := tmux(ts, "display-message", "-p", "-t", name+":", "#{alternate_on} #{mouse_any_flag} #{cursor_flag} #{keypad_cursor_flag}")
	if strings.TrimSpace(got) != "0 0 1 0" {
		ts.Fatalf("alternate screen, mouse, cursor, cursor keys of %s: got %swant 0 0 1 0", name, got)
	}
	all := " " + strings.Join(strings.Fields(capture(ts, name)), " ")
	for _, mode := range []string{" icanon", " echo", " isig", " icrnl"} {
		if !strings.Contains(all, mode) {
			ts.Fatalf("the terminal of %s lost%s:\n%s", name, mode, capture(ts, name))
		}
	}
}
