package cmd

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
)

func newEndpointRevokeCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke NAME|ID|USER/NAME",
		Short: "End a device or a bot, cut it off, make new room keys",
		Long: "End a device, a bot, or a link that nobody took up: cut its connections and make\n" +
			"new keys for its rooms. ID may be the beginning of one. An admin ends those of\n" +
			"another user as USER/NAME.\n\n" +
			"It never asks, since minutes count, and it can be repeated.",
		Example:           "  unibus endpoint revoke phone\n  unibus endpoint revoke bob/laptop",
		Args:              takes(1, 1),
		Annotations:       map[string]string{prints: printsChange},
		ValidArgsFunction: inOrder(completeEndpoints(env)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.withClient(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				return runEndpointRevoke(ctx, env, c, args[0])
			})
		},
	}
}

func runEndpointRevoke(ctx context.Context, env *Env, c *client.Client, word string) error {
	h, name := c.Handle(), word
	if user, rest, other := strings.Cut(word, "/"); other {
		var err error
		if h, err = bus.ParseHandle(user); err != nil {
			return err
		}
		name = rest
	}
	all, err := c.Endpoints(ctx, h)
	if err != nil {
		return err
	}
	found, err := pickEndpoint(name, all)
	if err != nil {
		return err
	}
	rev, err := c.RevokeEndpoint(ctx, h, found.ID)
	if err != nil {
		return err
	}
	return printRevocation(ctx, env, c, word, found.Kind+" "+word, rev)
}

// idsOf are ids as they can be typed, each with the day that it is from.
func idsOf(some []client.Endpoint) (out []string) {
	for _, e := range some {
		out = append(out, e.ID.String()+" ("+e.Kind+" since "+e.Since.Local().Format(time.DateTime)+")")
	}
	return out
}

// pickEndpoint finds the endpoint that a word means: the one of that name that
// is not revoked, else the one whose id begins like it, else the newest that was
// revoked under the name.
func pickEndpoint(word string, all []client.Endpoint) (found client.Endpoint, err error) {
	var named, gone, prefixed []client.Endpoint
	for _, e := range all {
		switch {
		case e.Name == word && e.State == client.EndpointRevoked:
			gone = append(gone, e)
		case e.Name == word:
			named = append(named, e)
		case len(word) >= shortestID && strings.HasPrefix(e.ID.String(), word):
			prefixed = append(prefixed, e)
		}
	}
	switch {
	case len(named) == 1:
		return named[0], nil
	case len(named) == 0 && len(prefixed) == 1:
		return prefixed[0], nil
	case len(named)+len(prefixed) > 1:
		return found, bus.Errorf(bus.Conflict, "ambiguous_endpoint", "%d endpoints are called %q", len(named)+len(prefixed), word).
			WithHint("use the id: %s", strings.Join(idsOf(append(named, prefixed...)), " or "))
	case len(gone) > 0:
		return gone[len(gone)-1], nil
	}
	return found, bus.Errorf(bus.NotFound, "no_endpoint", "there is no endpoint %q", word).WithHint("see: unibus endpoint list")
}

func completeEndpoints(env *Env) cobra.CompletionFunc {
	return completing(env, func(ctx context.Context) (words []cobra.Completion) {
		_ = env.withSession(ctx, func(ctx context.Context, c *client.Client) error {
			all, err := c.Endpoints(ctx, c.Handle())
			for _, e := range all {
				if e.Name != "" && e.State != client.EndpointRevoked {
					words = append(words, cobra.CompletionWithDesc(e.Name, e.Kind))
				}
			}
			return err
		})
		return words
	})
}
