package cmd

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/text"
)

func newRoomCmd(env *Env) *cobra.Command {
	return newGroup("room", "Make rooms, and say who is in them",
		"  unibus room create ops\n  unibus room invite ops bob",
		newRoomCreateCmd(env), newRoomInviteCmd(env), newRoomListCmd(env), newRoomMembersCmd(env), newRoomRoleCmd(env),
		newRoomKickCmd(env), newRoomLeaveCmd(env), newRoomDeleteCmd(env), newRoomRekeyCmd(env), newRoomLogCmd(env), newRoomVerifyCmd(env))
}

// changed is what a change prints as JSON.
type changed struct {
	ID      string `json:"id,omitempty"`
	Name    string `json:"name,omitempty"`
	Changed bool   `json:"changed"`
}

// changesRoom is what a command promises that ends in changeRoom.
func changesRoom() map[string]string { return map[string]string{prints: printsChange, dryRun: "yes"} }

// onRoom resolves a room's name and hands it to f.
func onRoom(ctx context.Context, env *Env, name string, f func(context.Context, *client.Client, bus.RoomID) error) error {
	return env.withClient(ctx, func(ctx context.Context, c *client.Client) error {
		return inRoom(ctx, c, name, func(id bus.RoomID) error { return f(ctx, c, id) })
	})
}

// showsRoom is the RunE of a command that asks one thing about a room, its first
// argument, and prints the answer.
func showsRoom[T any](
	env *Env, ask func(*client.Client, context.Context, bus.RoomID) (T, error), show func(*Env, T) error,
) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		return onRoom(cmd.Context(), env, args[0], func(ctx context.Context, c *client.Client, id bus.RoomID) error {
			answer, err := ask(c, ctx, id)
			if err != nil {
				return err
			}
			return show(env, answer)
		})
	}
}

// inRoom is onRoom with a client at hand. The room that the profile knows by a
// name may be gone, and another have the name now.
func inRoom(ctx context.Context, c *client.Client, name string, f func(bus.RoomID) error) error {
	id, err := c.FindRoom(ctx, name)
	if err != nil {
		return err
	}
	if err = f(id); !errors.Is(err, bus.ErrNotMember) && !errors.Is(err, bus.ErrRoomClosed) {
		return err
	}
	if now, gone := c.FindRoomNow(ctx, name); gone == nil && now != id {
		return f(now)
	}
	return err
}

// changeRoom is onRoom for what changes it. With --dry-run it says that it
// would do so, as in "remove bob from ops".
func changeRoom(ctx context.Context, env *Env, name, what string, f func(context.Context, *client.Client, bus.RoomID) error) error {
	return onRoom(ctx, env, name, func(ctx context.Context, c *client.Client, id bus.RoomID) error {
		if env.DryRun {
			env.note(text.Line("would " + what))
			return nil
		}
		return f(ctx, c, id)
	})
}

// plainName is a room's name without the # that may stand before it.
func plainName(name string) string { return strings.TrimPrefix(name, "#") }

// printQuietChange says what a change without an id did, or that it was so before.
func printQuietChange(env *Env, name string, did bool, line, otherwise string) error {
	if !did {
		line = otherwise
	}
	return printChange(env, "change", "", changed{Name: name, Changed: did}, text.Line(line))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

func newRoomDeleteCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:               "delete ROOM",
		Short:             "Close a room for everybody and drop its messages",
		Example:           "  unibus room delete ops --yes",
		Args:              takes(1, 1),
		Annotations:       changesRoom(),
		ValidArgsFunction: completeRooms(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := plainName(args[0])
			if !env.DryRun {
				if err := env.Confirm(cmd.Context(), "Delete "+name+" and all its messages?"); err != nil {
					return err
				}
			}
			return changeRoom(cmd.Context(), env, name, "delete "+name, func(ctx context.Context, c *client.Client, id bus.RoomID) error {
				if err := c.DeleteRoom(ctx, id); err != nil {
					return err
				}
				return printQuietChange(env, name, true, name+" deleted, with all its messages", "")
			})
		},
	}
}

func newRoomRekeyCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:               "rekey ROOM",
		Short:             "Make a new room key",
		Example:           "  unibus room rekey ops",
		Args:              takes(1, 1),
		Annotations:       changesRoom(),
		ValidArgsFunction: completeRooms(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := plainName(args[0])
			return changeRoom(cmd.Context(), env, name, "make a new key for "+name, func(ctx context.Context, c *client.Client, id bus.RoomID) error {
				if err := c.Rekey(ctx, id); err != nil {
					return err
				}
				return printQuietChange(env, name, true, name+" has a new key", "")
			})
		},
	}
}
