package cmd

import (
	"cmp"
	"context"
	"time"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/text"
)

type roomCreateOptions struct {
	name                         string
	clear, noPersist, noRecovery bool
	ifMissing                    bool
	history                      string
	retention                    span
}

func newRoomCreateCmd(env *Env) *cobra.Command {
	o := roomCreateOptions{retention: span(bus.DefaultRetention)}
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a room, with you as its owner",
		Long: "Make a room, with you as its owner, and print its id.\n\n" +
			"Only its members can read it and know its name. Whoever is added reads what\n" +
			"is sent from then on; with --history all also what is kept from before, and so\n" +
			"does whoever holds the link of an invite to it.",
		Example:     "  unibus room create ops\n  unibus room create ci --retention 3d --if-missing",
		Args:        takes(1, 1),
		Annotations: changesRoom(),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = plainName(args[0])
			options, err := o.parse()
			if err != nil {
				return err
			}
			return runRoomCreate(cmd.Context(), env, o, options)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.clear, "cleartext", false, "do not encrypt: the node reads along; only on a node on this machine")
	f.BoolVar(&o.noPersist, "no-persist", false, "keep nothing: only who is there reads")
	f.BoolVar(&o.noRecovery, "no-recovery", false, "do not seal the keys to recovery endpoints")
	f.StringVar(&o.history, "history", "join", "what newcomers read: join or all")
	f.Var(&o.retention, "retention", "how long messages are kept: 12h or 30d; they go a little later")
	f.BoolVar(&o.ifMissing, "if-missing", false, "change nothing when you are in a room of this name already")
	_ = cmd.RegisterFlagCompletionFunc("history", oneOf("join", "all"))
	return cmd
}

func (o roomCreateOptions) parse() (client.RoomOptions, error) {
	out := client.RoomOptions{Clear: o.clear, NoPersist: o.noPersist, NoRecovery: o.noRecovery,
		History: bus.HistoryJoin, Retention: time.Duration(o.retention)}
	switch o.history {
	case "join":
	case "all":
		out.History = bus.HistoryAll
	default:
		return out, bus.Errorf(bus.Invalid, "usage", "room create: --history cannot be %q", text.Line(o.history)).WithHint("use join or all")
	}
	if out.Retention < time.Second {
		return out, bus.Errorf(bus.Invalid, "usage", "room create: --retention is under a second").WithHint("write it like 12h or 30d")
	}
	return out, nil
}

func runRoomCreate(ctx context.Context, env *Env, o roomCreateOptions, options client.RoomOptions) error {
	return env.withClient(ctx, func(ctx context.Context, c *client.Client) error {
		id, there, err := roomCalled(ctx, c, o.name)
		if err != nil {
			return err
		}
		switch {
		case there && o.ifMissing:
			return printRoomChange(env, id, o.name, false, "room "+o.name+" exists already")
		case there:
			return bus.Errorf(bus.Conflict, "room_exists", "you are in a room called %s already", text.Line(o.name)).
				WithHint("choose another name, or add --if-missing")
		case env.DryRun:
			env.note(text.Line("would make room " + o.name))
			return nil
		}
		if id, err = c.CreateRoom(ctx, o.name, options); err != nil {
			return err
		}
		return printRoomChange(env, id, o.name, true, "room "+o.name+" made")
	})
}

// roomCalled asks the node, not only what is remembered: a room may be gone.
func roomCalled(ctx context.Context, c *client.Client, name string) (id bus.RoomID, there bool, err error) {
	rooms, err := c.ListMyRooms(ctx)
	for _, r := range rooms {
		if r.Name == name {
			return r.ID, true, err
		}
	}
	return id, false, cmp.Or(err, client.Unknown(rooms)) // an unknown one may be called so
}

func printRoomChange(env *Env, id bus.RoomID, name string, did bool, line string) error {
	return printChange(env, "room", text.Safe(id.String()), changed{ID: id.String(), Name: name, Changed: did}, text.Line(line))
}
