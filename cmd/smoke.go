package cmd

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/client/transfer"
	"unibus/internal/config"
	"unibus/internal/identity"
	"unibus/internal/node"
	"unibus/internal/profile"
	"unibus/internal/seal"
	"unibus/internal/text"
)

type smokeOptions struct {
	local, keep bool
	expect      []string
}

func newSmokeCmd(env *Env) *cobra.Command {
	var o smokeOptions
	cmd := &cobra.Command{
		Use:   "smoke",
		Short: "Try everything a bus is for, once, and time it",
		Long: "Try everything a bus is for, once, and time it: make a room, send, read, a blob\n" +
			"up and down, a new room key, delete the room; as an admin also invite a\n" +
			"throwaway user, let them join, and revoke them. Exit code 1 when a step fails.",
		Example:     "  unibus smoke\n  unibus smoke --local\n  unibus smoke --expect enforce,acl,tls -o json",
		Args:        takes(0, 0),
		Annotations: map[string]string{prints: printsList},
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch err := requirable(o.expect); {
			case err != nil:
				return err
			case env.DryRun:
				return usagef(cmd, "it does what it tries: it cannot be tried with --dry-run")
			}
			return runSmoke(cmd.Context(), env, o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.local, "local", false, "on a throwaway node of its own")
	f.BoolVar(&o.keep, "keep", false, "leave the room it made")
	f.StringSliceVar(&o.expect, "expect", nil, "what the node must be, as with posture --require")
	_ = cmd.RegisterFlagCompletionFunc("expect", oneOf(postures()...))
	return cmd
}

func runSmoke(ctx context.Context, env *Env, o smokeOptions) error {
	if !o.local {
		return env.withSession(ctx, func(ctx context.Context, c *client.Client) error { return smoke(ctx, env, c, o) })
	}
	dir, err := os.MkdirTemp("", "unibus-smoke-")
	if err != nil {
		return bus.Errorf(bus.Failed, "no_temp", "no temporary directory can be made").Because(err)
	}
	defer os.RemoveAll(dir)
	return smokeLocal(ctx, env, dir, o)
}

func smokeLocal(ctx context.Context, env *Env, dir string, o smokeOptions) error {
	quiet := *env
	quiet.Quiet, quiet.Stderr = true, io.Discard
	s := config.Serve{Data: filepath.Join(dir, "node"), Listen: "127.0.0.1:0", NATS: "127.0.0.1:0", Auth: bus.ModeEnforce}
	f := &founder{env: &quiet, home: profile.At(filepath.Join(dir, "home")), data: s.Data, handle: "admin"}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	return run(ctx, f.serves(nodeOptions(&quiet, s)), func(ctx context.Context, n *node.Node) error {
		at, err := f.home.Context("local")
		if err != nil {
			return err
		}
		c, err := f.client(ctx, at)
		if err != nil {
			return err
		}
		defer c.Close()
		defer stop()
		return smoke(ctx, env, c, o)
	})
}

// stepShown is one step of a smoke test.
type stepShown struct {
	Name  string  `json:"name"`
	OK    bool    `json:"ok"`
	MS    float64 `json:"ms"`
	Error string  `json:"error"`
}

// smokePrefix begins the name of every room and user that a smoke test makes.
const smokePrefix = "smoke-"

// smokeStep is something to try. Later steps need what earlier ones made.
type smokeStep struct {
	name string
	run  func(context.Context) error
}

// smoke tries the steps in turn up to the first that fails, and leaves no room
// behind unless it was asked to.
func smoke(ctx context.Context, env *Env, c *client.Client, o smokeOptions) error {
	settings, err := env.Settings()
	if err != nil {
		return err
	}
	admin, err := c.IsAdmin(ctx)
	if err != nil {
		return err
	}
	s := &smoker{c: c, o: o, name: smokePrefix + client.NewRecordID("").String()[:8]}
	defer s.tidy(ctx)
	var done []stepShown
	var failed error
	for _, step := range s.steps(admin) {
		shown, err := step.try(ctx, env, settings.Timeout)
		done = append(done, shown)
		if err != nil {
			failed = bus.Errorf(bus.Failed, "smoke", "%s: %s", step.name, shown.Error).Because(err)
			break
		}
	}
	if err := printSteps(env, done); err != nil {
		return err
	}
	if o.keep && failed == nil {
		env.note(text.Line("the room is kept: " + s.name))
	}
	return failed
}

func (s smokeStep) try(ctx context.Context, env *Env, limit time.Duration) (stepShown, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errTimeout)
	defer cancel()
	begun := env.Now()
	err := s.run(ctx)
	shown := stepShown{Name: s.name, OK: err == nil, MS: float64(env.Now().Sub(begun).Microseconds()) / 1000}
	if err != nil {
		shown.Error = describe(err).Message
	}
	return shown, err
}

