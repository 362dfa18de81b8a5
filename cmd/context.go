package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/profile"
	"unibus/internal/text"
)

func newContextCmd(env *Env) *cobra.Command {
	return newGroup("context", "Choose the bus that commands talk to",
		"  unibus context list\n  unibus context use work",
		newContextListCmd(env), newContextUseCmd(env), newContextShowCmd(env), newContextRmCmd(env))
}

// contextShown is a context in listings.
type contextShown struct {
	Name    string `json:"name"`
	Current bool   `json:"current"`
	User    string `json:"user"`
	URL     string `json:"url"`
	NATS    string `json:"nats"`
	Bus     string `json:"bus"`
	Pending bool   `json:"pending"` // made, and the bus has not taken it in yet
	State   string `json:"state"`   // ready, pending or revoked
}

func showContext(at profile.Context, current string) contextShown {
	shown := contextShown{Name: at.Name, Current: at.Name == current, User: string(at.Handle), URL: at.URL,
		NATS: at.NATS, Pending: at.Pending, State: "ready"}
	switch {
	case at.Revoked:
		shown.State = "revoked"
	case at.Pending:
		shown.State = "pending"
	}
	if at.Bus != (bus.ID{}) {
		shown.Bus = at.Bus.String()
	}
	return shown
}

// contextInUse is the name of the context in use, "" where there is none.
func contextInUse(env *Env, home profile.Home) string {
	if settings, err := env.Settings(); err == nil && settings.Context != "" {
		return settings.Context
	}
	current, err := home.Current()
	if err != nil {
		return ""
	}
	return current
}

func newContextListCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:         "list",
		Short:       "List the buses you have an identity for",
		Example:     "  unibus context list\n  unibus context list -o name",
		Args:        takes(0, 0),
		Annotations: map[string]string{prints: printsList},
		RunE:        func(*cobra.Command, []string) error { return runContextList(env) },
	}
}

func runContextList(env *Env) error {
	home, err := env.home()
	if err != nil {
		return err
	}
	all, err := home.Contexts()
	if err != nil {
		return err
	}
	current := contextInUse(env, home)
	shown := make([]contextShown, len(all))
	for i, at := range all {
		shown[i] = showContext(at, current)
	}
	return printList(env, "context", shown,
		column[contextShown]{"name", func(c contextShown) text.Safe { return text.Line(c.Name) }},
		column[contextShown]{"current", func(c contextShown) text.Safe { return yesNo(c.Current) }},
		column[contextShown]{"user", func(c contextShown) text.Safe { return text.Line(c.User) }},
		column[contextShown]{"url", func(c contextShown) text.Safe { return text.Line(c.URL) }},
		column[contextShown]{"state", func(c contextShown) text.Safe { return text.Safe(c.State) }})
}

func newContextUseCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:               "use NAME",
		Short:             "Make a bus the one that commands talk to",
		Example:           "  unibus context use work",
		Args:              takes(1, 1),
		Annotations:       map[string]string{prints: printsChange},
		ValidArgsFunction: completeContexts(env),
		RunE: func(_ *cobra.Command, args []string) error {
			home, err := env.home()
			if err != nil {
				return err
			}
			before, err := home.Current()
			did := err != nil || before != args[0]
			if err := home.Use(args[0]); err != nil {
				return err
			}
			return printQuietChange(env, args[0], did, "commands now talk to "+args[0], "commands talk to "+args[0]+" already")
		},
	}
}

func newContextShowCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:               "show [NAME]",
		Short:             "Print where a bus is and who you are there",
		Example:           "  unibus context show\n  unibus context show work -o json",
		Args:              takes(0, 1),
		Annotations:       map[string]string{prints: printsOne},
		ValidArgsFunction: completeContexts(env),
		RunE: func(_ *cobra.Command, args []string) error {
			home, at, err := env.contextCalled(args)
			if err != nil {
				return err
			}
			return printOne(env, "context", showContext(at, contextInUse(env, home)),
				column[contextShown]{"name", func(c contextShown) text.Safe { return text.Line(c.Name) }},
				column[contextShown]{"user", func(c contextShown) text.Safe { return text.Line(c.User) }},
				column[contextShown]{"url", func(c contextShown) text.Safe { return text.Line(c.URL) }},
				column[contextShown]{"nats", func(c contextShown) text.Safe { return text.Line(c.NATS) }},
				column[contextShown]{"bus", func(c contextShown) text.Safe { return text.Line(c.Bus) }},
				column[contextShown]{"state", func(c contextShown) text.Safe { return text.Safe(c.State) }})
		},
	}
}

// contextCalled is the context that args name, else the one in use.
func (e *Env) contextCalled(args []string) (home profile.Home, at profile.Context, err error) {
	if len(args) == 0 {
		return e.context()
	}
	if home, err = e.home(); err != nil {
		return home, at, err
	}
	at, err = home.Context(args[0])
	return home, at, err
}

// hasBus refuses keys for which no bus has been found yet.
func hasBus(at profile.Context) error {
	if at.URL != "" {
		return nil
	}
	return bus.Errorf(bus.Unauthenticated, "pending", "the keys of context %s are on no bus yet", at.Name).
		WithHint("give an admin the line of 'unibus identity show', then join with the link you get back")
}

func newContextRmCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "rm NAME",
		Short: "Delete a context with its keys",
		Long: "Delete a context with its keys and all that is kept for it. Nothing brings\n" +
			"them back. One that holds the key of the account or of the bus itself, or that\n" +
			"cannot be read, is deleted with --yes only.",
		Example:           "  unibus context rm old",
		Args:              takes(1, 1),
		Annotations:       map[string]string{prints: printsChange},
		ValidArgsFunction: completeContexts(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runContextRm(cmd.Context(), env, args[0])
		},
	}
}

func runContextRm(ctx context.Context, env *Env, name string) error {
	home, err := env.home()
	if err != nil {
		return err
	}
	if !env.Yes {
		if err := expendable(ctx, env, home, name); err != nil {
			return err
		}
	}
	path := home.IdentityPath(name)
	if err := home.Remove(name); err != nil {
		return err
	}
	env.lock(ctx, path)
	return printQuietChange(env, name, true, "context "+name+" and its keys deleted", "")
}

// expendable refuses a context whose keys the bus cannot do without.
func expendable(ctx context.Context, env *Env, home profile.Home, name string) error {
	at, err := home.Context(name)
	if bus.KindOf(err) == bus.NotFound || bus.KindOf(err) == bus.Invalid {
		return err
	}
	keys, err := env.openIdentity(ctx, home.IdentityPath(name))
	if err != nil {
		return bus.Errorf(bus.Conflict, "unread_keys", "the keys of context %s cannot be read, so what would be lost is not known", name).
			WithHint("give its passphrase, or delete it unseen with --yes").Because(err)
	}
	switch {
	case keys.id.Org != nil:
		return bus.Errorf(bus.Conflict, "org_key", "context %s holds the keys of the bus itself", name).
			WithHint("keep a copy with 'unibus identity export -O FILE', then add --yes")
	case keys.id.Seed != nil && at.Handle != "" && !at.Revoked:
		return bus.Errorf(bus.Conflict, "account_key", "context %s holds the key of the account %s, and perhaps nothing else does", name, at.Handle).
			WithHint("write its 24 words down with 'unibus identity words --context %s', then add --yes", name)
	}
	return nil
}
