package cmd

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/text"
)

// comparison is a safety number in listings.
type comparison struct {
	User   bus.Handle `json:"user"`
	Trust  bus.Trust  `json:"trust"`
	Number string     `json:"number"`
}

// numberDigits is how long a safety number is, without its spaces.
const numberDigits = 60

type verifyOptions struct{ match, differ, qr bool }

func newIdentityVerifyCmd(env *Env) *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify USER [NUMBER|-]",
		Short: "Compare numbers with a user, to know that nobody is in between",
		Long: "Compare numbers with a user, to know that nobody is in between.\n\n" +
			"Both of you see the same number of 60 digits when each holds the right key of\n" +
			"the other. Compare it over a call or side by side, not in a room of the bus, and\n" +
			"say what you found with --match or --differ. Or give the number that the other\n" +
			"one sees: then it is compared here. What a user writes whose number differs is\n" +
			"not shown any more, and nothing is sent to rooms that they are in.\n\n" +
			"What you decide counts on this device alone: your other devices, and one that\n" +
			"'unibus identity recover' makes, have not compared.",
		Example: "  unibus identity verify bob\n" +
			"  unibus identity verify bob --match\n" +
			"  unibus identity verify bob 12345 67890 ...",
		Args:              takes(1, 13),
		Annotations:       map[string]string{prints: printsOne},
		ValidArgsFunction: completeUsers(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			told, err := o.told(cmd, env, args[1:])
			if err != nil {
				return err
			}
			return onUser(cmd.Context(), env, args[0], func(ctx context.Context, c *client.Client, h bus.Handle) error {
				return o.run(ctx, env, c, h, told)
			})
		},
	}
	cmd.Flags().BoolVar(&o.match, "match", false, "you compared, and the numbers are the same")
	cmd.Flags().BoolVar(&o.differ, "differ", false, "you compared, and the numbers differ")
	cmd.Flags().BoolVar(&o.qr, "qr", false, "draw the number for a camera, on stderr")
	return cmd
}

// told is the number that the other person sees, without its spaces; empty
// where none is given.
func (o verifyOptions) told(cmd *cobra.Command, env *Env, words []string) (string, error) {
	if o.match && o.differ || len(words) > 0 && (o.match || o.differ) {
		return "", usagef(cmd, "say it once: --match, --differ or the number")
	}
	if len(words) == 0 {
		return "", nil
	}
	number, err := env.Word(cmd.Context(), strings.Join(words, " "))
	if err != nil {
		return "", err
	}
	digits := strings.Join(strings.Fields(number), "")
	if len(digits) != numberDigits || strings.Trim(digits, "0123456789") != "" {
		return "", usagef(cmd, "the number has %d digits, and nothing else", numberDigits)
	}
	return digits, nil
}

func (o verifyOptions) run(ctx context.Context, env *Env, c *client.Client, h bus.Handle, told string) error {
	found, err := c.Compare(ctx, h)
	if err != nil {
		return err
	}
	if !found.Since.IsZero() {
		env.noteNewKey(client.NewKey{User: h, Since: found.Since})
	}
	same := told == strings.ReplaceAll(found.Number, " ", "")
	switch {
	case o.match, same:
		err = decide(ctx, env, c, &found, bus.TrustVerified)
	case o.differ:
		err = decide(ctx, env, c, &found, bus.TrustRejected)
	case told == "" && found.Trust != bus.TrustVerified:
		env.note("is the number the same on their side? unibus identity verify " + text.Line(string(h)) + " --match, else --differ")
	case told != "":
		return bus.Errorf(bus.Integrity, "number_differs", "this is not the number of you and %s", h).
			WithHint("compare it once more; if it still differs: unibus identity verify %s --differ", h)
	}
	if err != nil {
		return err
	}
	if o.qr {
		env.drawQR(strings.ReplaceAll(found.Number, " ", ""))
	}
	return printOne(env, "compare", comparison{found.User, found.Trust, found.Number},
		column[comparison]{"user", func(c comparison) text.Safe { return text.Line(string(c.User)) }},
		column[comparison]{"trust", func(c comparison) text.Safe { return text.Safe(c.Trust) }},
		column[comparison]{"number", func(c comparison) text.Safe { return text.Safe(c.Number) }})
}

// decide keeps what a person found out about a user.
func decide(ctx context.Context, env *Env, c *client.Client, found *client.Comparison, as bus.Trust) error {
	found.Trust = as
	if env.DryRun {
		return nil
	}
	return c.Decide(ctx, *found, as)
}
