package cmd

import (
	"cmp"
	"context"
	"strings"

	"github.com/mdp/qrterminal/v3"
	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/profile"
	"unibus/internal/text"
)

// identityShown is an identity without its secrets.
type identityShown struct {
	Context     string `json:"context"`
	User        string `json:"user"`
	Bus         string `json:"bus"`
	Account     string `json:"account"`
	Fingerprint string `json:"fingerprint"`
	Endpoint    string `json:"endpoint"`
	Name        string `json:"name"`      // of the endpoint
	Transport   string `json:"transport"` // what nodes and NATS know it by
	Passphrase  bool   `json:"passphrase"`
	Words       bool   `json:"words"` // the seed of the 24 words is still in it
	Org         bool   `json:"org"`   // it holds the keys of the bus itself
	Key         string `json:"key"`   // the line to hand out, while no bus has taken it in
	Link        string `json:"link"`  // of the bus, for 'identity recover'; no secret
}

func newIdentityShowCmd(env *Env) *cobra.Command {
	qr := false
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print who you are: user, endpoint and fingerprint, no secrets",
		Long: "Print who you are: user, endpoint and fingerprint, no secrets.\n\n" +
			"The fingerprint is what others see of you in 'unibus user show'. While no bus\n" +
			"has taken the keys in, the line to hand to an admin is printed too.",
		Example:     "  unibus identity show\n  unibus identity show --qr",
		Args:        takes(0, 0),
		Annotations: map[string]string{prints: printsOne},
		RunE:        func(cmd *cobra.Command, _ []string) error { return runIdentityShow(cmd.Context(), env, qr) },
	}
	cmd.Flags().BoolVar(&qr, "qr", false, "draw the fingerprint, or the line to hand out, for a camera, on stderr")
	return cmd
}

func runIdentityShow(ctx context.Context, env *Env, qr bool) error {
	shown, err := env.whoAmI(ctx)
	if err != nil {
		return err
	}
	if qr {
		env.drawQR(cmp.Or(shown.Key, shown.Fingerprint))
	}
	columns := []column[identityShown]{
		{"context", func(i identityShown) text.Safe { return text.Line(i.Context) }},
		{"user", func(i identityShown) text.Safe { return text.Line(i.User) }},
		{"bus", func(i identityShown) text.Safe { return text.Safe(i.Bus) }},
		{"fingerprint", func(i identityShown) text.Safe { return text.Safe(i.Fingerprint) }},
		{"endpoint", func(i identityShown) text.Safe { return text.Safe(i.Endpoint) }},
		{"name", func(i identityShown) text.Safe { return text.Line(i.Name) }},
		{"transport", func(i identityShown) text.Safe { return text.Safe(i.Transport) }},
		{"passphrase", func(i identityShown) text.Safe { return yesNo(i.Passphrase) }},
		{"words", func(i identityShown) text.Safe { return yesNo(i.Words) }},
		{"org", func(i identityShown) text.Safe { return yesNo(i.Org) }},
	}
	if shown.Link != "" {
		columns = append(columns, column[identityShown]{"link", func(i identityShown) text.Safe { return text.Safe(i.Link) }})
	}
	if shown.Key != "" {
		columns = append(columns, column[identityShown]{"key", func(i identityShown) text.Safe { return text.Safe(i.Key) }})
	}
	return printOne(env, "identity", shown, columns...)
}

// whoAmI describes the identity in use: of a context, or of the one file that
// UNIBUS_IDENTITY_FILE names.
func (e *Env) whoAmI(ctx context.Context) (shown identityShown, err error) {
	settings, err := e.Settings()
	if err != nil {
		return shown, err
	}
	if settings.IdentityFile != "" {
		o, err := e.openIdentity(ctx, settings.IdentityFile)
		if err != nil {
			return shown, err
		}
		return e.showFile(ctx, o)
	}
	home, at, err := e.context()
	if err != nil {
		return shown, err
	}
	o, err := e.openIdentity(ctx, home.IdentityPath(at.Name))
	if err != nil {
		return shown, err
	}
	key, err := e.ownKey(ctx, home, at, o)
	shown = o.show(at.Name, key)
	if !at.Pending && len(at.CAPEM) > 0 {
		shown.Link = client.BusLink(infoOf(at)).String()
	}
	return shown, err
}

// showFile describes an identity that stands in a file of its own. It knows no chain:
// the node is asked for the key.
func (e *Env) showFile(ctx context.Context, o opened) (shown identityShown, err error) {
	if o.id.Context == nil {
		return o.show("", nil), nil
	}
	c, err := e.exportedClient(ctx, o.id)
	if err != nil {
		return shown, err
	}
	defer c.Close()
	key, unasked := c.OwnKey(ctx)
	if unasked != nil {
		e.note(text.Line("the fingerprint is not known: " + unasked.Error()))
	}
	shown = o.show(o.id.Context.Name, key)
	shown.Link = client.BusLink(*o.id.Context).String()
	return shown, nil
}

// ownKey is the account key of an identity, as far as it is known on this
// device: what the chains say that it keeps, else what the seed gives.
func (e *Env) ownKey(ctx context.Context, home profile.Home, at profile.Context, o opened) (key *identity.VerifyKey, err error) {
	err = e.withKeys(ctx, home, at, o, func(c *client.Client) (err error) {
		key, err = c.KnownKey(ctx)
		return err
	})
	return key, err
}

// withKeys runs f with a client of keys that are open already, if a bus has taken
// them in.
func (e *Env) withKeys(ctx context.Context, home profile.Home, at profile.Context, o opened, f func(*client.Client) error) error {
	if at.Pending || len(at.CAPEM) == 0 {
		return nil
	}
	store, err := home.Open(ctx, at.Name, o.id.ProfileKey)
	if err != nil {
		return err
	}
	c, err := newClient(e, o.id, infoOf(at), store, o.place())
	if err != nil {
		return err
	}
	defer c.Close()
	return f(c)
}

// show describes an identity; key is its account key, if that is known.
func (o opened) show(name string, key *identity.VerifyKey) identityShown {
	shown := identityShown{Context: name, User: string(o.id.Handle), Account: o.id.Account.String(),
		Endpoint: o.id.Endpoint().String(), Name: o.id.Name, Transport: o.id.Transport.Public().String(),
		Passphrase: o.passphrase() != nil, Words: o.id.Seed != nil, Org: o.id.Org != nil}
	switch {
	case key != nil:
		shown.Fingerprint = identity.Fingerprint(*key)
	case o.id.Seed != nil:
		shown.Fingerprint = identity.Fingerprint(o.id.Seed.Account().Public())
	}
	if o.id.Bus != (bus.ID{}) {
		shown.Bus = o.id.Bus.String()
	} else if o.id.Seed != nil {
		shown.Key = keyLine(o.id)
	}
	return shown
}

// drawQR draws a code on stderr, so that stdout stays data.
func (e *Env) drawQR(content string) { _, _ = e.Stderr.Write([]byte(pictureOf(content))) }

// pictureOf is a QR code in rows of half blocks, for a dark screen.
func pictureOf(content string) string {
	var picture strings.Builder
	qrterminal.GenerateHalfBlock(content, qrterminal.L, &picture)
	return picture.String()
}
