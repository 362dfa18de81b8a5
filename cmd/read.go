package cmd

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/text"
)

type readOptions struct {
	since   string
	limit   int
	limited bool // --limit was given
	follow  bool
	mark    bool
}

func newReadCmd(env *Env) *cobra.Command {
	var o readOptions
	cmd := &cobra.Command{
		Use:   "read ROOM|@USER",
		Short: "Read a room, and with --follow go on reading",
		Long: "Print the newest messages of a room, oldest first, and what else happened\n" +
			"in it. With --follow go on, over lost connections, without a gap or a repeat.\n" +
			"It ends with exit code 5 when you are removed, and 4 when you are revoked. A\n" +
			"reading that ends by itself exits with 8 where messages are missing or cannot\n" +
			"be shown; what it can show it shows. See 'unibus help faults'.\n\n" +
			"-o tsv and -o ndjson show the ids that 'unibus send --reply-to' takes.",
		Example: "  unibus read ops\n  unibus read ops --since 1h\n  unibus read ops --since 913 --limit 100 -o tsv\n" +
			"  unibus read ops --follow -o ndjson",
		Args:              takes(1, 1),
		Annotations:       map[string]string{prints: printsStream, dryRun: "yes"},
		ValidArgsFunction: inOrder(completeRooms(env)),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.limited = cmd.Flags().Changed("limit")
			return runRead(cmd.Context(), env, args[0], o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.since, "since", "", "only what came after this `SEQ`, or since so long ago: 913, 1h or 7d")
	f.IntVar(&o.limit, "limit", 50, "the newest so many messages; with --since the first so many")
	f.BoolVarP(&o.follow, "follow", "f", false, "go on with what comes")
	f.BoolVar(&o.mark, "mark", false, "remember what was read, and begin after it the next time")
	return cmd
}

func runRead(ctx context.Context, env *Env, room string, o readOptions) error {
	options, err := o.parse(env.Now())
	if err != nil {
		return err
	}
	return env.following(ctx, o.follow, func(ctx context.Context, c *client.Client, s *stall) error {
		options.State = env.connection(s)
		return inRoom(ctx, c, room, func(id bus.RoomID) error { return readRoom(ctx, env, c, id, room, o, options, s) })
	})
}

// following runs f, which is bounded by --timeout without progress, and where
// it follows until it is connected for the first time.
func (e *Env) following(ctx context.Context, follow bool, f func(context.Context, *client.Client, *stall) error) error {
	watched, s, end, err := e.stalling(ctx)
	if err != nil {
		return err
	}
	defer end()
	err = e.withSession(watched, func(ctx context.Context, c *client.Client) error { return f(ctx, c, s) })
	if err == nil && follow {
		return context.Cause(watched)
	}
	return err
}

func readRoom(ctx context.Context, env *Env, c *client.Client, id bus.RoomID, room string, o readOptions, options client.ReadOptions, s *stall) error {
	if o.mark && o.since == "" {
		mark, err := c.Mark(ctx, id)
		if err != nil {
			return err
		}
		options.After = mark
	}
	show := newEventPrinter(env, plainName(room))
	if o.limited && o.since != "" && !o.follow {
		show.most = max(o.limit, 1)
	}
	err := c.Read(ctx, id, options, func(e bus.Event) error {
		s.moved()
		if err := show.print(e); err != nil || !o.follow {
			return err
		}
		return show.news(ctx, c)
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	if err == nil && !o.follow {
		err = show.verdict()
	}
	if o.mark && show.last > 0 && !env.DryRun {
		err = errors.Join(err, c.SetMark(context.WithoutCancel(ctx), id, show.last))
	}
	return err
}

func (o readOptions) parse(now time.Time) (client.ReadOptions, error) {
	out := client.ReadOptions{Limit: o.limit, Follow: o.follow}
	if o.limit < 0 || o.limit > bus.MaxPageMessages {
		return out, bus.Errorf(bus.Invalid, "usage", "read: --limit must be 0 to %d", bus.MaxPageMessages).
			WithHint("for more, read on from the last one with --since")
	}
	if o.since == "" {
		return out, nil
	}
	if seq, err := strconv.ParseUint(o.since, 10, 64); err == nil {
		out.After, out.Whole = seq, seq == 0
		return out, nil
	}
	ago, err := parseSpan(o.since)
	if err != nil || ago == 0 {
		return out, bus.Errorf(bus.Invalid, "usage", "read: --since %q is neither a message number nor a time", text.Line(o.since)).
			WithHint("write --since 913, --since 1h or --since 7d")
	}
	out.Since = now.Add(-ago)
	return out, nil
}

func newTailCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "tail ROOM|@USER...",
		Short: "Follow several rooms at once",
		Long: "Follow several rooms at once, from now on. Where the node shows something of a\n" +
			"room that does not hold, that room is read no more and a line says why; the\n" +
			"others go on. When all of it ends, the exit code is 8.",
		Example:           "  unibus tail ops ci -o ndjson",
		Args:              takes(1, -1),
		Annotations:       map[string]string{prints: printsStream, dryRun: "yes"},
		ValidArgsFunction: anywhere(completeRooms(env)),
		RunE:              func(cmd *cobra.Command, args []string) error { return runTail(cmd.Context(), env, args) },
	}
}

func runTail(ctx context.Context, env *Env, rooms []string) error {
	return env.following(ctx, true, func(ctx context.Context, c *client.Client, s *stall) error {
		printers := map[bus.RoomID]*eventPrinter{}
		var ids []bus.RoomID
		for _, name := range rooms {
			id, err := c.FindRoom(ctx, name)
			if err != nil {
				return err
			}
			if printers[id] == nil {
				ids = append(ids, id)
				printers[id] = newEventPrinter(env, plainName(name))
				printers[id].named = true
			}
		}
		o := client.ReadOptions{Follow: true, State: env.connection(s)}
		return c.Tail(ctx, ids, o, func(id bus.RoomID, e bus.Event) error {
			if err := printers[id].print(e); err != nil {
				return err
			}
			return printers[id].news(ctx, c)
		})
	})
}

// connection tells the person on a terminal that the node is away, once it did
// not come back at once, and that it is back. The first connection ends s.
func (e *Env) connection(s *stall) func(bus.StateEvent) {
	away := false
	return func(state bus.StateEvent) {
		if state.State == bus.StateOnline {
			s.over()
		}
		switch {
		case !e.StderrTTY:
		case state.State == bus.StateReconnecting && state.Attempt > 1 && !away:
			away = true
			e.note("the node is away; trying again until it is back")
		case state.State == bus.StateOnline && away:
			away = false
			e.note("the node is back")
		}
	}
}

// errEnough ends a reading that has shown what was asked for.
var errEnough = errors.New("enough")
