package cmd

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/config"
	"unibus/internal/identity"
	"unibus/internal/profile"
	"unibus/internal/text"
)

// wordShown is one of the 24 words.
type wordShown struct {
	Number int    `json:"number"`
	Word   string `json:"word"`
}

type wordsOptions struct {
	org, forget bool
	restore     string // "" or a file, - for stdin
}

func newIdentityWordsCmd(env *Env) *cobra.Command {
	var o wordsOptions
	cmd := &cobra.Command{
		Use:   "words",
		Short: "Print the 24 words that bring your account back, or forget them",
		Long: "Print the 24 words that bring your account back when all devices are lost. Write\n" +
			"them on paper: whoever reads them is you. With --org they are those of the bus\n" +
			"itself, which only its founder has. Words that another device replaced are not\n" +
			"printed, if the node can be asked.\n\n" +
			"With --forget what the words stand for is removed from this device, so that a\n" +
			"thief of it gets less: three of the words are asked first. Copies that were made\n" +
			"before still hold it.\n\n" +
			"With --restore words are put here that were forgotten, or made by 'unibus\n" +
			"identity rotate' on another device, if they are the right ones: those of the\n" +
			"organisation key, say, before an admin is revoked. They are typed unseen, or\n" +
			"stand in a file or on stdin.",
		Example: "  unibus identity words\n" +
			"  unibus identity words --forget\n" +
			"  unibus identity words --org\n" +
			"  unibus identity words --org --restore -",
		Args:        takes(0, 0),
		Annotations: map[string]string{prints: printsList},
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case o.forget && env.DryRun:
				return usagef(cmd, "--forget cannot be tried with --dry-run")
			case o.forget && o.restore != "":
				return usagef(cmd, "--forget and --restore are one or the other")
			case o.restore != "":
				return runWordsRestore(cmd.Context(), env, o)
			}
			return runIdentityWords(cmd.Context(), env, o)
		},
	}
	cmd.Flags().BoolVar(&o.org, "org", false, "those of the organisation key of the bus")
	cmd.Flags().BoolVar(&o.forget, "forget", false, "remove them from this device; off a terminal add --yes")
	cmd.Flags().StringVar(&o.restore, "restore", "", "put them back on this device, from this `FILE` or - for stdin")
	return cmd
}

func runWordsRestore(ctx context.Context, env *Env, o wordsOptions) error {
	secret, err := env.wordsFrom(ctx, o.restore)
	if err != nil {
		return err
	}
	did := false
	err = env.withClient(ctx, func(ctx context.Context, c *client.Client) (err error) {
		if o.org {
			did, err = c.RestoreOrg(ctx, identity.SigningKeyFromSeed(secret))
		} else {
			did, err = c.RestoreSeed(ctx, identity.SeedFrom(secret))
		}
		return err
	})
	if err != nil {
		return err
	}
	_, at, err := env.context()
	if err != nil {
		return err
	}
	thing := "the " + o.thing() + " of " + at.Name
	return printQuietChange(env, at.Name, did, thing+" are here again", thing+" are here already")
}

// wordsFrom reads 24 words from a file, or else as readWords does.
func (e *Env) wordsFrom(ctx context.Context, path string) (secret [32]byte, err error) {
	if path == "-" {
		return e.readWords(ctx)
	}
	raw, err := readOwnFile(path)
	if err != nil {
		return secret, err
	}
	return parseWords(string(raw))
}

func runIdentityWords(ctx context.Context, env *Env, o wordsOptions) error {
	home, at, keys, err := env.identityInUse(ctx)
	if err != nil {
		return err
	}
	words, err := o.words(keys.id)
	if err != nil {
		return err
	}
	if !o.forget {
		if at.Bus == (bus.ID{}) && keys.id.Bus != (bus.ID{}) {
			env.note("these stand in a copy: words that were made since then are not in it")
		}
		err := env.withKeys(ctx, home, at, keys, func(c *client.Client) error { return o.check(ctx, env, c, keys.id) })
		if err != nil {
			return err
		}
		return printSecret(env, words)
	}
	if err := env.knowsWords(ctx, words); err != nil {
		return err
	}
	if err := keys.place().Update(func(f *identity.File) (bool, error) { return o.drop(f, words) }); err != nil {
		return err
	}
	return printChange(env, "change", "", changed{Name: at.Name, Changed: true},
		text.Line("the "+o.thing()+" of "+at.Name+" are forgotten here: only your paper has them"))
}

