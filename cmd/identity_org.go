package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/text"
)

func newIdentityOrgRotateCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "org-rotate",
		Short: "Get a new organisation key for the bus, and its 24 words",
		Long: "Get a new organisation key for the bus, because somebody may have seen the words\n" +
			"of the old one. Users and rooms stay, and so do links that were handed out. What\n" +
			"is interrupted goes on when it is run again.",
		Example:     "  unibus identity org-rotate\n  unibus identity words --org",
		Args:        takes(0, 0),
		Annotations: map[string]string{prints: printsChange},
		RunE:        func(cmd *cobra.Command, _ []string) error { return runIdentityOrgRotate(cmd.Context(), env) },
	}
}

func runIdentityOrgRotate(ctx context.Context, env *Env) error {
	var org identity.VerifyKey
	err := env.withClient(ctx, func(ctx context.Context, c *client.Client) (err error) {
		org, err = c.RotateOrg(ctx)
		return err
	})
	if err != nil {
		return err
	}
	home, at, err := env.context()
	if err != nil {
		return err
	}
	at.Org = org
	if err := home.Save(at); err != nil {
		return err
	}
	return printChange(env, "change", "", changed{Name: at.Name, Changed: true},
		text.Line("the bus has a new organisation key; write down its words: unibus identity words --org"))
}
