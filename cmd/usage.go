package cmd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"unibus/internal/bus"
)

// What a command promises to the shell stands in its annotations, where the
// contract test and the help find it.
const (
	prints = "prints"  // what goes to stdout, one of the words below
	dryRun = "dry-run" // not empty: the command honours --dry-run
)

const (
	printsList    = "list"    // printList
	printsOne     = "one"     // printOne
	printsStream  = "stream"  // printEvent
	printsChange  = "change"  // printChange
	printsBytes   = "bytes"   // a file, a script: no -o
	printsNothing = "nothing" // stderr only
)

// newGroup is a command that only holds others.
func newGroup(use, short, example string, commands ...*cobra.Command) *cobra.Command {
	group := &cobra.Command{
		Use: use + " COMMAND", Short: short, Example: example,
		DisableFlagsInUseLine: true,
		Args:                  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
	}
	group.AddCommand(commands...)
	return group
}

// takes checks that a command gets from least to most arguments; most below 0
// means any number.
func takes(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usagef(cmd, "an argument is missing: got %d, want %s", len(args), amount(least, most))
		case most >= 0 && len(args) > most:
			return usagef(cmd, "too many arguments: got %d, want %s", len(args), amount(least, most))
		}
		return nil
	}
}

func amount(least, most int) string {
	switch {
	case most < 0:
		return fmt.Sprintf("%d or more", least)
	case least != most:
		return fmt.Sprintf("%d to %d", least, most)
	case most == 0:
		return "none"
	}
	return fmt.Sprint(least)
}

// usagef is the error of a command that was not understood: exit 2.
func usagef(cmd *cobra.Command, format string, args ...any) error {
	return bus.Errorf(bus.Invalid, "usage", "%s%s", about(cmd), fmt.Sprintf(format, args...)).
		WithHint("usage: %s", cmd.UseLine())
}

// about is how a message starts that is about cmd: "room create: ", or nothing
// for unibus itself.
func about(cmd *cobra.Command) string {
	if path, ok := strings.CutPrefix(cmd.CommandPath(), cmd.Root().Name()+" "); ok {
		return path + ": "
	}
	return ""
}

// meant is what people type who know other tools, and the command that does it;
// * stands for any word.
func meant() map[string]string {
	return map[string]string{
		"whoami": "context show", "id": "identity show", "key": "identity show", "login": "join", "connect": "join",
		"init": "serve", "start": "serve", "run": "serve", "server": "serve", "status": "posture", "health": "posture",
		"ping": "smoke", "test": "smoke", "ls": "room list", "rooms": "room list", "channel": "room", "group": "room",
		"users": "user list", "who": "user list", "members": "room members", "create": "room create", "kick": "room kick",
		"leave": "room leave", "revoke": "user revoke", "contexts": "context list", "use": "context use", "settings": "config show",
		"post": "send", "say": "send", "publish": "send", "pub": "send", "listen": "tail", "subscribe": "tail", "sub": "tail",
		"follow": "tail", "history": "read", "log": "read", "upload": "blob put", "put": "blob put", "download": "blob get",
		"get": "blob get", "unlock": "identity unlock", "export": "identity export", "man": "help",

		"room ls": "room list", "room add": "room invite", "room new": "room create", "room rm": "room delete",
		"room remove": "room kick", "room history": "read", "room send": "send", "room show": "room members",
		"user ls": "user list", "user rm": "user revoke", "user remove": "user revoke", "user delete": "user revoke",
		"user create": "user invite", "user new": "user invite", "user kick": "user revoke", "user promote": "user role",
		"invite *": "user invite", "invite ls": "invite list", "invite create": "user invite", "invite new": "user invite", "invite rm": "invite revoke",
		"blob list": "blob ls", "blob delete": "blob rm", "blob remove": "blob rm", "blob show": "blob stat",
		"blob upload": "blob put", "blob download": "blob get", "identity create": "identity new",
		"context ls": "context list", "context delete": "context rm", "context remove": "context rm", "context current": "context show",
		"config list": "config show", "config get": "config show",
	}
}

func unknownCommand(parent *cobra.Command, name string) error {
	var names []string
	for _, c := range parent.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	err := bus.Errorf(bus.Invalid, "usage", "%sunknown command %q", about(parent), name)
	if command := suggestion(parent, name, names); command != "" {
		return err.WithHint("did you mean '%s %s'?", parent.Root().Name(), command)
	}
	return err.WithHint("see '%s --help'", parent.CommandPath())
}

// suggestion is the command that name under parent was most likely meant to
// be, or "": what is meant by it, else one of names that looks alike, else
// what is meant by any word there.
func suggestion(parent *cobra.Command, name string, names []string) string {
	_, group, _ := strings.Cut(parent.CommandPath()+" ", " ")
	if known := meant()[group+strings.ToLower(name)]; known != "" {
		return known
	}
	if near := nearest(name, names); near != "" {
		return group + near
	}
	return meant()[group+"*"]
}

// flagError says in one line what is wrong with a flag.
func flagError(cmd *cobra.Command, err error) error {
	if seen := cmd.Flags().Args(); cmd.HasSubCommands() && len(seen) > 0 {
		return unknownCommand(cmd, seen[0]) // its flags could not be known
	}
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		line, _, _ := strings.Cut(err.Error(), "\n")
		line, _, _ = strings.Cut(line, ": strconv.")
		return bus.Errorf(bus.Invalid, "usage", "%s%s", about(cmd), line).
			WithHint("see '%s --help'", cmd.CommandPath())
	}
	name := unknown.GetSpecifiedName()
	if unknown.GetSpecifiedShortnames() != "" {
		return bus.Errorf(bus.Invalid, "usage", "%sunknown flag -%s", about(cmd), name).
			WithHint("see '%s --help'", cmd.CommandPath())
	}
	usage := bus.Errorf(bus.Invalid, "usage", "%sunknown flag --%s", about(cmd), name)
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := nearest(name, names); near != "" {
		return usage.WithHint("did you mean --%s?", near)
	}
	return usage.WithHint("see '%s --help'", cmd.CommandPath())
}

// nearest returns the name that word was most likely meant to be, or "".
func nearest(word string, names []string) string {
	best, least := "", 3
	for _, name := range names {
		d := distance(strings.ToLower(word), name)
		if len(word) > 1 && strings.HasPrefix(name, word) {
			d = 1
		}
		if d < least && d < len(name) {
			best, least = name, d
		}
	}
	return best
}

// distance is how many bytes must be put in, left out or changed to make b of
// a (Levenshtein). Words that cannot be near are not compared: a stranger's
// word may be long.
func distance(a, b string) int {
	if d := len(a) - len(b); d > 2 || d < -2 {
		return 3
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
