package cmd

import (
	"cmp"

	"github.com/spf13/cobra"

	"unibus/internal/config"
	"unibus/internal/text"
)

func newConfigCmd(env *Env) *cobra.Command {
	return newGroup("config", "Show how unibus was asked to behave",
		"  unibus config show", newConfigShowCmd(env))
}

func newConfigShowCmd(env *Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print every setting, its value and where the value comes from",
		Long: "Print every setting, its value and where the value comes from.\n\n" +
			"A flag wins over a UNIBUS_* variable, that over the file, that over the\n" +
			"default. The client's file is config.toml in its home, the node's is\n" +
			"config.toml in its data directory. The flags of serve are taken, to show\n" +
			"what a node started with them would do.",
		Example:     "  unibus config show\n  unibus config show --data /srv/unibus -o json",
		Args:        takes(0, 0),
		Annotations: map[string]string{prints: printsList},
		RunE:        func(cmd *cobra.Command, _ []string) error { return runConfigShow(env, cmd) },
	}
	config.ServeFlags(cmd.Flags())
	return cmd
}

// shown is one setting as it is printed.
type shown struct {
	Name   string `json:"name"`
	For    string `json:"for"` // "client" or "serve"
	Value  string `json:"value"`
	Source string `json:"source"`
}

// runConfigShow prints also what it then refuses: that is when somebody looks.
func runConfigShow(env *Env, cmd *cobra.Command) error {
	client, refused := env.LoadClient(cmd.Flags())
	serve, unsafe := env.LoadServe(cmd.Flags())
	if refused == nil {
		env.settings = &client
	} else {
		env.settings = &config.Client{Output: formatOf(cmd)}
	}
	var all []shown
	for _, v := range client.Values {
		all = append(all, shown{v.Name, "client", v.Value, v.Source})
	}
	for _, v := range serve.Values {
		all = append(all, shown{v.Name, "serve", v.Value, v.Source})
	}
	err := printList(env, "setting", all,
		column[shown]{"name", func(s shown) text.Safe { return text.Safe(s.Name) }},
		column[shown]{"for", func(s shown) text.Safe { return text.Safe(s.For) }},
		column[shown]{"value", func(s shown) text.Safe { return text.Line(s.Value) }},
		column[shown]{"source", func(s shown) text.Safe { return text.Line(s.Source) }})
	return cmp.Or(err, refused, unsafe)
}

// formatOf is the format where the settings that hold it are refused.
func formatOf(cmd *cobra.Command) config.Format {
	format, err := config.ParseFormat(cmd.Flags().Lookup("output").Value.String())
	if err != nil {
		return config.Text
	}
	return format
}
