package cmd

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/text"
)

const (
	// firstRoom is the room that the founding of a bus makes.
	firstRoom = "general"
	// smallRoom is up to how many endpoints an invite puts its guest into the
	// first room without being asked: each one in it gets a new key for him.
	smallRoom = 500
)

type inviteOptions struct {
	rooms  []string
	noRoom bool
	ttl    span
	qr     bool
}

// inviteShown is a link that was just made.
type inviteShown struct {
	Name    string    `json:"name"`
	Link    string    `json:"link"`
	Invite  string    `json:"invite"`
	Rooms   []string  `json:"rooms"`
	Expires time.Time `json:"expires"`
	Changed bool      `json:"changed"`
}

func newUserInviteCmd(env *Env) *cobra.Command {
	o := inviteOptions{ttl: span(bus.InviteLife)}
	cmd := &cobra.Command{
		Use:   "invite NAME",
		Short: "Print a link, good for one use, that lets somebody in",
		Long: "Print a link, good for one use, that lets somebody in as NAME, and into the\n" +
			"rooms that you name, with nobody of them online. Whoever holds the link can\n" +
			"join as NAME, and read what is sent in those rooms until somebody has joined,\n" +
			"in rooms of --history all also what is kept from before: send it on a way that\n" +
			"you trust.\n\n" +
			"Without --room it is the room " + firstRoom + ", where you own it. A link works on this\n" +
			"machine only where the node listens on it alone: see 'unibus serve --host'.",
		Example:     "  unibus user invite bob > bob.link\n  unibus user invite carol --room ops --room design --ttl 1h",
		Args:        takes(1, 1),
		Annotations: map[string]string{prints: printsChange},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.noRoom && len(o.rooms) > 0 {
				return usagef(cmd, "--room and --no-room contradict each other")
			}
			if o.ttl <= 0 || time.Duration(o.ttl) > bus.MaxInviteLife {
				return usagef(cmd, "--ttl must be more than 0 and at most %s", spanText(bus.MaxInviteLife))
			}
			return onUser(cmd.Context(), env, args[0], func(ctx context.Context, c *client.Client, h bus.Handle) error {
				return runUserInvite(ctx, env, c, h, o)
			})
		},
	}
	cmd.Flags().StringArrayVar(&o.rooms, "room", nil, "a `ROOM` of yours to let them into; may be repeated")
	cmd.Flags().BoolVar(&o.noRoom, "no-room", false, "let them onto the bus and into no room")
	cmd.Flags().Var(&o.ttl, "ttl", "how long the link can be used: 2h or 7d")
	cmd.Flags().BoolVar(&o.qr, "qr", false, "draw the link for a camera, on stderr")
	return cmd
}

func runUserInvite(ctx context.Context, env *Env, c *client.Client, h bus.Handle, o inviteOptions) error {
	rooms, alone, err := inviteRooms(ctx, c, o)
	if err != nil {
		return err
	}
	link, err := c.Invite(ctx, h, time.Duration(o.ttl))
	if err != nil {
		return err
	}
	if alone != "" {
		env.note("no room goes with it: " + alone)
	}
	shown := inviteShown{Name: string(h), Link: link.String(), Invite: link.ID.String(), Rooms: []string{},
		Expires: env.Now().Add(time.Duration(o.ttl)).UTC().Truncate(time.Second), Changed: true}
	for _, r := range rooms {
		if err := c.AddGuests(ctx, r.id, bus.RoleMember, link.ID); err != nil {
			return takeBack(ctx, c, link.ID, err)
		}
		shown.Rooms = append(shown.Rooms, r.name)
	}
	if o.qr {
		env.drawQR(shown.Link)
	}
	return env.printLink("invite", link, shown, shown.line())
}

func (i inviteShown) line() string {
	line := i.Name + " invited"
	if len(i.Rooms) > 0 {
		line += " to " + strings.Join(i.Rooms, ", ")
	}
	return line + " until " + i.Expires.Local().Format("2006-01-02 15:04") + "; works once"
}

// namedRoom is a room as it was typed.
type namedRoom struct {
	name string
	id   bus.RoomID
}

// inviteRooms resolves the rooms before anything is changed. Alone is why there is
// none, where nobody asked for that.
func inviteRooms(ctx context.Context, c *client.Client, o inviteOptions) (rooms []namedRoom, alone text.Safe, err error) {
	if o.noRoom {
		return nil, "", nil
	}
	if len(o.rooms) == 0 {
		return defaultRoom(ctx, c)
	}
	rooms, err = ownRooms(ctx, c, o)
	return rooms, "", err
}

func ownRooms(ctx context.Context, c *client.Client, o inviteOptions) (rooms []namedRoom, err error) {
	for _, name := range o.rooms {
		id, err := c.FindRoom(ctx, name)
		if err != nil {
			return nil, err
		}
		at, err := c.Standing(ctx, id)
		if err != nil {
			return nil, err
		}
		if at.Role != bus.RoleOwner {
			return nil, bus.Errorf(bus.Forbidden, "not_owner", "only an owner of %s can invite somebody to it", text.Line(name)).
				WithHint("see who owns it: unibus room members")
		}
		if !slices.ContainsFunc(rooms, func(r namedRoom) bool { return r.id == id }) {
			rooms = append(rooms, namedRoom{strings.TrimPrefix(name, "#"), id})
		}
	}
	return rooms, nil
}

// defaultRoom is the first room of the bus, where that is this user's to give
// and not large.
func defaultRoom(ctx context.Context, c *client.Client) (rooms []namedRoom, alone text.Safe, err error) {
	id, err := c.FindRoom(ctx, firstRoom)
	if bus.KindOf(err) == bus.NotFound || bus.KindOf(err) == bus.Conflict {
		return nil, "you have no room " + firstRoom, nil
	}
	if err != nil {
		return nil, "", err
	}
	at, err := c.Standing(ctx, id)
	switch {
	case err != nil:
		return nil, "", err
	case at.Role != bus.RoleOwner:
		return nil, "you do not own " + firstRoom, nil
	case at.Endpoints >= smallRoom:
		return nil, firstRoom + " is large; add --room " + firstRoom, nil
	}
	return []namedRoom{{firstRoom, id}}, "", nil
}

// takeBack revokes an invite whose link nobody gets to see.
func takeBack(ctx context.Context, c *client.Client, id bus.InviteID, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, err := c.EndInvite(ctx, id); err != nil {
		return errors.Join(cause, err)
	}
	return cause
}

// printLink prints a link, and on stderr line with what a link of this machine
// alone cannot do.
func (e *Env) printLink(kind string, l identity.Link, item any, line string) error {
	if hereOnly(l) {
		line += ", on this machine only"
	}
	return printChange(e, kind, text.Safe(l.String()), item, text.Line(line))
}

// hereOnly is true for a link that is of no use on another machine.
func hereOnly(l identity.Link) bool {
	host, _, err := net.SplitHostPort(l.Addr)
	return err == nil && loopback(host)
}
