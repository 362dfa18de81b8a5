package cmd

import (
	"strconv"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/config"
	"unibus/internal/text"
)

const helpTemplate = `{{with or .Long .Short}}{{. | trimTrailingWhitespaces}}

{{end}}{{.UsageString}}`

// usageTemplate ends with the examples: what is read last is tried first.
const usageTemplate = `Usage:
  {{.UseLine}}{{if .HasAvailableSubCommands}}

Commands:{{range .Commands}}{{if or .IsAvailableCommand (eq .Name "help")}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsagesWrapped 80 | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

Flags of every command:
{{.InheritedFlags.FlagUsagesWrapped 80 | trimTrailingWhitespaces}}{{end}}{{if not .HasParent}}

More:
  unibus help exit-codes | faults | environment | json | words{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}
`

// helpOf is help without --dry-run where that is refused.
func helpOf(help func(*cobra.Command, []string)) func(*cobra.Command, []string) {
	return func(cmd *cobra.Command, args []string) {
		if flag := cmd.InheritedFlags().Lookup("dry-run"); flag != nil {
			flag.Hidden = !cmd.HasSubCommands() && !tries(cmd)
		}
		help(cmd, args)
	}
}

// topic is a page of help that belongs to no command.
type topic struct {
	name, short string
	print       func(*Env) error
}

func topics() []topic {
	return []topic{
		{"exit-codes", "what each exit code means", printExitCodes},
		{"faults", "what it means when a node's story does not hold", printFaults},
		{"environment", "the variables that unibus reads", printVariables},
		{"json", "the shapes that -o json prints", printShapes},
		{"words", "the words that unibus uses", printWords},
	}
}

func newHelpCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:         "help [COMMAND... | TOPIC]",
		Short:       "Explain a command, or exit-codes, faults, environment, json, words",
		Example:     "  unibus help room create\n  unibus help exit-codes",
		Args:        takes(0, -1),
		Annotations: map[string]string{prints: printsList},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return completeHelp(cmd.Root(), args), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runHelp(env, cmd.Root(), args) },
	}
}

func runHelp(env *Env, root *cobra.Command, args []string) error {
	if len(args) == 1 {
		for _, t := range topics() {
			if t.name == args[0] {
				return t.print(env)
			}
		}
	}
	at := root
	for _, name := range args {
		next := child(at, name)
		if next == nil {
			return unknownTopic(at, name)
		}
		at = next
	}
	return at.Help()
}

// child returns the command of that name or alias under parent, or nil.
func child(parent *cobra.Command, name string) *cobra.Command {
	for _, c := range parent.Commands() {
		if c.Name() == name || c.HasAlias(name) {
			return c
		}
	}
	return nil
}

func unknownTopic(at *cobra.Command, name string) error {
	if at.HasParent() {
		return unknownCommand(at, name)
	}
	names := make([]string, 0, len(topics()))
	for _, t := range topics() {
		names = append(names, t.name)
	}
	if near := nearest(name, names); near != "" {
		return bus.Errorf(bus.Invalid, "usage", "help: unknown topic %q", name).
			WithHint("did you mean 'unibus help %s'?", near)
	}
	return unknownCommand(at, name)
}

func completeHelp(root *cobra.Command, args []string) (words []cobra.Completion) {
	at := root
	for _, name := range args {
		if at = child(at, name); at == nil {
			return nil
		}
	}
	for _, c := range at.Commands() {
		if c.IsAvailableCommand() {
			words = append(words, cobra.CompletionWithDesc(c.Name(), c.Short))
		}
	}
	if at == root {
		for _, t := range topics() {
			words = append(words, cobra.CompletionWithDesc(t.name, t.short))
		}
	}
	return words
}

func printExitCodes(env *Env) error {
	return printList(env, "exit_code", exits(),
		column[exit]{"code", func(e exit) text.Safe { return text.Safe(strconv.Itoa(e.Code)) }},
		column[exit]{"name", func(e exit) text.Safe { return text.Safe(e.Name) }},
		column[exit]{"meaning", func(e exit) text.Safe { return text.Safe(e.Meaning) }})
}

func printVariables(env *Env) error {
	return printList(env, "variable", config.Variables(),
		column[config.Variable]{"name", func(v config.Variable) text.Safe { return text.Safe(v.Name) }},
		column[config.Variable]{"help", func(v config.Variable) text.Safe { return text.Safe(v.Help) }})
}

// word is an entry of the glossary.
type word struct {
	Name    string `json:"name"`
	Meaning string `json:"meaning"`
}

func glossary() []word {
	return []word{
		{"bus", "nodes, and the people and programs they let in"},
		{"node", "one server process"},
		{"user", "a person or a service on the bus, named like @bob"},
		{"admin", "a user who may let others in and revoke them"},
		{"account", "the key that says which endpoints are a user's"},
		{"endpoint", "a device, bot or job of a user, with keys of its own"},
		{"identity", "the file with the keys of one endpoint"},
		{"context", "a bus and the identity to use on it"},
		{"fingerprint", "what two people compare to know a key is the right one"},
		{"trust", "were numbers compared with a user? ? behind a name: no"},
		{"room", "a conversation; its key is known to its members only"},
		{"owner, member, reader", "what one may do in a room: manage it, write, read"},
		{"invite", "a link, good for one use, that lets somebody in"},
		{"guest", "somebody invited to a room who has not joined yet"},
		{"epoch", "the time one room key is used; new members, new epoch"},
		{"rekey", "start a new epoch: a new room key"},
		{"chain", "a list of signed entries that a server cannot forge"},
		{"blob", "a sealed file, stored in pieces; its reference opens it"},
		{"posture", "how safe each node really is"},
		{"grant", "an earlier room key, sealed for who came later"},
		{"organisation key", "24 words of the founder; it stands above all admins"},
		{"proposal", "a line by which two admins act against a third"},
		{"revoke", "take a user off the bus; kick: out of one room"},
	}
}

func printWords(env *Env) error {
	return printList(env, "word", glossary(),
		column[word]{"name", func(w word) text.Safe { return text.Safe(w.Name) }},
		column[word]{"meaning", func(w word) text.Safe { return text.Safe(w.Meaning) }})
}
