package cmd

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/text"
)

const (
	// botLife is how long a bot lives unless somebody says otherwise; maxBotLife
	// at most. Its key is never renewed: who steals the file reads what was sent
	// from its beginning on.
	botLife    = 90 * day
	maxBotLife = 366 * day
)

type botOptions struct {
	name  string
	rooms []string
	verbs []string
	ttl   span
	file  string
	plain bool
}

// botShown is a bot that was just listed.
type botShown struct {
	Name     string    `json:"name"`
	Endpoint string    `json:"endpoint"`
	File     string    `json:"file"`
	Rooms    []string  `json:"rooms"`
	Verbs    []string  `json:"verbs"`
	Expires  time.Time `json:"expires"`
	Rekeyed  []string  `json:"rekeyed"`
	Pending  []string  `json:"pending"`
	Changed  bool      `json:"changed"`
}

func (o *botOptions) flags(env *Env, cmd *cobra.Command) {
	o.ttl = span(botLife)
	f := cmd.Flags()
	f.StringVar(&o.name, "bot", "", "make a bot or a job, called `NAME`, instead of a link")
	f.StringArrayVar(&o.rooms, "room", nil, "a `ROOM` that the bot may use; may be repeated")
	f.StringSliceVar(&o.verbs, "verbs", []string{"read", "publish"}, "what it may do there: read, publish")
	f.Var(&o.ttl, "ttl", "how long the bot lives, up to 366d")
	f.StringVarP(&o.file, "output-file", "O", "", "the new `FILE` for the bot's keys, of mode 0600")
	f.BoolVar(&o.plain, "plain", false, "write the file without a passphrase")
	f.BoolVar(&o.plain, "no-passphrase", false, "the same as --plain")
	_ = cmd.RegisterFlagCompletionFunc("room", anywhere(completeRooms(env))) // fails only without the flag
	_ = cmd.RegisterFlagCompletionFunc("verbs", oneOf("read", "publish", "publish,read"))
}

func runBotAdd(cmd *cobra.Command, env *Env, o botOptions) error {
	verbs, err := parseVerbs(o.verbs)
	switch {
	case err != nil:
		return err
	case len(o.rooms) == 0 || len(o.rooms) > account.MaxScopeRooms:
		return usagef(cmd, "name 1 to %d rooms with --room", account.MaxScopeRooms)
	case o.ttl <= 0 || time.Duration(o.ttl) > maxBotLife:
		return usagef(cmd, "--ttl must be more than 0 and at most 366d")
	case o.file == "" || o.file == "-":
		return usagef(cmd, "name the file with -O: keys are not written to stdout")
	}
	if err := cmp.Or(deviceName(o.name), freeFile(o.file)); err != nil {
		return err
	}
	ctx := cmd.Context()
	passphrase, err := env.newPassphrase(ctx, o.plain)
	if err != nil {
		return err
	}
	return env.withClient(ctx, func(ctx context.Context, c *client.Client) error {
		return addBot(ctx, env, c, o, verbs, passphrase)
	})
}

func parseVerbs(words []string) (verbs account.Verb, err error) {
	for _, word := range words {
		switch strings.TrimSpace(word) {
		case "read":
			verbs |= account.VerbRead
		case "publish":
			verbs |= account.VerbPublish
		default:
			return 0, bus.Errorf(bus.Invalid, "usage", "%.20q is nothing that a bot may do", word).
				WithHint("use --verbs read, publish, or publish,read")
		}
	}
	if verbs == 0 {
		err = bus.Errorf(bus.Invalid, "usage", "a bot that may do nothing is none").WithHint("use --verbs publish,read")
	}
	return verbs, err
}

// addBot keeps the keys before the bus learns of them, and takes them back where
// it does not.
func addBot(ctx context.Context, env *Env, c *client.Client, o botOptions, verbs account.Verb, passphrase []byte) error {
	b := client.Bot{Name: o.name, Verbs: verbs, Ends: env.Now().Add(time.Duration(o.ttl))}
	var err error
	if b.Rooms, err = botRooms(ctx, c, o.rooms, verbs); err != nil {
		return err
	}
	id, err := c.NewBot(ctx, b)
	if err != nil {
		return err
	}
	if err := identity.Save(o.file, id, passphrase); err != nil {
		return err
	}
	rekeyed, pending, err := c.AddBot(ctx, id, b)
	if err != nil {
		if bus.KindOf(err) != bus.Timeout && bus.KindOf(err) != bus.Unavailable { // then nobody knows whether the bus has it
			err = errors.Join(err, os.Remove(o.file))
		}
		return err
	}
	called := roomNames(ctx, c, b.Rooms)
	shown := botShown{Name: o.name, Endpoint: id.Endpoint().String(), File: o.file, Rooms: called(b.Rooms), Verbs: verbWords(verbs),
		Expires: b.Ends.UTC().Truncate(time.Second), Rekeyed: called(rekeyed), Pending: called(pending), Changed: true}
	return printChange(env, "bot", text.Safe(shown.Endpoint), shown, text.Line(shown.line(passphrase == nil)))
}

// botRooms finds the rooms, in which this user must be able to do what his bot
// will do.
func botRooms(ctx context.Context, c *client.Client, names []string, verbs account.Verb) (ids []bus.RoomID, err error) {
	for _, name := range names {
		id, err := c.FindRoom(ctx, name)
		if err != nil {
			return nil, err
		}
		at, err := c.Standing(ctx, id)
		if err != nil {
			return nil, err
		}
		if !at.Role.Writes() && verbs.Has(account.VerbPublish) {
			return nil, bus.Errorf(bus.Forbidden, "read_only", "you may only read in %s, and so may your bots", text.Line(name)).
				WithHint("use --verbs read, or ask an owner of the room")
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (b botShown) line(plain bool) string {
	line := "bot " + b.Name + " may " + strings.Join(b.Verbs, " and ") + " in " + strings.Join(b.Rooms, ", ") + " until " +
		b.Expires.Local().Format("2006-01-02 15:04") + "; keys written to " + b.File
	if plain {
		line += ", without a passphrase: whoever reads it is that bot"
	}
	if len(b.Pending) > 0 {
		line += "; new key pending for " + strings.Join(b.Pending, ", ")
	}
	return line
}
