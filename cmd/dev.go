package cmd

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/config"
	"unibus/internal/node"
	"unibus/internal/profile"
)

// runDev runs a throwaway bus with two users, and removes it at the end. Its
// ports are free ones unless they were named, so that it runs beside others.
func runDev(ctx context.Context, env *Env, s config.Serve) error {
	dir, err := os.MkdirTemp("", "unibus-dev-")
	if err != nil {
		return bus.Errorf(bus.Failed, "no_temp", "no temporary directory can be made").Because(err)
	}
	defer os.RemoveAll(dir)
	alice, bob := filepath.Join(dir, "alice"), filepath.Join(dir, "bob")
	s.Data = filepath.Join(dir, "node")
	s.Listen, s.NATS = freePort(s, "listen", s.Listen), freePort(s, "nats", s.NATS)
	quiet := *env
	quiet.Quiet = true
	f := &founder{env: &quiet, home: profile.At(alice), data: s.Data, handle: "alice"}
	return run(ctx, f.serves(nodeOptions(env, s)), func(ctx context.Context, n *node.Node) error {
		if err := f.admit(ctx, "bob", profile.At(bob)); err != nil {
			return err
		}
		env.hint("A bus to try things on, until you stop it. In other terminals:\n"+
			"  export UNIBUS_HOME=%s   # alice, admin\n  export UNIBUS_HOME=%s   # bob", alice, bob)
		return nil
	})
}

// freePort is address, or any free port where nobody named one.
func freePort(s config.Serve, setting, address string) string {
	byDefault := slices.ContainsFunc(s.Values, func(v config.Value) bool { return v.Name == setting && v.Source == "default" })
	if byDefault {
		return "127.0.0.1:0"
	}
	return address
}

// admit invites somebody to general and joins for him, in a home of his own.
func (f *founder) admit(ctx context.Context, h bus.Handle, home profile.Home) error {
	at, err := f.home.Context("local")
	if err != nil {
		return err
	}
	c, err := f.client(ctx, at)
	if err != nil {
		return err
	}
	defer c.Close()
	link, err := c.Invite(ctx, h, time.Hour)
	if err != nil {
		return err
	}
	general, err := c.FindRoom(ctx, firstRoom)
	if err != nil {
		return err
	}
	if err := c.AddGuests(ctx, general, bus.RoleMember, link.ID); err != nil {
		return err
	}
	j, err := client.Meet(ctx, link, f.env.Now)
	if err != nil {
		return err
	}
	return f.enter(ctx, j, home, h)
}

func (f *founder) enter(ctx context.Context, j *client.Joining, home profile.Home, h bus.Handle) error {
	id := j.NewIdentity(string(h))
	at := at(profile.Context{Name: "local", Bus: j.Bus(), Handle: h}, j.Info())
	id.Handle = h
	if err := home.Create(at, id, nil); err != nil {
		return err
	}
	store, err := home.Open(ctx, at.Name, id.ProfileKey)
	if err != nil {
		return err
	}
	defer store.Close()
	if _, err := j.Accept(ctx, id, store); err != nil {
		return err
	}
	return home.Use(at.Name)
}
