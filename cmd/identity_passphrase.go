package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"unibus/internal/text"
)

type passphraseOptions struct {
	none bool
	file string
}

func newIdentityPassphraseCmd(env *Env) *cobra.Command {
	var o passphraseOptions
	cmd := &cobra.Command{
		Use:   "passphrase",
		Short: "Set, change or remove the passphrase of your keys",
		Long: "Set, change or remove the passphrase of your keys. The old one is taken as\n" +
			"always: from UNIBUS_PASSPHRASE_FILE, from 'unibus identity unlock', or by\n" +
			"asking.",
		Example:     "  unibus identity passphrase\n  unibus identity passphrase --new-passphrase-file new.txt",
		Args:        takes(0, 0),
		Annotations: map[string]string{prints: printsChange},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.none && o.file != "" {
				return usagef(cmd, "--no-passphrase and --new-passphrase-file contradict each other")
			}
			return runIdentityPassphrase(cmd.Context(), env, o)
		},
	}
	cmd.Flags().BoolVar(&o.none, "no-passphrase", false, "keep the keys in a plain file that only you can read")
	cmd.Flags().StringVar(&o.file, "new-passphrase-file", "", "read the new passphrase from this `FILE`")
	return cmd
}

func runIdentityPassphrase(ctx context.Context, env *Env, o passphraseOptions) error {
	home, at, err := env.context()
	if err != nil {
		return err
	}
	keys, err := env.openIdentity(ctx, home.IdentityPath(at.Name))
	if err != nil {
		return err
	}
	chosen, err := o.passphrase(ctx, env)
	if err != nil {
		return err
	}
	if err := keys.place().Reseal(chosen); err != nil {
		return err
	}
	env.lock(ctx, keys.path) // what is held is the old one
	return printChange(env, "change", "", changed{Name: at.Name, Changed: string(keys.passphrase()) != string(chosen)},
		keptUnder(at.Name, chosen))
}

func (o passphraseOptions) passphrase(ctx context.Context, env *Env) ([]byte, error) {
	switch {
	case o.none:
		return nil, nil
	case o.file != "":
		return notEmpty(readPassphraseFile(o.file))
	}
	return env.askNewPassphrase(ctx, "use --new-passphrase-file or --no-passphrase")
}

func keptUnder(name string, passphrase []byte) text.Safe {
	if passphrase == nil {
		return text.Line("the keys of " + name + " are kept without a passphrase now")
	}
	return text.Line("the keys of " + name + " are kept under the new passphrase now")
}
