package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/identity"
	"unibus/internal/profile/agent"
	"unibus/internal/text"
)

// agentFolder is the folder of the sockets inside the run directory.
const agentFolder = "agent"

// unlockedShown says until when a passphrase is held.
type unlockedShown struct {
	Name    string    `json:"name"`
	Until   time.Time `json:"until"`
	Changed bool      `json:"changed"`
}

func newIdentityUnlockCmd(env *Env) *cobra.Command {
	span, stop := 8*time.Hour, false
	cmd := &cobra.Command{
		Use:   "unlock",
		Short: "Hold the passphrase of your keys for a while, or --stop holding it",
		Long: "Hold the passphrase of your keys in memory for a while, so that it is typed\n" +
			"once. A process of yours keeps it behind a socket that only you can reach, and\n" +
			"ends when the time is over.",
		Example:     "  unibus identity unlock --for 1h\n  unibus identity unlock --stop",
		Args:        takes(0, 0),
		Annotations: map[string]string{prints: printsChange},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if span <= 0 {
				return usagef(cmd, "--for must be longer than nothing")
			}
			return runIdentityUnlock(cmd.Context(), env, span, stop)
		},
	}
	cmd.Flags().DurationVar(&span, "for", span, "how long the passphrase is held")
	cmd.Flags().BoolVar(&stop, "stop", false, "forget it now")
	return cmd
}

func runIdentityUnlock(ctx context.Context, env *Env, span time.Duration, stop bool) error {
	home, at, err := env.context()
	if err != nil {
		return err
	}
	path := home.IdentityPath(at.Name)
	if stop {
		did := env.lock(ctx, path)
		return printQuietChange(env, at.Name, did, "the passphrase of "+at.Name+" is forgotten", "nobody held the passphrase of "+at.Name)
	}
	env.lock(ctx, path) // a new time begins
	keys, err := env.openIdentity(ctx, path)
	if err != nil {
		return err
	}
	until := env.Now().Add(span).Truncate(time.Second).UTC()
	shown := unlockedShown{Name: at.Name, Until: until}
	if keys.passphrase() == nil {
		return printChange(env, "unlock", "", shown, text.Line("the keys of "+at.Name+" have no passphrase: there is nothing to unlock"))
	}
	if err := startHolder(ctx, path, until, keys.secret); err != nil {
		return err
	}
	shown.Changed = true
	return printChange(env, "unlock", "", shown, text.Line("the keys of "+at.Name+" are unlocked until "+until.Local().Format(time.TimeOnly)))
}

// unlocked asks the process that `identity unlock` left behind for what opens an
// identity file.
func (e *Env) unlocked(ctx context.Context, path string) (s identity.Secret, ok bool) {
	socket, err := e.agentSocket(path)
	if err != nil {
		return s, false
	}
	ctx, cancel := context.WithTimeout(ctx, shortWait)
	defer cancel()
	held, err := agent.Ask(ctx, socket, path)
	return held, err == nil
}

// lock ends the process that holds the passphrase of an identity file, and
// reports whether there was one.
func (e *Env) lock(ctx context.Context, path string) bool {
	socket, err := e.agentSocket(path)
	return err == nil && agent.Stop(ctx, socket) == nil
}

func (e *Env) agentSocket(path string) (string, error) {
	settings, err := e.Settings()
	if err != nil {
		return "", err
	}
	dirs, err := settings.NeedHome()
	if err != nil {
		return "", err
	}
	return agent.Socket(filepath.Join(dirs.Run, agentFolder), path)
}

// startHolder starts `identity hold` in a session of its own, hands it what it
// holds, and waits until it answers or says why it cannot.
func startHolder(ctx context.Context, path string, until time.Time, with identity.Secret) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	hold := exec.Command(program, "identity", "hold", "--until", until.Format(time.RFC3339), "--", path)
	hold.Dir, hold.SysProcAttr = string(filepath.Separator), ownSession() // it holds no folder and no terminal
	in, err := hold.StdinPipe()
	if err != nil {
		return err
	}
	out, err := hold.StdoutPipe()
	if err != nil {
		return err
	}
	if err := hold.Start(); err != nil {
		return fmt.Errorf("start the process that holds the passphrase: %w", err)
	}
	if err = errors.Join(agent.Hand(in, with), in.Close()); err == nil {
		err = holding(ctx, out)
	}
	if err != nil {
		_ = hold.Process.Kill()
		return errors.Join(err, hold.Wait())
	}
	return hold.Process.Release()
}

// holdsNow is what the holder says once it answers.
const holdsNow = "holding"

func holding(ctx context.Context, out io.Reader) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	line, err := until(ctx, func() (string, error) { return bufio.NewReader(out).ReadString('\n') })
	if err == nil && strings.TrimSpace(line) == holdsNow {
		return nil
	}
	return bus.Errorf(bus.Failed, "agent_failed", "the process that holds the passphrase did not start: %s", text.Line(line)).
		WithHint("use UNIBUS_PASSPHRASE_FILE").Because(err)
}
