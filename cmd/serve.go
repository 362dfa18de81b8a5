package cmd

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"unibus/internal/config"
	"unibus/internal/node"
)

func newServeCmd(env *Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a node",
		Long: "Run a node in the foreground until it is interrupted.\n\n" +
			"The first start founds a bus: you become its admin, on this machine, as the\n" +
			"context 'local', and the room 'general' is made. With --no-admin it writes a\n" +
			"link instead, with which somebody founds the bus from another machine.",
		Example: "  unibus serve\n" +
			"  unibus serve --listen 0.0.0.0:8443 --nats 0.0.0.0:4222 --host bus.example.org\n" +
			"  unibus serve --dev",
		Args:        takes(0, 0),
		Annotations: map[string]string{prints: printsNothing},
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := env.LoadServe(cmd.Flags())
			if err != nil {
				return err
			}
			return runServe(cmd.Context(), env, s)
		},
	}
	config.ServeFlags(cmd.Flags())
	return cmd
}

const (
	startWait = 2 * time.Minute // a large store takes its time to be read
	stopWait  = 20 * time.Second
)

func runServe(ctx context.Context, env *Env, s config.Serve) error {
	if s.Dev {
		return runDev(ctx, env, s)
	}
	options := nodeOptions(env, s)
	if s.Check {
		if err := node.Check(ctx, options); err != nil {
			return err
		}
		env.note("everything is in order: nothing was started")
		return nil
	}
	f, err := newFounder(env, s)
	if err != nil {
		return err
	}
	return run(ctx, f.serves(options), func(context.Context, *node.Node) error { return nil })
}

// run runs a node until ctx ends. Started is called once it serves. A start
// that is interrupted leaves nothing running, and is no error.
func run(ctx context.Context, o node.Options, started func(context.Context, *node.Node) error) error {
	starting, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	n, err := node.Start(starting, o)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil
	case err != nil:
		return err
	}
	stop := func() error {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWait)
		defer cancel()
		return n.Stop(stopping)
	}
	o.Log.Info("ready", "url", n.URL(), "nats", n.NATS())
	err = started(ctx, n)
	if err == nil {
		err = n.Wait(ctx)
	}
	if err != nil {
		_ = stop() // the error at hand says why
		return err
	}
	if err := stop(); err != nil {
		return err
	}
	o.Log.Info("stopped")
	return nil
}

func nodeOptions(env *Env, s config.Serve) node.Options {
	return node.Options{
		Dir: s.Data, Listen: s.Listen, NATS: s.NATS, Hosts: s.Hosts, Auth: s.Auth, Sync: time.Duration(s.Sync),
		MaxInflight: s.MaxInflight, StoreKeyFile: s.StoreKeyFile, ReadyFile: s.ReadyFile, NoAdmin: s.NoAdmin,
		Version: thisBuild().Version, Now: env.Now, Log: slog.New(slog.NewTextHandler(env.Stderr, nil)),
	}
}

// hint tells a person how to go on after a first start.
func (e *Env) hint(format string, args ...any) {
	if !e.Quiet {
		fmt.Fprintf(e.Stderr, format+"\n", args...)
	}
}
