package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"unibus/internal/client"
)

// Completions come within shortWait and are silent when they fail: somebody is
// typing. They complete one argument or the value of a flag.

func completeContexts(env *Env) cobra.CompletionFunc {
	return completing(env, func(context.Context) (words []cobra.Completion) {
		home, err := env.home()
		if err != nil {
			return nil
		}
		all, _ := home.Contexts()
		for _, at := range all {
			words = append(words, cobra.CompletionWithDesc(at.Name, at.URL))
		}
		return words
	})
}

func completeUsers(env *Env) cobra.CompletionFunc {
	return completing(env, func(ctx context.Context) (words []cobra.Completion) {
		_ = env.withSession(ctx, func(ctx context.Context, c *client.Client) error {
			users, err := c.Users(ctx)
			for _, u := range users {
				words = append(words, string(u.Name))
			}
			return err
		})
		return words
	})
}

// completeRooms completes rooms, those of two as @USER.
func completeRooms(env *Env) cobra.CompletionFunc {
	return completing(env, func(ctx context.Context) (words []cobra.Completion) {
		_ = env.withSession(ctx, func(ctx context.Context, c *client.Client) error {
			rooms, err := c.ListMyRooms(ctx)
			for _, r := range rooms {
				words = append(words, calledAs(r))
			}
			return err
		})
		return words
	})
}

// completing asks nobody for a passphrase, and offers no file names. Opening
// an identity that has one takes longer than anybody waits.
func completing(env *Env, words func(context.Context) []cobra.Completion) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 && cmd.ValidArgsFunction != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		env.flags, env.NoInput = cmd.Flags(), true
		ctx, cancel := context.WithTimeout(cmd.Context(), shortWait)
		defer cancel()
		found, _ := until(ctx, func() ([]cobra.Completion, error) { return words(ctx), nil })
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// anywhere makes f complete each of any number of arguments, or a flag that
// stands among arguments.
func anywhere(f cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return f(cmd, nil, word)
	}
}

// inOrder completes the first argument by the first function, the second by
// the second, and so on.
func inOrder(functions ...cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= len(functions) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return functions[len(args)](cmd, nil, word)
	}
}

// firstThen completes the first argument by first, and all others by rest.
func firstThen(first, rest cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return rest(cmd, nil, word)
		}
		return first(cmd, nil, word)
	}
}

// oneOf completes fixed words.
func oneOf(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

func roomRoles(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return []cobra.Completion{"owner", "member", "reader"}, cobra.ShellCompDirectiveNoFileComp
}
