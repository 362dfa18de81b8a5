package cmd

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"unibus/internal/config"
)

// fakeEnv is an Env without a process: what is printed is kept, the settings
// are the flags over fixed defaults, the clock stands still, and nobody can be
// asked.
type fakeEnv struct {
	*Env
	stdout, stderr bytes.Buffer
}

func newFakeEnv(stdin string) *fakeEnv {
	f := &fakeEnv{}
	f.Env = &Env{
		Stdin: strings.NewReader(stdin), Stdout: &f.stdout, Stderr: &f.stderr,
		ReadSecret: func(context.Context) ([]byte, error) { return nil, errors.New("no terminal") },
		Width:      func() int { return 0 },
		Now:        func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) },
		LoadClient: func(flags *pflag.FlagSet) (config.Client, error) {
			format := config.Text
			if f := flags.Lookup("output"); f != nil {
				format = config.Format(f.Value.String())
			}
			return config.Client{Output: format, Timeout: time.Second}, nil
		},
		LoadServe: func(*pflag.FlagSet) (config.Serve, error) { return config.Serve{}, nil },

		LoadTerminal: func() config.Terminal { return config.Terminal{} },
	}
	return f
}

// printing makes f print in format, as if a command had been given -o.
func (f *fakeEnv) printing(format config.Format) *fakeEnv {
	f.settings = &config.Client{Output: format}
	return f
}

// run runs one command line.
func (f *fakeEnv) run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	code = Run(t.Context(), f.Env, args)
	return code, f.stdout.String(), f.stderr.String()
}
