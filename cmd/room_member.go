package cmd

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/text"
)

// memberShown is a member in listings.
type memberShown struct {
	User  string    `json:"user"`
	Role  string    `json:"role"`
	Trust bus.Trust `json:"trust"`
	Since time.Time `json:"since"`
}

func newRoomMembersCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:               "members ROOM",
		Short:             "List who is in a room, and who is invited",
		Example:           "  unibus room members ops",
		Args:              takes(1, 1),
		Annotations:       map[string]string{prints: printsList},
		ValidArgsFunction: completeRooms(env),
		RunE:              showsRoom(env, (*client.Client).Members, printMembers),
	}
}

func printMembers(env *Env, members []client.Member) error {
	shown := make([]memberShown, len(members))
	for i, m := range members {
		shown[i] = memberShown{User: string(m.User), Role: m.Role, Trust: m.Trust, Since: m.Since.UTC()}
		if m.Invited {
			shown[i].User += " (invited)"
		}
	}
	return printList(env, "member", shown,
		column[memberShown]{"user", func(m memberShown) text.Safe { return text.Line(m.User) }},
		column[memberShown]{"role", func(m memberShown) text.Safe { return text.Line(m.Role) }},
		column[memberShown]{"trust", func(m memberShown) text.Safe { return text.Safe(m.Trust) }},
		column[memberShown]{"since", func(m memberShown) text.Safe { return text.Safe(m.Since.Format(time.RFC3339)) }})
}

func newRoomInviteCmd(env *Env) *cobra.Command {
	role := "member"
	cmd := &cobra.Command{
		Use:   "invite ROOM USER...",
		Short: "Add users to a room",
		Long: "Add users of this bus to a room. Who has no account yet gets one with\n" +
			"'unibus user invite NAME --room ROOM'.",
		Example:           "  unibus room invite ops bob\n  unibus room invite ops carol --role reader",
		Args:              takes(2, -1),
		Annotations:       changesRoom(),
		ValidArgsFunction: firstThen(completeRooms(env), completeUsers(env)),
		RunE: func(cmd *cobra.Command, args []string) error {
			as, err := bus.ParseRoomRole(role)
			if err != nil {
				return err
			}
			users, err := handles(args[1:])
			if err != nil {
				return err
			}
			return runRoomInvite(cmd.Context(), env, plainName(args[0]), users, as)
		},
	}
	cmd.Flags().StringVar(&role, "role", role, "owner, member or reader")
	_ = cmd.RegisterFlagCompletionFunc("role", roomRoles)
	return cmd
}

func runRoomInvite(ctx context.Context, env *Env, room string, users []bus.Handle, role bus.RoomRole) error {
	who := strings.Join(names(users), ", ")
	now := who + " is in " + room + " now"
	if len(users) > 1 {
		now = who + " are in " + room + " now"
	}
	return changeRoom(ctx, env, room, "add "+who+" to "+room, func(ctx context.Context, c *client.Client, id bus.RoomID) error {
		did, err := c.AddMembers(ctx, id, role, users...)
		if err != nil {
			return err
		}
		return printQuietChange(env, room, did, now, "nobody new for "+room)
	})
}

func handles(names []string) (out []bus.Handle, err error) {
	for _, n := range names {
		h, err := bus.ParseHandle(n)
		if err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, nil
}

func newRoomRoleCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:               "role ROOM USER ROLE",
		Short:             "Say what a member may do: owner, member or reader",
		Example:           "  unibus room role ops bob owner",
		Args:              takes(3, 3),
		Annotations:       changesRoom(),
		ValidArgsFunction: inOrder(completeRooms(env), completeUsers(env), roomRoles),
		RunE: func(cmd *cobra.Command, args []string) error {
			role, err := bus.ParseRoomRole(args[2])
			if err != nil {
				return err
			}
			user, err := bus.ParseHandle(args[1])
			if err != nil {
				return err
			}
			return runRoomRole(cmd.Context(), env, plainName(args[0]), user, role)
		},
	}
}

func runRoomRole(ctx context.Context, env *Env, room string, user bus.Handle, role bus.RoomRole) error {
	name := string(user)
	what := "make " + name + " " + role.String() + " of " + room
	return changeRoom(ctx, env, room, what, func(ctx context.Context, c *client.Client, id bus.RoomID) error {
		did, err := c.SetRoomRole(ctx, id, user, role)
		if err != nil {
			return err
		}
		return printQuietChange(env, name, did, name+" is "+role.String()+" of "+room+" now", name+" is "+role.String()+" of "+room+" already")
	})
}

func newRoomKickCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:               "kick ROOM USER",
		Short:             "Remove a user from a room, and make a new room key",
		Example:           "  unibus room kick ops bob",
		Args:              takes(2, 2),
		Annotations:       changesRoom(),
		ValidArgsFunction: inOrder(completeRooms(env), completeUsers(env)),
		RunE: func(cmd *cobra.Command, args []string) error {
			user, err := bus.ParseHandle(args[1])
			if err != nil {
				return err
			}
			return runRoomKick(cmd.Context(), env, plainName(args[0]), user)
		},
	}
}

func runRoomKick(ctx context.Context, env *Env, room string, user bus.Handle) error {
	name := string(user)
	return changeRoom(ctx, env, room, "remove "+name+" from "+room, func(ctx context.Context, c *client.Client, id bus.RoomID) error {
		did, err := c.Kick(ctx, id, user)
		if err != nil {
			return err
		}
		return printQuietChange(env, name, did, name+" removed from "+room+", which has a new key", name+" is not in "+room)
	})
}

func newRoomLeaveCmd(env *Env) *cobra.Command {
	var successor string
	cmd := &cobra.Command{
		Use:               "leave ROOM",
		Short:             "Leave a room",
		Long:              "Leave a room. Its last owner names who owns it next.",
		Example:           "  unibus room leave ops\n  unibus room leave ops --successor bob",
		Args:              takes(1, 1),
		Annotations:       changesRoom(),
		ValidArgsFunction: completeRooms(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			heir, err := optionalHandle(successor)
			if err != nil {
				return err
			}
			name := plainName(args[0])
			return changeRoom(cmd.Context(), env, name, "leave "+name, func(ctx context.Context, c *client.Client, id bus.RoomID) error {
				if err := c.Leave(ctx, id, heir); err != nil {
					return err
				}
				return printQuietChange(env, name, true, "you left "+name, "")
			})
		},
	}
	cmd.Flags().StringVar(&successor, "successor", "", "the member who is owner after you")
	_ = cmd.RegisterFlagCompletionFunc("successor", anywhere(completeUsers(env)))
	return cmd
}

func optionalHandle(s string) (bus.Handle, error) {
	if s == "" {
		return "", nil
	}
	return bus.ParseHandle(s)
}
