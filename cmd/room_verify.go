package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/text"
)

// findingShown is one check of the node's story.
type findingShown struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

func newRoomVerifyCmd(env *Env) *cobra.Command {
	accept := false
	cmd := &cobra.Command{
		Use:   "verify ROOM",
		Short: "Check the node's whole story of a room",
		Long: "Check the node's whole story of a room: who is in it, its keys, its messages.\n\n" +
			"Everything is asked for again from the beginning, and held against what this\n" +
			"endpoint has verified before. Exit code 8 when it does not hold.\n\n" +
			"A node that was restored from an older copy misses messages that were seen.\n" +
			"Once an admin has said that it was, --accept goes on with what it shows now.",
		Example:           "  unibus room verify ops",
		Args:              takes(1, 1),
		Annotations:       map[string]string{prints: printsList},
		ValidArgsFunction: completeRooms(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			if accept {
				if err := acceptMessages(cmd.Context(), env, args[0]); err != nil || env.DryRun {
					return err
				}
			}
			return showsRoom(env, (*client.Client).VerifyRoom, printFindings)(cmd, args)
		},
	}
	cmd.Flags().BoolVar(&accept, "accept", false, "go on with the messages that the node shows now")
	return cmd
}

// acceptMessages gives up what was seen beyond what the node shows now.
func acceptMessages(ctx context.Context, env *Env, room string) error {
	return changeRoom(ctx, env, room, "go on with what the node shows of "+room, func(ctx context.Context, c *client.Client, id bus.RoomID) error {
		return c.AcceptMessages(ctx, id)
	})
}

// printFindings lists what was checked, and fails with the first that does not
// hold.
func printFindings(env *Env, findings []client.Finding) error {
	shown := make([]findingShown, len(findings))
	var broken error
	for i, f := range findings {
		shown[i] = findingShown{f.Check, f.OK, f.Detail}
		if f.Err != nil && broken == nil {
			broken = f.Err
		}
	}
	err := printList(env, "finding", shown,
		column[findingShown]{"check", func(f findingShown) text.Safe { return text.Safe(f.Check) }},
		column[findingShown]{"ok", func(f findingShown) text.Safe { return yesNo(f.OK) }},
		column[findingShown]{"detail", func(f findingShown) text.Safe { return text.Line(f.Detail) }})
	if err != nil {
		return err
	}
	return broken
}
