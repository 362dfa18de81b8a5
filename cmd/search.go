package cmd

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
)

type searchOptions struct {
	words string
	room  string
	limit int
}

func newSearchCmd(env *Env) *cobra.Command {
	var o searchOptions
	cmd := &cobra.Command{
		Use:   "search WORDS...",
		Short: "Find messages that were read on this device",
		Long: "Print the newest messages that have all the words, oldest first, as they stand\n" +
			"now: edited, without what was deleted. A word is found by its beginning, from 3\n" +
			"letters on. It asks nobody: what was never read here is not found, nor what a\n" +
			"room keeps no more.",
		Example:           "  unibus search staging cluster\n  unibus search disk --room ops -o ndjson",
		Args:              takes(1, -1),
		Annotations:       map[string]string{prints: printsStream},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.words = strings.Join(args, " ")
			return runSearch(cmd.Context(), env, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.room, "room", "", "only in this `ROOM`, or @USER")
	f.IntVar(&o.limit, "limit", 50, "the newest so many messages")
	_ = cmd.RegisterFlagCompletionFunc("room", anywhere(completeRooms(env))) // fails only without the flag
	return cmd
}

func runSearch(ctx context.Context, env *Env, o searchOptions) error {
	if o.limit < 1 || o.limit > bus.MaxPageMessages {
		return bus.Errorf(bus.Invalid, "usage", "search: --limit must be 1 to %d", bus.MaxPageMessages)
	}
	return env.withClient(ctx, func(ctx context.Context, c *client.Client) error {
		s := client.Search{Words: o.words, Limit: o.limit}
		if o.room != "" {
			var err error
			if s.Room, err = c.FindRoomHere(ctx, o.room); err != nil {
				return err
			}
		}
		found, err := c.Search(ctx, s)
		if err != nil {
			return err
		}
		return printFound(ctx, env, c, found)
	})
}

// printFound prints messages of any rooms, the last one first.
func printFound(ctx context.Context, env *Env, c *client.Client, found []bus.Message) error {
	names, err := c.RoomNames(ctx)
	if err != nil {
		return err
	}
	printers := map[bus.RoomID]*eventPrinter{}
	for _, m := range slices.Backward(found) {
		p := printers[m.Room]
		if p == nil {
			p = newEventPrinter(env, names[m.Room])
			p.named = true
			printers[m.Room] = p
		}
		if err := p.print(bus.Event{Message: &m}); err != nil {
			return err
		}
	}
	if len(found) == 0 {
		env.note("nothing found on this device")
	}
	return nil
}
