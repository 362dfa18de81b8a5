package cmd

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/text"
)

// revocationShown says what a revocation did.
type revocationShown struct {
	Name    string   `json:"name"`
	Changed bool     `json:"changed"`
	Closed  int      `json:"closed"`  // connections
	Rekeyed []string `json:"rekeyed"` // rooms with a new key
	Pending []string `json:"pending"` // rooms where the next member that acts makes one
}

func newUserRevokeCmd(env *Env) *cobra.Command {
	var two twoAdmins
	cmd := &cobra.Command{
		Use:   "revoke NAME",
		Short: "Take a user off the bus, cut connections, make new room keys",
		Long: "Take a user off the bus for ever: cut all connections and make new keys for the\n" +
			"rooms shared with you. In other rooms of theirs the next member that acts\n" +
			"makes one. Somebody who was invited and has not joined loses the invites.\n\n" +
			aboutTwoAdmins() + "\n\n" +
			"It never asks, since minutes count, and it can be repeated.",
		Example:           "  unibus user revoke bob\n  unibus user revoke carol --propose\n  unibus user revoke carol --cosign -",
		Args:              takes(1, 1),
		Annotations:       map[string]string{prints: printsChange},
		ValidArgsFunction: completeUsers(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := two.check(cmd); err != nil {
				return err
			}
			return onUser(cmd.Context(), env, args[0], func(ctx context.Context, c *client.Client, h bus.Handle) error {
				switch {
				case two.propose:
					return runPropose(ctx, env, c, client.Against{Handle: h}, "user revoke "+string(h))
				case two.cosign != "":
					return runCosignRevoke(ctx, env, c, h, two.cosign)
				}
				return runUserRevoke(ctx, env, c, h)
			})
		},
	}
	two.flags(cmd)
	return cmd
}

func runCosignRevoke(ctx context.Context, env *Env, c *client.Client, h bus.Handle, from string) error {
	rev, err := runCosign(ctx, env, c, client.Against{Handle: h}, from)
	if err != nil {
		return err
	}
	return printRevocation(ctx, env, c, string(h), string(h), rev)
}

func runUserRevoke(ctx context.Context, env *Env, c *client.Client, h bus.Handle) error {
	rev, err := c.RevokeUser(ctx, h)
	if bus.KindOf(err) == bus.NotFound {
		rev, err = endInvitesOf(ctx, c, h, err)
	}
	if err != nil {
		return err
	}
	return printRevocation(ctx, env, c, string(h), string(h), rev)
}

// endInvitesOf revokes somebody who has not joined yet; noUser is the answer
// where he was not even invited.
func endInvitesOf(ctx context.Context, c *client.Client, h bus.Handle, noUser error) (sum client.Revocation, err error) {
	invites, err := c.Invitations(ctx)
	if err != nil {
		return sum, err
	}
	known := false
	for _, inv := range invites {
		if inv.Handle != h {
			continue
		}
		known = true
		if inv.State != "open" {
			continue
		}
		rev, err := c.EndInvite(ctx, inv.ID)
		if err != nil {
			return sum, err
		}
		sum = both(sum, rev)
	}
	if !known {
		return sum, noUser
	}
	return sum, nil
}

func both(a, b client.Revocation) client.Revocation {
	return client.Revocation{Changed: a.Changed || b.Changed, Cut: a.Cut + b.Cut,
		Rekeyed: append(a.Rekeyed, b.Rekeyed...), Pending: append(a.Pending, b.Pending...)}
}

// printRevocation says what became of the thing that had the name.
func printRevocation(ctx context.Context, env *Env, c *client.Client, name, thing string, rev client.Revocation) error {
	called := roomNames(ctx, c, rev.Rekeyed, rev.Pending)
	shown := revocationShown{Name: name, Changed: rev.Changed, Closed: rev.Cut, Rekeyed: called(rev.Rekeyed), Pending: called(rev.Pending)}
	return printChange(env, "revocation", "", shown, text.Line(shown.line(thing)))
}

// roomNames finds what rooms are called; one that cannot be named has its id.
func roomNames(ctx context.Context, c *client.Client, asked ...[]bus.RoomID) func([]bus.RoomID) []string {
	names := map[bus.RoomID]string{}
	for _, some := range asked {
		if len(some) == 0 {
			continue
		}
		rooms, _ := c.ListMyRooms(ctx) // the ids say it too
		for _, r := range rooms {
			names[r.ID] = r.Name
		}
		break
	}
	return func(ids []bus.RoomID) []string {
		out := make([]string, len(ids))
		for i, id := range ids {
			if out[i] = names[id]; out[i] == "" {
				out[i] = id.String()
			}
		}
		return out
	}
}

func (r revocationShown) line(thing string) string {
	line := thing + " revoked, " + plural(r.Closed, "connection") + " closed"
	if !r.Changed {
		line = thing + " was revoked before"
	}
	return line + newKeys(r.Rekeyed, r.Pending)
}

// newKeys says which rooms have a new key, and which wait for one.
func newKeys(rekeyed, pending []string) (line string) {
	if len(rekeyed) > 0 {
		line += "; new key for " + strings.Join(rekeyed, ", ")
	}
	if len(pending) > 0 {
		line += "; new key pending for " + strings.Join(pending, ", ")
	}
	return line
}
