package cmd

import (
	"context"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/client"
	"unibus/internal/text"
)

func newEndpointCmd(env *Env) *cobra.Command {
	return newGroup("endpoint", "Your devices, bots and jobs: list, add and revoke them",
		"  unibus endpoint list\n  unibus endpoint add > phone.link\n  unibus endpoint revoke phone",
		newEndpointListCmd(env), newEndpointAddCmd(env), newEndpointRevokeCmd(env))
}

// endpointShown is an endpoint in listings.
type endpointShown struct {
	ID      string      `json:"id"`
	Name    string      `json:"name"`
	Kind    string      `json:"kind"`
	State   string      `json:"state"`
	Rights  rightsShown `json:"rights"`
	Since   time.Time   `json:"since"`
	LastKey time.Time   `json:"last_key"`
	This    bool        `json:"this"` // the one that asks
}

// rightsShown is what an endpoint may do.
type rightsShown struct {
	Add   bool       `json:"add"`   // list further ones
	Verbs []string   `json:"verbs"` // of "read" and "publish"; none for a recovery endpoint
	Rooms []string   `json:"rooms"` // null: all
	Ends  *time.Time `json:"ends"`  // null: never
}

func newEndpointListCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "list [USER]",
		Short: "List devices and bots: yours, or those of another user",
		Long: "List devices and bots: yours, or those of another user, as the verified account\n" +
			"says. A link that nobody took up yet is listed as open. -o tsv and -o json show\n" +
			"their ids, and when their keys were made.",
		Example:           "  unibus endpoint list\n  unibus endpoint list bob -o json",
		Args:              takes(0, 1),
		Annotations:       map[string]string{prints: printsList},
		ValidArgsFunction: inOrder(completeUsers(env)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.withClient(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				h, err := userOr(c.Handle(), args)
				if err != nil {
					return err
				}
				return runEndpointList(ctx, env, c, h)
			})
		},
	}
}

func userOr(own bus.Handle, args []string) (bus.Handle, error) {
	if len(args) == 0 {
		return own, nil
	}
	return bus.ParseHandle(args[0])
}

func runEndpointList(ctx context.Context, env *Env, c *client.Client, h bus.Handle) error {
	all, err := c.Endpoints(ctx, h)
	if err != nil {
		return err
	}
	var scoped []bus.RoomID
	for _, e := range all {
		if e.Rights.Scope != nil {
			scoped = append(scoped, e.Rights.Scope.Rooms...)
		}
	}
	called := roomNames(ctx, c, scoped)
	shown := make([]endpointShown, len(all))
	for i, e := range all {
		shown[i] = endpointShown{ID: e.ID.String(), Name: e.Name, Kind: e.Kind, State: string(e.State),
			Rights: showRights(e, called), Since: e.Since.UTC(), LastKey: e.LastKey.UTC(), This: e.Mine}
	}
	return printBrief(env, "endpoint", shown, endpointColumns(), "last_key", "id")
}

func showRights(e client.Endpoint, called func([]bus.RoomID) []string) rightsShown {
	r := rightsShown{Add: e.Rights.MayAdd, Verbs: []string{}}
	verbs := account.VerbRead | account.VerbPublish
	if e.Rights.Scope != nil {
		verbs, r.Rooms = e.Rights.Scope.Verbs, called(e.Rights.Scope.Rooms)
	}
	if e.Kind != "recovery" {
		r.Verbs = verbWords(verbs)
	}
	if !e.Rights.NotAfter.IsZero() {
		ends := e.Rights.NotAfter.UTC()
		r.Ends = &ends
	}
	return r
}

// line says it in words.
func (r rightsShown) line() string {
	switch {
	case len(r.Verbs) == 0:
		return "history"
	case r.Rooms == nil && r.Ends == nil:
		return "all"
	}
	line := strings.Join(r.Verbs, ",")
	if r.Rooms != nil {
		line += " " + strings.Join(r.Rooms, ",")
	}
	if r.Ends != nil {
		line += " until " + r.Ends.Format("2006-01-02")
	}
	return line
}

func endpointColumns() []column[endpointShown] {
	return []column[endpointShown]{
		{"name", func(e endpointShown) text.Safe { return text.Line(e.Name) }},
		{"kind", func(e endpointShown) text.Safe { return text.Safe(e.Kind) }},
		{"state", func(e endpointShown) text.Safe { return text.Safe(e.State) }},
		{"rights", func(e endpointShown) text.Safe { return text.Line(e.Rights.line()) }},
		{"since", func(e endpointShown) text.Safe { return text.Safe(e.Since.Format("2006-01-02")) }},
		{"this", func(e endpointShown) text.Safe { return yesNo(e.This) }},
		{"last_key", func(e endpointShown) text.Safe { return text.Safe(e.LastKey.Format(time.RFC3339)) }},
		{"id", func(e endpointShown) text.Safe { return text.Safe(e.ID) }},
	}
}

func verbWords(v account.Verb) []string {
	words := []string{}
	if v.Has(account.VerbRead) {
		words = append(words, "read")
	}
	if v.Has(account.VerbPublish) {
		words = append(words, "publish")
	}
	return words
}

// deviceName refuses what could not be named again to revoke it.
func deviceName(name string) error {
	if name == "" || len(name) > bus.MaxEndpointName || strings.ContainsRune(name, '/') ||
		strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return bus.Errorf(bus.Invalid, "usage", "%.40q is not a name of a device: use 1 to %d bytes without spaces and /",
			name, bus.MaxEndpointName).WithHint("choose another name")
	}
	return nil
}
