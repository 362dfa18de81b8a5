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

func newInviteCmd(env *Env) *cobra.Command {
	return newGroup("invite", "See who was invited, and take invites back",
		"  unibus invite list\n  unibus invite revoke bob",
		newInviteListCmd(env), newInviteRevokeCmd(env))
}

// invitationShown is an invite in listings. Its link is not among it: only who
// made it saw that.
type invitationShown struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	State   string    `json:"state"`
	By      string    `json:"by"`
	Expires time.Time `json:"expires"`
}

func newInviteListCmd(env *Env) *cobra.Command {
	all := false
	cmd := &cobra.Command{
		Use:         "list",
		Short:       "List the invites that are open",
		Example:     "  unibus invite list\n  unibus invite list --all",
		Args:        takes(0, 0),
		Annotations: map[string]string{prints: printsList},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return env.withClient(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				return runInviteList(ctx, env, c, all)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also those that were used, revoked or have expired")
	return cmd
}

func runInviteList(ctx context.Context, env *Env, c *client.Client, all bool) error {
	invites, err := c.Invitations(ctx)
	if err != nil {
		return err
	}
	var shown []invitationShown
	for _, inv := range invites {
		if all || inv.State == "open" {
			shown = append(shown, invitationShown{ID: inv.ID.String(), Name: string(inv.Handle), State: inv.State,
				By: string(inv.By), Expires: inv.Expires.UTC()})
		}
	}
	return printList(env, "invite", shown,
		column[invitationShown]{"name", func(i invitationShown) text.Safe { return text.Line(i.Name) }},
		column[invitationShown]{"state", func(i invitationShown) text.Safe { return text.Line(i.State) }},
		column[invitationShown]{"by", func(i invitationShown) text.Safe { return text.Line(i.By) }},
		column[invitationShown]{"expires", func(i invitationShown) text.Safe { return text.Safe(i.Expires.Format(time.RFC3339)) }},
		column[invitationShown]{"id", func(i invitationShown) text.Safe { return text.Safe(i.ID) }})
}

func newInviteRevokeCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke NAME|ID",
		Short: "Take an open invite back",
		Long: "Take an open invite back: its link is good for nothing any more. NAME stands for\n" +
			"all open invites of that name.",
		Example:     "  unibus invite revoke bob",
		Args:        takes(1, 1),
		Annotations: map[string]string{prints: printsChange},
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.withClient(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				return runInviteRevoke(ctx, env, c, args[0])
			})
		},
	}
}

func runInviteRevoke(ctx context.Context, env *Env, c *client.Client, word string) error {
	invites, err := c.Invitations(ctx)
	if err != nil {
		return err
	}
	found, err := pickInvites(strings.TrimPrefix(word, "@"), invites)
	if err != nil {
		return err
	}
	var sum client.Revocation
	for _, inv := range found {
		if inv.State == "revoked" {
			continue
		}
		rev, err := c.EndInvite(ctx, inv.ID)
		if err != nil {
			return err
		}
		sum = both(sum, rev)
	}
	return printRevocation(ctx, env, c, word, "invite "+word, sum)
}

// shortestID is the shortest beginning of an id that stands for it.
const shortestID = 4

// pickInvites finds the invites that a word means: those of a name, open ones
// if there are any, else the one whose id begins like it.
func pickInvites(word string, all []client.Invitation) (found []client.Invitation, err error) {
	var open, named, prefixed []client.Invitation
	for _, inv := range all {
		switch {
		case string(inv.Handle) == word && inv.State == "open":
			open = append(open, inv)
		case string(inv.Handle) == word:
			named = append(named, inv)
		case len(word) >= shortestID && strings.HasPrefix(inv.ID.String(), word):
			prefixed = append(prefixed, inv)
		}
	}
	switch {
	case len(open) > 0:
		return open, nil
	case len(named) > 0:
		return named[len(named)-1:], nil
	case len(prefixed) == 1:
		return prefixed, nil
	case len(prefixed) > 1:
		return nil, bus.Errorf(bus.Conflict, "ambiguous_invite", "%d invites begin with %q", len(prefixed), word).
			WithHint("write more of the id: unibus invite list")
	}
	return nil, bus.Errorf(bus.NotFound, "no_invite", "there is no invite %q", word).WithHint("see: unibus invite list --all")
}
