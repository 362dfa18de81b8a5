package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/profile"
	"unibus/internal/text"
)

// keyShown is a fresh identity as JSON shows it.
type keyShown struct {
	Context     string `json:"context"`
	Key         string `json:"key"` // the line to hand out
	Fingerprint string `json:"fingerprint"`
	Changed     bool   `json:"changed"`
}

func newIdentityNewCmd(env *Env) *cobra.Command {
	name, none := "new", false
	cmd := &cobra.Command{
		Use:   "new",
		Short: "Make keys for a bus that will add them, and print the public line",
		Long: "Make keys for a bus that will add them, and print the one public line that an\n" +
			"admin gives to 'unibus user add'. He answers with the link of the bus, which\n" +
			"'unibus join' takes. Who has an invite needs no such line: 'unibus join' makes\n" +
			"the keys.",
		Example:     "  unibus identity new > my.key\n  unibus identity new --name work --no-passphrase",
		Args:        takes(0, 0),
		Annotations: map[string]string{prints: printsChange},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runIdentityNew(cmd.Context(), env, name, none)
		},
	}
	cmd.Flags().StringVar(&name, "name", name, "what the context is called that keeps the keys")
	cmd.Flags().BoolVar(&none, "no-passphrase", false, "keep the keys in a plain file that only you can read")
	return cmd
}

func runIdentityNew(ctx context.Context, env *Env, name string, none bool) error {
	home, err := env.home()
	if err != nil {
		return err
	}
	if err := unused(home, name); err != nil {
		return err
	}
	passphrase, err := env.newPassphrase(ctx, none)
	if err != nil {
		return err
	}
	id := client.NewIdentity(endpointName(), env.Now())
	if err := home.Create(profile.Context{Name: name, Pending: true}, id, passphrase); err != nil {
		return err
	}
	if _, err := home.Current(); bus.KindOf(err) == bus.NotFound { // the first keys here: `identity show` means them
		if err := home.Use(name); err != nil {
			return err
		}
	}
	shown := keyShown{Context: name, Key: keyLine(id), Fingerprint: identity.Fingerprint(id.Seed.Account().Public()), Changed: true}
	return printChange(env, "identity", text.Safe(shown.Key), shown,
		text.Line("keys made in context "+name+"; give the line to an admin, then join with the link you get back"))
}

// unused refuses a name that stands for keys: also for ones that wait for
// their bus, since their line may have been handed out.
func unused(home profile.Home, name string) error {
	at, err := home.Context(name)
	switch {
	case bus.KindOf(err) == bus.NotFound:
		return nil
	case err != nil:
		return err
	case at.Pending:
		return bus.Errorf(bus.Conflict, "context_exists", "context %s holds keys that wait for a bus", name).
			WithHint("see 'unibus identity show --context %s', or take another --name", name)
	}
	return bus.Errorf(bus.Conflict, "context_exists", "there is a context %s already", name).WithHint("take another --name")
}

// keyLine is the line of an identity that no bus knows. It leaves out what the
// endpoint itself tells the bus when it enters.
func keyLine(id *identity.File) string {
	return identity.NewKeyLine(id.Content, id.Transport.Public(), id.Seed.Account(), nil, nil)
}
