package cmd

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"unibus/internal/config"
	"unibus/tui/cells"
)

// everyCommand calls f with each command of the tree, itself a test.
func everyCommand(t *testing.T, f func(*testing.T, *cobra.Command)) {
	t.Helper()
	root := newRootCmd(newFakeEnv("").Env)
	root.InitDefaultHelpCmd()
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		t.Run(strings.ReplaceAll(c.CommandPath(), " ", "_"), func(t *testing.T) { f(t, c) })
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
}

// What every command owes to the shell and to the reader of its help.
func TestShellContract(t *testing.T) {
	t.Parallel()
	everyCommand(t, func(t *testing.T, c *cobra.Command) {
		switch {
		case c.Short == "":
			t.Error("has no Short")
		case strings.HasSuffix(c.Short, ".") || strings.Contains(c.Short, "\n"):
			t.Errorf("Short is one line without a full stop: %q", c.Short)
		}
		if c.RunE == nil || c.Run != nil {
			t.Error("wants RunE, and no Run: errors reach the shell")
		}
		if c.Args == nil {
			t.Error("has no Args: what is too much would be ignored")
		}
		if c.HasParent() && (c.PersistentPreRunE != nil || c.PersistentPreRun != nil) {
			t.Error("has a persistent pre-run: the one of the root would not run")
		}
		if !c.HasSubCommands() {
			checkPromise(t, c)
		}
	})
}

// checkPromise looks at what a leaf says about its output.
func checkPromise(t *testing.T, c *cobra.Command) {
	t.Helper()
	promises := []string{printsList, printsOne, printsStream, printsChange, printsBytes, printsNothing}
	if !slices.Contains(promises, c.Annotations[prints]) {
		t.Errorf("annotation %q is %q, want one of %q", prints, c.Annotations[prints], promises)
	}
	if c.Annotations[prints] == printsChange && c.Annotations[dryRun] == "" {
		t.Logf("%s refuses --dry-run", c.CommandPath())
	}
}

// The last thing in a help text is an example that works: it names the command
// it stands with, and flags that the command has.
func TestExamples(t *testing.T) {
	t.Parallel()
	everyCommand(t, func(t *testing.T, c *cobra.Command) {
		own := 0
		for line := range strings.Lines(c.Example) {
			if !strings.HasPrefix(line, "  ") {
				t.Errorf("example %q is not indented by two spaces", line)
			}
			for _, words := range commandsIn(line) {
				found, rest, err := c.Root().Find(words[1:])
				if err != nil {
					t.Errorf("example %q: %v", line, err)
					continue
				}
				if found.HasSubCommands() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
					t.Errorf("example %q: %s has no command %q", line, found.CommandPath(), rest[0])
				}
				if found == c {
					own++
				}
				checkFlags(t, found, line, rest)
			}
		}
		if own == 0 && !c.HasSubCommands() {
			t.Errorf("no example uses it: %q", c.Example)
		}
		if c.Example == "" {
			t.Error("has no example")
		}
	})
}

// commandsIn returns the calls of unibus in a line of shell.
func commandsIn(line string) (calls [][]string) {
	line, _, _ = strings.Cut(line, " #")
	for _, separator := range []string{"$(", ")", "|", "&&", ";", "\""} {
		line = strings.ReplaceAll(line, separator, " | ")
	}
	for part := range strings.SplitSeq(line, " | ") {
		words := strings.Fields(part)
		for len(words) > 0 && strings.Contains(words[0], "=") {
			words = words[1:]
		}
		if len(words) > 0 && words[0] == "unibus" {
			calls = append(calls, words)
		}
	}
	return calls
}

func checkFlags(t *testing.T, c *cobra.Command, line string, words []string) {
	t.Helper()
	for _, w := range words {
		if w == "--" {
			return
		}
		name, _, _ := strings.Cut(w, "=")
		if long, ok := strings.CutPrefix(name, "--"); ok {
			if c.Flag(long) == nil {
				t.Errorf("example %q: %s has no flag --%s", line, c.CommandPath(), long)
			}
			continue
		}
		if short, ok := strings.CutPrefix(name, "-"); ok && short != "" {
			if c.Flags().ShorthandLookup(short[:1]) == nil && c.InheritedFlags().ShorthandLookup(short[:1]) == nil {
				t.Errorf("example %q: %s has no flag -%s", line, c.CommandPath(), short)
			}
		}
	}
}

