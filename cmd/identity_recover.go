package cmd

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/text"
)

// recoveredShown is an account that came back.
type recoveredShown struct {
	Context string   `json:"context"`
	User    string   `json:"user"`
	Bus     string   `json:"bus"`
	Rooms   []string `json:"rooms"`  // with their keys
	Closed  []string `json:"closed"` // that give nothing to recovery endpoints
	Changed bool     `json:"changed"`
}

func newIdentityRecoverCmd(env *Env) *cobra.Command {
	var o joinOptions
	cmd := &cobra.Command{
		Use:   "recover LINK|-",
		Short: "Bring your account back with its 24 words",
		Long: "Bring your account back with its 24 words, on a device that has nothing of it.\n\n" +
			"The link is that of the bus: anybody on it can print it with 'unibus identity\n" +
			"show'. The words are asked for; off a terminal they stand on stdin, behind the\n" +
			"link if that is there too. This device becomes a new endpoint of the account.\n" +
			"Rooms open as far as the node still has them, but for those that were made with\n" +
			"--no-recovery: there a member must act first, and what was said before stays\n" +
			"shut.\n\n" +
			"What is interrupted goes on with the same link and words. Revoke the devices\n" +
			"that you lost.",
		Example:     "  unibus identity recover - < link-and-words\n  unibus identity recover - --no-passphrase < link-and-words",
		Args:        takes(1, 1),
		Annotations: map[string]string{prints: printsChange},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.link = args[0]
			return runIdentityRecover(cmd.Context(), env, o)
		},
	}
	cmd.Flags().StringVar(&o.name, "name", "", "what the context is called; the host's name unless you say")
	cmd.Flags().StringVar(&o.device, "device", "", "what this device is called among yours; the machine's name and a number unless you say")
	cmd.Flags().BoolVar(&o.none, "no-passphrase", false, "keep the keys in a plain file that only you can read")
	return cmd
}

func runIdentityRecover(ctx context.Context, env *Env, o joinOptions) error {
	if o.device != "" {
		if err := deviceName(o.device); err != nil {
			return err
		}
	}
	if err := env.needsPassphrase(o.none); err != nil {
		return err
	}
	link, err := env.linkBefore(ctx, o.link)
	if err != nil {
		return err
	}
	secret, err := env.readWords(ctx)
	if err != nil {
		return err
	}
	j := &joiner{env: env, o: o, link: link}
	if j.home, err = env.home(); err != nil {
		return err
	}
	return j.recover(ctx, identity.SeedFrom(secret))
}

// linkBefore reads the link of a bus, and leaves what stands behind it on stdin.
func (e *Env) linkBefore(ctx context.Context, arg string) (link identity.Link, err error) {
	if arg == "-" {
		if arg, err = until(ctx, e.readLine); err != nil {
			return link, err
		}
	}
	if link, err = identity.ParseLink(arg); err != nil {
		return link, err
	}
	if link.Kind != identity.LinkBus {
		return link, bus.Errorf(bus.Invalid, "bad_link", "this is no link of a bus").
			WithHint("somebody on the bus can print it: unibus identity show")
	}
	return link, nil
}

// readWords reads 24 words: typed unseen on a terminal, else all of stdin. They
// may stand on several lines, and have numbers.
func (e *Env) readWords(ctx context.Context) (secret [32]byte, err error) {
	if e.CanAsk() {
		return e.askWords(ctx)
	}
	all, err := until(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(e.Stdin, maxWord)) })
	if err != nil {
		return secret, err
	}
	return parseWords(string(all))
}

// askWords asks again where a person slipped: a checksum is in the words.
func (e *Env) askWords(ctx context.Context) (secret [32]byte, err error) {
	for tries := 1; ; tries++ {
		typed, err := e.AskSecret(ctx, "The 24 words", "give them on stdin")
		if err != nil {
			return secret, err
		}
		if secret, err = parseWords(string(typed)); err == nil || tries == passphraseTries {
			return secret, err
		}
		e.note(text.Line(err.Error() + "; type all of them again"))
	}
}

// parseWords reads words as people write them down.
func parseWords(s string) ([32]byte, error) {
	var words []string
	for _, w := range strings.Fields(strings.ToLower(s)) {
		if strings.Trim(w, "0123456789.)") != "" {
			words = append(words, w)
		}
	}
	return identity.ParseWords(strings.Join(words, " "))
}

func (j *joiner) recover(ctx context.Context, seed identity.Seed) error {
	if err := j.within(ctx, j.meet); err != nil {
		return err
	}
	p, err := j.recovering(ctx, seed)
	if err != nil {
		return err
	}
	defer p.store.Close()
	var done client.Recovered
	err = j.within(ctx, func(ctx context.Context) (err error) {
		done, err = j.met.Recover(ctx, p.keys.id, p.store, p.keys.save)
		return err
	})
	if err != nil {
		return j.giveUp(p, err)
	}
	if err := p.nameRooms(ctx, done.Rooms); err != nil {
		return err
	}
	if err := j.settle(p); err != nil {
		return err
	}
	return j.printRecovered(p, done)
}

// giveUp leaves no context behind for words that are nobody's on this bus.
func (j *joiner) giveUp(p *place, err error) error {
	if bus.CodeOf(err) != client.ErrForeignWords.Code || !p.at.Pending {
		return err
	}
	return errors.Join(err, j.home.Remove(p.at.Name))
}

// recovering is the context that the account comes back in: one that was begun
// with the same words, or a new one, whose keys are kept before the bus learns
// of them.
func (j *joiner) recovering(ctx context.Context, seed identity.Seed) (*place, error) {
	all, err := j.home.Contexts()
	if err != nil {
		return nil, err
	}
	for _, at := range all {
		if at.Bus != j.met.Bus() || !at.Pending {
			continue
		}
		p, err := j.open(ctx, at)
		if err != nil {
			return nil, err
		}
		if had := p.keys.id.Seed; had != nil && had.Account().Public() == seed.Account().Public() {
			return p, nil
		}
		p.store.Close()
	}
	passphrase, err := j.env.newPassphrase(ctx, j.o.none)
	if err != nil {
		return nil, err
	}
	return j.make(ctx, j.met.IdentityOf(seed, cmp.Or(j.o.device, newDeviceName())), j.met.Info(), passphrase)
}

// newDeviceName is the machine's name and a number of chance: which names the account
// has already is not known before this device is one of it.
func newDeviceName() string {
	var b [2]byte
	_, _ = rand.Read(b[:])
	host := endpointName()
	return fmt.Sprintf("%s-%04d", host[:min(len(host), bus.MaxEndpointName-5)], binary.BigEndian.Uint16(b[:])%10000)
}

func (j *joiner) printRecovered(p *place, done client.Recovered) error {
	shown := recoveredShown{Context: p.at.Name, User: string(p.at.Handle), Bus: p.at.Bus.String(),
		Rooms: append([]string{}, p.rooms...), Closed: []string{}, Changed: true}
	for _, id := range done.Closed {
		shown.Closed = append(shown.Closed, id.String())
	}
	line := "you are " + shown.User + " again, context " + shown.Context
	if len(shown.Rooms) > 0 {
		line += ", rooms: " + strings.Join(shown.Rooms, ", ")
	}
	if n := len(shown.Closed); n > 0 {
		line += "; " + plural(n, "room") + " opens once a member acts there"
	}
	return printChange(j.env, "recovery", text.Line(shown.Context), shown, text.Line(line))
}
