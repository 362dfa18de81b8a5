package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"unibus/internal/profile/agent"
	"unibus/internal/text"
)

// newIdentityHoldCmd is the process that `identity unlock` leaves behind. It
// reads what it holds from stdin, says on stdout that it answers, or why it
// does not, and lets go of both.
func newIdentityHoldCmd(env *Env) *cobra.Command {
	until := ""
	cmd := &cobra.Command{
		Use:         "hold FILE",
		Short:       "Answer for 'unibus identity unlock', which starts it",
		Example:     "  unibus identity hold --until 2026-11-21T20:00:00Z -- identity",
		Args:        takes(1, 1),
		Annotations: map[string]string{prints: printsBytes},
		Hidden:      true,
		RunE: func(cmd *cobra.Command, args []string) error {
			deadline, err := time.Parse(time.RFC3339, until)
			if err != nil {
				return usagef(cmd, "--until wants a time like 2026-11-21T20:00:00Z")
			}
			err = runIdentityHold(cmd.Context(), env, args[0], deadline)
			if err != nil {
				_, _ = fmt.Fprintln(env.Stdout, text.Line(err.Error())) // for who started it
			}
			return err
		},
	}
	cmd.Flags().StringVar(&until, "until", "", "when it ends, in RFC 3339")
	return cmd
}

func runIdentityHold(ctx context.Context, env *Env, path string, deadline time.Time) error {
	with, err := agent.Take(env.Stdin)
	if err != nil {
		return err
	}
	entry, err := agent.NewEntry(path, with)
	with.Wipe()
	if err != nil {
		return err
	}
	socket, err := env.agentSocket(path)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	return agent.Serve(ctx, agent.Options{Socket: socket, Entries: []agent.Entry{entry}, Deadline: deadline, Now: env.Now,
		Ready: func() {
			if _, err := fmt.Fprintln(env.Stdout, holdsNow); err != nil {
				stop(err) // nobody waits for it any more
			}
		}})
}
