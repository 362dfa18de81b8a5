package cmd

import (
	"context"
	"regexp"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/text"
)

func newUserCmd(env *Env) *cobra.Command {
	return newGroup("user", "Let people and programs onto the bus, and take them off",
		"  unibus user invite bob\n  unibus user revoke bob",
		newUserAddCmd(env), newUserInviteCmd(env), newUserListCmd(env), newUserShowCmd(env),
		newUserRoleCmd(env), newUserRevokeCmd(env))
}

// userShown is a user in listings.
type userShown struct {
	Name        string    `json:"name"`
	Role        string    `json:"role"`
	State       string    `json:"state"`
	Fingerprint string    `json:"fingerprint"`
	Endpoints   int       `json:"endpoints"`
	Created     time.Time `json:"created"`
	Trust       bus.Trust `json:"trust"`
	KeySince    time.Time `json:"key_since,omitzero"` // when the key took the place of another one
}

func showUser(p client.Person) userShown {
	return userShown{Name: string(p.Handle), Role: p.Role.String(), State: p.State(), Trust: p.Trust,
		Fingerprint: identity.Fingerprint(p.Key), Endpoints: p.Endpoints, Created: p.Created.UTC(), KeySince: p.KeySince.UTC()}
}

func userColumns() []column[userShown] {
	return []column[userShown]{
		{"name", func(u userShown) text.Safe { return text.Line(u.Name) }},
		{"role", func(u userShown) text.Safe { return text.Line(u.Role) }},
		{"state", func(u userShown) text.Safe { return text.Line(u.State) }},
		{"endpoints", func(u userShown) text.Safe { return text.Safe(strconv.Itoa(u.Endpoints)) }},
		{"fingerprint", func(u userShown) text.Safe { return text.Safe(u.Fingerprint) }},
		{"created", func(u userShown) text.Safe { return text.Safe(u.Created.Format(time.RFC3339)) }},
		{"trust", func(u userShown) text.Safe { return text.Safe(u.Trust) }},
	}
}

func newUserListCmd(env *Env) *cobra.Command {
	all := false
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the users of the bus, with the fingerprints of their keys",
		Long: "List the users of the bus, with the fingerprints of their keys. Who was revoked\n" +
			"stays in the list, and the name stays taken; the throwaway users that 'unibus\n" +
			"smoke' made and revoked are listed with --all only.",
		Example:     "  unibus user list\n  unibus user list -o json",
		Args:        takes(0, 0),
		Annotations: map[string]string{prints: printsList},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return env.withClient(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				people, err := c.People(ctx)
				if err != nil {
					return err
				}
				return printUsers(env, people, all)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also the throwaway users of 'unibus smoke'")
	return cmd
}

func printUsers(env *Env, people []client.Person, all bool) error {
	var shown []userShown
	for _, p := range people {
		if u := showUser(p); all || !throwaway(u) {
			shown = append(shown, u)
		}
	}
	return printBrief(env, "user", shown, userColumns(), "created", "endpoints")
}

// throwaway is true for what a smoke test left of its user.
func throwaway(u userShown) bool {
	return u.State == "revoked" && regexp.MustCompile("^"+smokePrefix+"[a-z2-7]{8}$").MatchString(u.Name)
}

func newUserShowCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:               "show NAME",
		Short:             "Print one user, with the fingerprint of the key",
		Example:           "  unibus user show bob",
		Args:              takes(1, 1),
		Annotations:       map[string]string{prints: printsOne},
		ValidArgsFunction: completeUsers(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			return onUser(cmd.Context(), env, args[0], func(ctx context.Context, c *client.Client, h bus.Handle) error {
				p, err := c.Person(ctx, h)
				if err != nil {
					return err
				}
				name := string(h)
				if !p.KeySince.IsZero() && p.Trust != bus.TrustVerified {
					env.note(text.Line(name + " has another account key since " + p.KeySince.Local().Format(time.DateTime) +
						"; compare numbers: unibus identity verify " + name))
				}
				return printOne(env, "user", showUser(p), userColumns()...)
			})
		},
	}
}

// onUser reads the name of a user and hands it to f.
func onUser(ctx context.Context, env *Env, name string, f func(context.Context, *client.Client, bus.Handle) error) error {
	h, err := bus.ParseHandle(name)
	if err != nil {
		return err
	}
	return env.withClient(ctx, func(ctx context.Context, c *client.Client) error { return f(ctx, c, h) })
}

func newUserRoleCmd(env *Env) *cobra.Command {
	var two twoAdmins
	cmd := &cobra.Command{
		Use:   "role NAME ROLE",
		Short: "Say what a user may do on the bus: user or admin",
		Long:  "Say what a user may do on the bus: user or admin.\n\n" + aboutTwoAdmins(),
		Example: "  unibus user role bob admin\n  unibus user role carol user --propose\n" +
			"  unibus user role carol user --cosign -",
		Args:              takes(2, 2),
		Annotations:       map[string]string{prints: printsChange},
		ValidArgsFunction: completeUsers(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			role, err := bus.ParseUserRole(args[1])
			if err == nil {
				err = two.check(cmd)
			}
			if err != nil {
				return err
			}
			return onUser(cmd.Context(), env, args[0], func(ctx context.Context, c *client.Client, h bus.Handle) error {
				return runUserRole(ctx, env, c, client.Against{Handle: h, Role: role}, two)
			})
		},
	}
	two.flags(cmd)
	return cmd
}

func runUserRole(ctx context.Context, env *Env, c *client.Client, a client.Against, two twoAdmins) (err error) {
	did := false
	switch {
	case two.propose:
		return runPropose(ctx, env, c, a, "user role "+string(a.Handle)+" "+a.Role.String())
	case two.cosign != "":
		rev, err := runCosign(ctx, env, c, a, two.cosign)
		if err != nil {
			return err
		}
		did = rev.Changed
	default:
		if did, err = c.SetRole(ctx, a.Handle, a.Role); err != nil {
			return err
		}
	}
	is := string(a.Handle) + " is " + a.Role.String()
	return printQuietChange(env, string(a.Handle), did, is+" now", is+" already")
}
