package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"unibus/internal/client"
)

func newAuditCmd(env *Env) *cobra.Command {
	return newGroup("audit", "Check what the bus recorded of its users",
		"  unibus audit verify",
		newAuditVerifyCmd(env))
}

func newAuditVerifyCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Check the node's whole story of the bus and its users",
		Long: "Check the node's whole story of the bus: users, invites, roles, endpoints.\n\n" +
			"Every chain is asked for again from its first entry on, and held against what\n" +
			"this endpoint has verified before. Exit code 8 when it does not hold.",
		Example:     "  unibus audit verify",
		Args:        takes(0, 0),
		Annotations: map[string]string{prints: printsList},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return env.withClient(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				findings, err := c.VerifyBus(ctx)
				if err != nil {
					return err
				}
				return printFindings(env, findings)
			})
		},
	}
}