// identityInUse opens the identity of the context in use, or the one file that
// UNIBUS_IDENTITY_FILE names: its context is none of this device, and has a name
// only.
func (e *Env) identityInUse(ctx context.Context) (home profile.Home, at profile.Context, keys opened, err error) {
	settings, err := e.Settings()
	if err != nil {
		return home, at, keys, err
	}
	path := settings.IdentityFile
	if at.Name = filepath.Base(path); path == "" {
		if home, at, err = e.context(); err != nil {
			return home, at, keys, err
		}
		path = home.IdentityPath(at.Name)
	}
	keys, err = e.openIdentity(ctx, path)
	return home, at, keys, err
}

// check keeps words that were replaced on another device from being written on
// paper as good ones.
func (o wordsOptions) check(ctx context.Context, env *Env, c *client.Client, f *identity.File) error {
	var unasked, err error
	if o.org {
		unasked, err = c.CheckOrg(ctx, *f.Org)
	} else {
		unasked, err = c.CheckSeed(ctx, *f.Seed)
	}
	if unasked != nil {
		env.note(text.Line("the bus could not be asked whether there are newer words: " + unasked.Error()))
	}
	return err
}

func (o wordsOptions) thing() string {
	if o.org {
		return "words of the organisation key"
	}
	return "words"
}

// words are those of the seed or of the organisation key, if they are still
// there.
func (o wordsOptions) words(f *identity.File) ([]string, error) {
	switch {
	case o.org && f.NextOrg != nil:
		return nil, bus.Errorf(bus.Conflict, "rotating", "the organisation key is being changed: which words are good is not decided").
			WithHint("run again: unibus identity org-rotate")
	case o.org && f.Org != nil:
		return identity.Words(f.Org.Seed()), nil
	case o.org:
		return nil, bus.Errorf(bus.NotFound, "no_words", "these keys do not hold the organisation key").
			WithHint("the founder of the bus has it, or the paper with its words")
	case f.Next != nil:
		return nil, bus.Errorf(bus.Conflict, "rotating", "these keys are being changed: which words are good is not decided").
			WithHint("run again: unibus identity rotate")
	case f.Seed == nil:
		return nil, bus.Errorf(bus.NotFound, "no_words", "these keys do not hold the words: they were forgotten, or were never here").
			WithHint("look on your paper, or on the first device of this user")
	}
	return identity.Words(f.Seed.Bytes()), nil
}

// drop removes what the words stand for, unless another process put something
// else in its place meanwhile.
func (o wordsOptions) drop(f *identity.File, words []string) (bool, error) {
	now, err := o.words(f)
	if err != nil || !slices.Equal(now, words) {
		return false, err
	}
	if o.org {
		f.Org = nil
	} else {
		f.Seed = nil
	}
	return true, nil
}

// printSecret prints the words: numbered and nothing else in text, which goes on
// paper.
func printSecret(env *Env, words []string) error {
	settings, err := env.Settings()
	if err != nil {
		return err
	}
	shown, rows := make([]wordShown, len(words)), make([][]text.Safe, len(words))
	for i, w := range words {
		shown[i] = wordShown{i + 1, w}
		rows[i] = []text.Safe{text.Safe(strconv.Itoa(i + 1)), text.Safe(w)}
	}
	if settings.Output == config.Text {
		return writeRows(env.Stdout, rows)
	}
	return printList(env, "word", shown,
		column[wordShown]{"word", func(w wordShown) text.Safe { return text.Safe(w.Word) }},
		column[wordShown]{"number", func(w wordShown) text.Safe { return text.Safe(strconv.Itoa(w.Number)) }})
}

// asked is how many of the words a person types back.
const asked = 3

// knowsWords asks for three of the words, in an order that nobody knows before:
// who cannot read his own paper finds it out now. --yes answers for a script.
func (e *Env) knowsWords(ctx context.Context, words []string) error {
	if e.Yes {
		return nil
	}
	if !e.CanAsk() {
		return bus.Errorf(bus.Invalid, "needs_yes", "three of the words are asked before they are forgotten, and this is not a terminal").
			WithHint("add --yes")
	}
	for _, n := range someOf(len(words)) {
		typed, err := e.AskSecret(ctx, fmt.Sprintf("Word %d", n+1), "add --yes")
		if err != nil {
			return err
		}
		if string(bytes.ToLower(bytes.TrimSpace(typed))) != words[n] {
			return bus.Errorf(bus.Invalid, "wrong_word", "that is not word %d: nothing was forgotten", n+1).
				WithHint("compare your paper with 'unibus identity words'")
		}
	}
	return nil
}

// someOf picks different numbers below n.
func someOf(n int) []int {
	var picked []int
	for len(picked) < asked {
		var b [4]byte
		_, _ = rand.Read(b[:])
		if i := int(binary.BigEndian.Uint32(b[:]) % uint32(n)); !slices.Contains(picked, i) {
			picked = append(picked, i)
		}
	}
	return picked
}
