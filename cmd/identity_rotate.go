package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/text"
)

func newIdentityRotateCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "rotate [-]",
		Short: "Get a new account key and 24 new words",
		Long: "Get a new account key and 24 new words, because somebody may have seen the old\n" +
			"ones. Your name, rooms and devices stay, the old words become worthless, and the\n" +
			"number that others compare with you changes: they are told so.\n\n" +
			"Where the old words were forgotten on this device, give them: they are asked\n" +
			"for, or read from stdin with '-'. What was said before stays readable on your\n" +
			"devices; the new words open what is said from now on.\n\n" +
			"What is interrupted goes on when it is run again.",
		Example:     "  unibus identity rotate\n  unibus identity words\n  unibus identity rotate - < paper",
		Args:        takes(0, 1),
		Annotations: map[string]string{prints: printsChange},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] != "-" {
				return usagef(cmd, "words do not belong on the command line: give them on stdin, with -")
			}
			typed, err := env.oldSeed(cmd.Context(), len(args) == 1)
			if err != nil {
				return err
			}
			return env.withClient(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				return runIdentityRotate(ctx, env, c, typed)
			})
		},
	}
}

// oldSeed reads the words in force if they were announced.
func (e *Env) oldSeed(ctx context.Context, announced bool) (*identity.Seed, error) {
	if !announced {
		return nil, nil
	}
	secret, err := e.readWords(ctx)
	if err != nil {
		return nil, err
	}
	seed := identity.SeedFrom(secret)
	return &seed, nil
}

func runIdentityRotate(ctx context.Context, env *Env, c *client.Client, typed *identity.Seed) error {
	rekeyed, pending, err := c.Rotate(ctx, typed)
	if err != nil {
		return err
	}
	called := roomNames(ctx, c, rekeyed, pending)
	shown := rotatedShown{Name: c.Handle(), Changed: true, Rekeyed: called(rekeyed), Pending: called(pending)}
	return printChange(env, "rotation", "", shown, text.Line("you have a new account key"+newKeys(shown.Rekeyed, shown.Pending)+
		"; write down the new words: unibus identity words"))
}

// rotatedShown is a change of the account key.
type rotatedShown struct {
	Name    bus.Handle `json:"name"`
	Changed bool       `json:"changed"`
	Rekeyed []string   `json:"rekeyed"` // rooms with a new key
	Pending []string   `json:"pending"` // rooms where the next member that acts makes one
}
