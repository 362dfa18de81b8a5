package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/profile"
	"unibus/internal/text"
)

type joinOptions struct {
	link   string
	name   string // of the context
	device string
	none   bool // no passphrase
}

// joinedShown is a bus that was joined.
type joinedShown struct {
	Context string   `json:"context"`
	User    string   `json:"user"`
	Bus     string   `json:"bus"`
	URL     string   `json:"url"`
	Rooms   []string `json:"rooms"`
	Changed bool     `json:"changed"`
}

func newJoinCmd(env *Env) *cobra.Command {
	var o joinOptions
	cmd := &cobra.Command{
		Use:   "join LINK|-",
		Short: "Join a bus with a link",
		Long: "Join a bus with a link: an invite, a founding link, the link of 'unibus endpoint\n" +
			"add' on another device of yours, or the link of a bus that added the keys of\n" +
			"'unibus identity new'. It becomes a context, and the one that commands talk to.\n\n" +
			"Nothing is sent before the node has shown the certificate that the link names.\n" +
			"What is interrupted goes on with the same link.",
		Example:     "  unibus join - < bob.link\n  unibus join - --no-passphrase --name work < bob.link",
		Args:        takes(1, 1),
		Annotations: map[string]string{prints: printsChange},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.link = args[0]
			return runJoin(cmd.Context(), env, o)
		},
	}
	cmd.Flags().StringVar(&o.name, "name", "", "what the context is called; the host's name unless you say")
	cmd.Flags().StringVar(&o.device, "device", "", "what this device is called among yours; the machine's name unless you say")
	cmd.Flags().BoolVar(&o.none, "no-passphrase", false, "keep the keys in a plain file that only you can read")
	return cmd
}

func runJoin(ctx context.Context, env *Env, o joinOptions) error {
	word, err := env.Word(ctx, o.link)
	if err != nil {
		return err
	}
	link, err := identity.ParseLink(word)
	if err != nil {
		return err
	}
	if o.device == "" {
		o.device = endpointName()
	} else if err := deviceName(o.device); err != nil {
		return err
	}
	if err := env.needsPassphrase(o.none || link.Kind == identity.LinkBus); err != nil {
		return err
	}
	j := &joiner{env: env, o: o, link: link}
	if j.home, err = env.home(); err != nil {
		return err
	}
	p, err := j.join(ctx)
	if err != nil {
		return err
	}
	return j.print(p)
}

// joiner takes one link up.
type joiner struct {
	env  *Env
	o    joinOptions
	link identity.Link
	home profile.Home
	met  *client.Joining
}

// place is the context that a link is taken up in.
type place struct {
	keys  opened
	at    profile.Context
	store *profile.Store
	rooms []string
	was   bool // joined before
}

func (j *joiner) join(ctx context.Context) (*place, error) {
	if j.link.Kind == identity.LinkFounding {
		return j.found(ctx)
	}
	if err := j.within(ctx, j.meet); err != nil {
		return nil, err
	}
	if j.link.Kind == identity.LinkBus {
		return j.enter(ctx)
	}
	return j.take(ctx)
}

// within bounds f by --timeout: what a person types before or after it does not
// count.
func (j *joiner) within(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := j.env.bounded(ctx)
	defer cancel()
	return f(ctx)
}

func (j *joiner) meet(ctx context.Context) (err error) {
	j.met, err = client.Meet(ctx, j.link, j.env.Now)
	return err
}

