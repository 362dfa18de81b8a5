package cmd

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
)

type endpointAddOptions struct {
	qr  bool
	bot botOptions
}

// deviceLinkShown is a device link that was just made.
type deviceLinkShown struct {
	Link    string    `json:"link"`
	Expires time.Time `json:"expires"`
	Changed bool      `json:"changed"`
}

func newEndpointAddCmd(env *Env) *cobra.Command {
	var o endpointAddOptions
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Print a link for your next device, or write the keys of a bot",
		Long: "Print a link, good for one hour and one use, that makes another device yours:\n" +
			"there, 'unibus join' takes it. Whoever holds the link can become you; send it on\n" +
			"a way that you trust. The new device never gets the 24 words, and is in your\n" +
			"rooms with the next message of another device or member, who hands on to it\n" +
			"what you can read there.\n\n" +
			"With --bot write the keys of a bot or a job into one file, for\n" +
			"UNIBUS_IDENTITY_FILE. It can do what --verbs says in the rooms that you name,\n" +
			"until its time is over; many jobs may share the file.",
		Example: "  unibus endpoint add > phone.link\n" +
			"  unibus endpoint add --bot builder --room ci --verbs publish --plain -O ci.keys",
		Args:        takes(0, 0),
		Annotations: map[string]string{prints: printsChange},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.bot.name == "" {
				for _, name := range []string{"room", "verbs", "ttl", "output-file", "plain", "no-passphrase"} {
					if cmd.Flags().Changed(name) {
						return usagef(cmd, "--%s goes with --bot", name)
					}
				}
				return runEndpointAdd(cmd.Context(), env, o.qr)
			}
			return runBotAdd(cmd, env, o.bot)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.qr, "qr", false, "draw the link for a camera, on stderr")
	o.bot.flags(env, cmd)
	return cmd
}

func runEndpointAdd(ctx context.Context, env *Env, qr bool) error {
	return env.withClient(ctx, func(ctx context.Context, c *client.Client) error {
		made := env.Now()
		link, err := c.LinkDevice(ctx, bus.MaxLinkLife)
		if err != nil {
			return err
		}
		shown := deviceLinkShown{Link: link.String(), Expires: made.Add(bus.MaxLinkLife).UTC().Truncate(time.Second), Changed: true}
		if qr {
			env.drawQR(shown.Link)
		}
		return env.printLink("link", link, shown, "link for a device of yours, until "+shown.Expires.Local().Format("15:04")+"; works once")
	})
}