// The same word means the same everywhere: no command has a flag of its own
// that shadows one of every command, and no flag goes unexplained.
func TestFlags(t *testing.T) {
	t.Parallel()
	everyCommand(t, func(t *testing.T, c *cobra.Command) {
		global := c.Root().PersistentFlags()
		c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
			if c.HasParent() && global.Lookup(f.Name) != nil {
				t.Errorf("--%s hides the flag of every command", f.Name)
			}
			if c.HasParent() && f.Shorthand != "" && global.ShorthandLookup(f.Shorthand) != nil {
				t.Errorf("-%s hides the flag of every command", f.Shorthand)
			}
			if f.Usage == "" || strings.HasSuffix(f.Usage, ".") {
				t.Errorf("--%s: usage %q", f.Name, f.Usage)
			}
			for _, secret := range []string{"password", "secret", "token", "passphrase"} {
				if strings.Contains(f.Name, secret) && !strings.HasSuffix(f.Name, "-file") && f.Value.Type() != "bool" {
					t.Errorf("--%s: a secret never stands in a flag, other users would see it; take a file", f.Name)
				}
			}
		})
	})
}

// withoutBus are command lines that print data and need no bus: they are run
// in every format. Other commands show it in their scripts.
func withoutBus() [][]string {
	return [][]string{
		{"version"}, {"limits"}, {"config", "show"},
		{"help", "exit-codes"}, {"help", "environment"}, {"help", "json"}, {"help", "words"},
	}
}

func TestEveryFormatOfEveryListing(t *testing.T) {
	t.Parallel()
	for _, line := range withoutBus() {
		for _, format := range config.Formats() {
			t.Run(strings.Join(line, "_")+"_"+string(format), func(t *testing.T) {
				t.Parallel()
				code, stdout, stderr := newFakeEnv("").run(t, append(line, "-o", string(format))...)
				if code != 0 || stderr != "" {
					t.Fatalf("got exit code %d and stderr %q", code, stderr)
				}
				checkFormat(t, format, stdout, line[0] == "config")
			})
		}
	}
}

func checkFormat(t *testing.T, format config.Format, stdout string, mayBeEmpty bool) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if stdout == "" && mayBeEmpty {
		return
	}
	for _, line := range lines {
		switch format {
		case config.JSON, config.NDJSON:
			first := `{"type":`
			if format == config.JSON {
				first = `{"schema":1`
			}
			if !json.Valid([]byte(line)) || !strings.HasPrefix(line, first) {
				t.Errorf("got %q, want an object that begins with %s", line, first)
			}
		case config.TSV:
			if strings.Count(line, "\t") != strings.Count(lines[0], "\t") {
				t.Errorf("got %q, want as many cells as in %q", line, lines[0])
			}
		case config.Name:
			if strings.ContainsAny(line, "\t") || line == "" {
				t.Errorf("got %q, want one name", line)
			}
		}
	}
	if format == config.JSON && len(lines) != 1 {
		t.Errorf("got %d lines, want one object", len(lines))
	}
}

// screenWidth is what help and its topics fit: a plain terminal.
const screenWidth = 80

// Help is read in a terminal of 80 columns: a line that wraps breaks the table
// it stands in.
func TestHelpFitsTheScreen(t *testing.T) {
	t.Parallel()
	everyCommand(t, func(t *testing.T, c *cobra.Command) {
		line := append(strings.Fields(c.CommandPath())[1:], "--help")
		_, stdout, _ := newFakeEnv("").run(t, line...)
		checkWidth(t, stdout)
	})
	for _, line := range withoutBus() {
		if line[0] != "config" { // what is set is a person's own
			_, stdout, _ := newFakeEnv("").run(t, line...)
			checkWidth(t, stdout)
		}
	}
}

func checkWidth(t *testing.T, shown string) {
	t.Helper()
	if shown == "" {
		t.Error("nothing is shown")
	}
	for line := range strings.Lines(shown) {
		if n := cells.Runes.Width(strings.TrimSuffix(line, "\n")); n > screenWidth {
			t.Errorf("%d columns, want %d at most: %s", n, screenWidth, line)
		}
	}
}