// take takes an invite or a device link up. The keys are kept before the bus
// learns of them: a bus that knows keys which nobody has would have lost its user.
func (j *joiner) take(ctx context.Context) (*place, error) {
	p, err := j.resume(ctx)
	if err != nil {
		return nil, err
	}
	if p == nil {
		if p, err = j.begin(ctx); err != nil {
			return nil, err
		}
	}
	defer p.store.Close()
	p.was = !p.at.Pending
	var ids []bus.RoomID
	err = j.within(ctx, func(ctx context.Context) (err error) {
		if j.link.Kind == identity.LinkDevice {
			return j.met.AcceptDevice(ctx, p.keys.id, p.store)
		}
		ids, err = j.met.Accept(ctx, p.keys.id, p.store)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := p.nameRooms(ctx, ids); err != nil {
		return nil, err
	}
	return p, j.settle(p)
}

// joinState is where a profile keeps the id of the link that it began with.
const joinState = "join"

// resume finds the context in which this link was taken up before, nil where
// there is none. One that cannot be opened is passed over, unless it waits for
// its bus: it may be the one.
func (j *joiner) resume(ctx context.Context) (*place, error) {
	all, err := j.home.Contexts()
	if err != nil {
		return nil, err
	}
	for _, at := range all {
		if at.Bus != j.met.Bus() || at.Bus == (bus.ID{}) {
			continue
		}
		p, err := j.open(ctx, at)
		if err != nil && at.Pending {
			return nil, fmt.Errorf("open context %s, where a join was begun: %w", at.Name, err)
		}
		if err != nil {
			continue
		}
		if id, err := p.store.State(ctx, joinState); err == nil && string(id) == string(j.link.ID[:]) {
			return p, nil
		}
		p.store.Close()
	}
	return nil, nil
}

func (j *joiner) open(ctx context.Context, at profile.Context) (*place, error) {
	p := &place{at: at}
	var err error
	if p.keys, err = j.env.openIdentity(ctx, j.home.IdentityPath(at.Name)); err != nil {
		return nil, err
	}
	p.store, err = j.home.Open(ctx, at.Name, p.keys.id.ProfileKey)
	return p, err
}

// begin makes the keys and keeps them, with the link that they are for.
func (j *joiner) begin(ctx context.Context) (*place, error) {
	open, keys := j.met.Open, j.met.NewIdentity
	if j.link.Kind == identity.LinkDevice {
		open, keys = j.met.OpenDevice, j.met.NewDevice
	}
	if err := j.within(ctx, open); err != nil {
		return nil, err
	}
	passphrase, err := j.env.newPassphrase(ctx, j.o.none)
	if err != nil {
		return nil, err
	}
	p, err := j.make(ctx, keys(j.o.device), j.met.Info(), passphrase)
	if err != nil {
		return nil, err
	}
	if err := p.store.PutState(ctx, joinState, j.link.ID[:]); err != nil {
		p.store.Close()
		return nil, err
	}
	return p, nil
}

// settle makes a joined bus the one that commands talk to. The identity is
// written first: the context says that it can be used.
func (j *joiner) settle(p *place) error {
	if p.was {
		return nil
	}
	if err := p.keys.save(); err != nil {
		return err
	}
	p.at.Handle, p.at.Pending = p.keys.id.Handle, false
	if err := j.home.Save(p.at); err != nil {
		return err
	}
	return j.home.Use(p.at.Name)
}

func (p *place) nameRooms(ctx context.Context, ids []bus.RoomID) error {
	known, err := p.store.Rooms(ctx)
	names := map[bus.RoomID]string{}
	for _, r := range known {
		names[r.Room] = r.Name
	}
	for _, id := range ids {
		if names[id] == "" {
			names[id] = id.String()
		}
		p.rooms = append(p.rooms, names[id])
	}
	return err
}

func (j *joiner) print(p *place) error {
	shown := joinedShown{Context: p.at.Name, User: string(p.at.Handle), Bus: p.at.Bus.String(), URL: p.at.URL,
		Rooms: append([]string{}, p.rooms...), Changed: !p.was}
	line := "joined as " + shown.User + ", context " + shown.Context
	if p.was {
		line = "joined before as " + shown.User + ", context " + shown.Context
	}
	if j.link.Kind == identity.LinkDevice && !p.was {
		line += ", device " + p.keys.id.Name + "; your rooms open with the next message of another device or member"
	}
	if len(p.rooms) > 0 {
		line += ", rooms: " + strings.Join(p.rooms, ", ")
	}
	return printChange(j.env, "join", text.Line(shown.Context), shown, text.Line(line))
}
