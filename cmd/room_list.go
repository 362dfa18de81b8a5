package cmd

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/text"
)

// roomShown is a room in listings.
type roomShown struct {
	ID        bus.RoomID `json:"id"`
	Name      string     `json:"name"`
	Epoch     bus.Epoch  `json:"epoch"`
	Members   int        `json:"members"`
	Role      string     `json:"role"`
	Encrypted bool       `json:"encrypted"`
	Persist   bool       `json:"persist"`
	History   string     `json:"history"`
	LastSeq   uint64     `json:"last_seq"`
	Unread    uint64     `json:"unread"`
	Retention int64      `json:"retention"` // seconds

	more bool // are unread than were counted
}

func newRoomListCmd(env *Env) *cobra.Command {
	all := false
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the rooms you are in",
		Long: "List the rooms you are in. With --all also the rooms of two, as @USER.\n\n" +
			"A message is unread that came after those that 'unibus read --mark' or the chat\n" +
			"marked as seen; in a room where nothing was ever marked none is. In the last\n" +
			"column is how long messages are kept; the node may take a tenth of that longer,\n" +
			"at least a minute and at most an hour.",
		Example:     "  unibus room list\n  unibus room list --all -o name",
		Args:        takes(0, 0),
		Annotations: map[string]string{prints: printsList},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return env.withClient(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				return runRoomList(ctx, env, c, all)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also the rooms of you and one other")
	return cmd
}

func runRoomList(ctx context.Context, env *Env, c *client.Client, all bool) error {
	rooms, err := c.ListMyRooms(ctx)
	if err != nil {
		return err
	}
	var shown []roomShown
	for _, r := range rooms {
		if r.Policy.Direct && !all {
			continue
		}
		unread, more, err := c.Unread(ctx, r)
		if err != nil {
			return err
		}
		shown = append(shown, roomShown{ID: r.ID, Name: calledAs(r), Epoch: r.Epoch, Members: r.Members, Role: r.Role,
			Encrypted: r.Policy.Encrypted, Persist: r.Policy.Persist, History: r.Policy.History, LastSeq: r.Last, Unread: unread,
			Retention: r.Policy.Retention, more: more})
	}
	if err := printRooms(env, shown); err != nil {
		return err
	}
	return firstBroken(rooms)
}

// firstBroken is what the first room ends with of which the node shows what does not
// hold: it is listed as it was known before.
func firstBroken(rooms []client.RoomRef) error {
	for _, r := range rooms {
		if r.Err != nil {
			return fmt.Errorf("room %s: %w", calledAs(r), r.Err)
		}
	}
	return nil
}

// calledAs is what a person types to mean a room.
func calledAs(r client.RoomRef) string {
	switch {
	case r.With != "" && !r.Double:
		return "@" + string(r.With)
	case r.Double, r.Name == "":
		return r.ID.String() // "@USER" is another one, or its key is not here
	}
	return r.Name
}

func printRooms(env *Env, shown []roomShown) error {
	number := func(name string, get func(roomShown) uint64) column[roomShown] {
		return column[roomShown]{name, func(r roomShown) text.Safe { return text.Safe(strconv.FormatUint(get(r), 10)) }}
	}
	return printBrief(env, "room", shown, []column[roomShown]{
		{"name", func(r roomShown) text.Safe { return text.Line(r.Name) }},
		{"role", func(r roomShown) text.Safe { return text.Line(r.Role) }},
		number("members", func(r roomShown) uint64 { return uint64(r.Members) }),
		{"unread", unreadText},
		number("epoch", func(r roomShown) uint64 { return uint64(r.Epoch) }),
		{"encrypted", func(r roomShown) text.Safe { return yesNo(r.Encrypted) }},
		{"id", func(r roomShown) text.Safe { return text.Safe(r.ID.String()) }},
		{"kept", func(r roomShown) text.Safe { return text.Safe(spanText(time.Duration(r.Retention) * time.Second)) }},
	}, "epoch")
}

// unreadText is how many messages are unread, "500+" where more are.
func unreadText(r roomShown) text.Safe {
	n := text.Safe(strconv.FormatUint(r.Unread, 10))
	if r.more {
		n += "+"
	}
	return n
}

func yesNo(b bool) text.Safe {
	if b {
		return "yes"
	}
	return "no"
}
