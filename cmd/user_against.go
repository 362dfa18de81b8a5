package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/chain/buslog"
	"unibus/internal/client"
	"unibus/internal/text"
)

// twoAdmins are the flags of what two admins do to a third without the keys of the
// bus.
type twoAdmins struct {
	propose bool
	cosign  string
}

func (o *twoAdmins) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.propose, "propose", false, "against an admin, without the keys of the bus: print what another admin has to co-sign")
	cmd.Flags().StringVar(&o.cosign, "cosign", "", "write what another admin proposed, from this `FILE` or - for stdin")
}

// check refuses what contradicts itself.
func (o twoAdmins) check(cmd *cobra.Command) error {
	if o.propose && o.cosign != "" {
		return usagef(cmd, "--propose and --cosign are for two admins: give one of them")
	}
	return nil
}

// aboutTwoAdmins is what the help says of them.
func aboutTwoAdmins() string {
	return fmt.Sprintf("Against an admin it needs the organisation key, which the founder of the bus\n"+
		"has, or two admins of %d days. One of them runs it with --propose and hands the\n"+
		"line that it prints to the other, who runs the same with --cosign: within %d\n"+
		"minutes, and before anything else is changed on the bus. The line is no secret.",
		int(bus.AdminAge/(24*time.Hour)), int(bus.ChainSkew/time.Minute))
}

// proposalShown is what a second admin takes up.
type proposalShown struct {
	Name     string    `json:"name"`
	Proposal string    `json:"proposal"`
	Expires  time.Time `json:"expires"`
	For      []string  `json:"for"` // users, any of whom may co-sign
}

// runPropose prints the line for another admin; command is what he runs with it.
func runPropose(ctx context.Context, env *Env, c *client.Client, a client.Against, command string) error {
	halves, err := c.Propose(ctx, a)
	if err != nil {
		return err
	}
	users, err := c.Users(ctx)
	if err != nil {
		return err
	}
	shown := proposalShown{Name: string(a.Handle), Proposal: halves.String(), Expires: halves[0].Time.Add(bus.ChainSkew).UTC(), For: []string{}}
	for _, u := range users {
		for _, e := range halves {
			if e.Account == u.Account {
				shown.For = append(shown.For, string(u.Name))
				break
			}
		}
	}
	line := fmt.Sprintf("proposed %s; %s must co-sign within %d minutes, before anything else is changed on the bus: unibus %s --cosign -",
		a, strings.Join(shown.For, " or "), int(bus.ChainSkew/time.Minute), command)
	return printChange(env, "proposal", text.Line(shown.Proposal), shown, text.Line(line))
}

// runCosign writes what another admin proposed, and says who that was.
func runCosign(ctx context.Context, env *Env, c *client.Client, a client.Against, from string) (rev client.Revocation, err error) {
	halves, err := env.readHalves(ctx, from)
	if err != nil {
		return rev, err
	}
	rev, by, err := c.Cosign(ctx, a, halves)
	if err == nil {
		env.note(text.Line(fmt.Sprintf("%s proposed %s", by, a)))
	}
	return rev, err
}

// readHalves reads the line of a proposal.
func (e *Env) readHalves(ctx context.Context, arg string) (buslog.Halves, error) {
	read := readWordFile
	if arg == "-" {
		read = func(arg string) (string, error) { return e.Word(ctx, arg) }
	}
	line, err := read(arg)
	if err != nil {
		return nil, err
	}
	return buslog.ParseHalves(line)
}
