package cmd

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"unibus/internal/bus"
	"unibus/internal/config"
)

// Env is all that a command knows of the world outside. It belongs to one run
// of the program and to one goroutine.
type Env struct {
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer

	// Whether a person is at the other end.
	StdinTTY, StdoutTTY, StderrTTY bool

	// Width is how wide the terminal at Stdout is, in cells; 0 where there is none.
	Width func() int

	// ReadSecret reads one line from the terminal without showing it.
	ReadSecret func(context.Context) ([]byte, error)
	Now        func() time.Time
	LoadClient func(*pflag.FlagSet) (config.Client, error)
	LoadServe  func(*pflag.FlagSet) (config.Serve, error)

	LoadTerminal func() config.Terminal

	// Flags that every command takes and that are no settings.
	Yes, NoInput, DryRun, Quiet bool

	json     bool           // --json
	flags    *pflag.FlagSet // of the command that runs
	settings *config.Client // what LoadClient returned
	toldMode bool           // that others can read the passphrase
}

// systemEnv is the Env of the process.
func systemEnv() *Env {
	return &Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		StdinTTY:   term.IsTerminal(int(os.Stdin.Fd())),
		StdoutTTY:  term.IsTerminal(int(os.Stdout.Fd())),
		StderrTTY:  term.IsTerminal(int(os.Stderr.Fd())),
		Width:      func() int { return widthOf(os.Stdout) },
		ReadSecret: readSecret,
		Now:        time.Now,
		LoadClient: config.LoadClient,
		LoadServe:  config.LoadServe,

		LoadTerminal: config.LoadTerminal,
	}
}

// widthOf is how wide a terminal is, in cells; 0 where that is not known.
func widthOf(file *os.File) int {
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// addGlobalFlags declares the flags that every command takes.
func (e *Env) addGlobalFlags(flags *pflag.FlagSet) {
	config.ClientFlags(flags)
	flags.BoolVar(&e.json, "json", false, "the same as -o json")
	flags.BoolVar(&e.Yes, "yes", false, "answer every question with yes")
	flags.BoolVar(&e.NoInput, "no-input", false, "ask nothing: fail where a question would be needed")
	flags.BoolVar(&e.DryRun, "dry-run", false, "say what would be done, and do nothing")
	flags.BoolVar(&e.Quiet, "quiet", false, "print nothing but data and errors")
	flags.BoolP("help", "h", false, "show this help")
}

// prepare runs before every command, once its flags are known.
func (e *Env) prepare(cmd *cobra.Command, _ []string) error {
	e.flags = cmd.Flags()
	output := e.flags.Lookup("output")
	if e.json {
		if output.Changed && output.Value.String() != string(config.JSON) {
			return usagef(cmd, "--json and -o %s contradict each other", output.Value)
		}
		if err := e.flags.Set("output", string(config.JSON)); err != nil {
			return err
		}
	}
	if _, err := config.ParseFormat(output.Value.String()); err != nil {
		return err
	}
	if e.DryRun && !tries(cmd) {
		return bus.Errorf(bus.Invalid, "usage", "%scannot be tried with --dry-run", about(cmd)).
			WithHint("leave out --dry-run")
	}
	return nil
}

// tries reports whether cmd can be run without changing anything: listings
// never do.
func tries(cmd *cobra.Command) bool {
	listing := cmd.Annotations[prints] == printsList || cmd.Annotations[prints] == printsOne
	return listing || cmd.Annotations[dryRun] != ""
}

// Settings returns the client's settings; they are read once.
func (e *Env) Settings() (config.Client, error) {
	if e.settings == nil {
		settings, err := e.LoadClient(e.flags)
		if err != nil {
			return settings, err
		}
		e.settings = &settings
	}
	return *e.settings, nil
}

// readSecret reads from the terminal of the process. When ctx ends first the
// terminal shows again what is typed.
func readSecret(ctx context.Context) ([]byte, error) {
	fd := int(os.Stdin.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	secret, err := until(ctx, func() ([]byte, error) { return term.ReadPassword(fd) })
	if ctx.Err() != nil {
		_ = term.Restore(fd, before)
	}
	return secret, err
}

// until waits for f or for ctx. An f that is not waited for any longer goes on
// until the process ends: a read from a terminal cannot be stopped.
func until[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