func printSteps(env *Env, done []stepShown) error {
	return printList(env, "step", done,
		column[stepShown]{"name", func(s stepShown) text.Safe { return text.Safe(s.Name) }},
		column[stepShown]{"ok", func(s stepShown) text.Safe { return yesNo(s.OK) }},
		column[stepShown]{"ms", func(s stepShown) text.Safe { return text.Safe(strconv.FormatFloat(s.MS, 'f', 1, 64)) }},
		column[stepShown]{"error", func(s stepShown) text.Safe { return text.Line(s.Error) }})
}

// smoker is what the steps share.
type smoker struct {
	c    *client.Client
	o    smokeOptions
	name string
	room bus.RoomID
}

func (s *smoker) steps(admin bool) []smokeStep {
	steps := []smokeStep{{"posture", s.posture}, {"room", s.makeRoom}, {"send and read", s.sendAndRead},
		{"blob", s.blob}, {"rekey", s.rekey}}
	if admin {
		steps = append(steps, smokeStep{"invite, join, revoke", s.guest})
	}
	if !s.o.keep {
		steps = append(steps, smokeStep{"delete", s.remove})
	}
	return steps
}

// tidy deletes the room of a test that broke off.
func (s *smoker) tidy(ctx context.Context) {
	if s.room == (bus.RoomID{}) || s.o.keep {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = s.remove(ctx) // the error that broke it off says more
}

func (s *smoker) posture(ctx context.Context) error {
	n := askPosture(ctx, s.c, s.c.URL())
	if n.why != nil {
		return n.why
	}
	return judge([]nodeShown{n}, s.o.expect)
}

func (s *smoker) makeRoom(ctx context.Context) (err error) {
	s.room, err = s.c.CreateRoom(ctx, s.name, client.RoomOptions{})
	return err
}

func (s *smoker) sendAndRead(ctx context.Context) error {
	const words = "smoke"
	record := seal.Record{Kind: seal.KindText, ID: client.NewRecordID(""), Body: []byte(words)}
	ack, err := s.c.SendOne(ctx, s.room, record)
	if err != nil {
		return err
	}
	found := false
	err = s.c.Read(ctx, s.room, client.ReadOptions{Limit: 10}, func(e bus.Event) error {
		found = found || e.Message != nil && e.Message.Seq == ack.Seq && e.Message.Text == words
		return nil
	})
	if err == nil && !found {
		err = bus.Errorf(bus.Integrity, "not_read", "what was sent did not come back")
	}
	return err
}

func (s *smoker) blob(ctx context.Context) error {
	data := make([]byte, 256<<10)
	_, _ = rand.Read(data)
	ref, err := s.c.Blobs().Put(ctx, s.room, transfer.Source{Data: bytes.NewReader(data), Name: "smoke", Size: int64(len(data))})
	if err != nil {
		return err
	}
	d, err := s.c.Blobs().Get(ctx, ref)
	if err != nil {
		return err
	}
	defer d.Close()
	got, err := io.ReadAll(d.Data)
	if err == nil && !bytes.Equal(got, data) {
		err = bus.Errorf(bus.Integrity, "not_read", "the blob that came down is not the one that went up")
	}
	return err
}

func (s *smoker) rekey(ctx context.Context) error { return s.c.Rekey(ctx, s.room) }

// guest plays a user who is invited, joins and is revoked.
func (s *smoker) guest(ctx context.Context) error {
	handle := bus.Handle(s.name)
	link, err := s.c.Invite(ctx, handle, time.Hour)
	if err != nil {
		return err
	}
	if err := s.c.AddGuests(ctx, s.room, bus.RoleMember, link.ID); err != nil {
		return err
	}
	if err := joinOnce(ctx, link, string(handle)); err != nil {
		return err
	}
	rev, err := s.c.RevokeUser(ctx, handle)
	if err == nil && len(rev.Pending) > 0 {
		err = bus.Errorf(bus.Partial, "rooms_pending", "%s for a new key", roomsWait(len(rev.Pending)))
	}
	return err
}

func (s *smoker) remove(ctx context.Context) error {
	err := s.c.DeleteRoom(ctx, s.room)
	if err == nil {
		s.room = bus.RoomID{}
	}
	return err
}

// joinOnce takes an invite up with an identity that is kept nowhere.
func joinOnce(ctx context.Context, link identity.Link, name string) error {
	j, err := client.Meet(ctx, link, time.Now)
	if err != nil {
		return err
	}
	id := j.NewIdentity(name)
	store, err := profile.Memory(ctx, id.ProfileKey)
	if err != nil {
		return err
	}
	defer store.Close()
	_, err = j.Accept(ctx, id, store)
	return err
}

func roomsWait(rooms int) string {
	if rooms == 1 {
		return "1 room waits"
	}
	return plural(rooms, "room") + " wait"
}
