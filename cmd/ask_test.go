package cmd

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"unibus/internal/bus"
)

// atTerminal puts a person in front of f, who types what stdin holds.
func (f *fakeEnv) atTerminal() *fakeEnv {
	f.StdinTTY, f.StdoutTTY, f.StderrTTY = true, true, true
	return f
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		env    *fakeEnv
		change func(*Env)
		code   string // "" = goes on
		asks   bool
	}{
		{"yes", newFakeEnv("yes\n").atTerminal(), nil, "", true},
		{"Y", newFakeEnv(" Y \r\n").atTerminal(), nil, "", true},
		{"no", newFakeEnv("no\n").atTerminal(), nil, "declined", true},
		{"empty", newFakeEnv("\n").atTerminal(), nil, "declined", true},
		{"end of input", newFakeEnv("").atTerminal(), nil, "declined", true},
		{"something else", newFakeEnv("yesterday\n").atTerminal(), nil, "declined", true},
		{"--yes", newFakeEnv(""), func(e *Env) { e.Yes = true }, "", false},
		{"pipe", newFakeEnv("yes\n"), nil, "needs_yes", false},
		{"--no-input", newFakeEnv("yes\n").atTerminal(), func(e *Env) { e.NoInput = true }, "needs_yes", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.change != nil {
				tt.change(tt.env.Env)
			}
			err := tt.env.Confirm(t.Context(), "Delete room ops\x1b[2J?")
			if tt.code == "" && err != nil || tt.code != "" && bus.CodeOf(err) != tt.code {
				t.Errorf("got %v, want code %q", err, tt.code)
			}
			want := ""
			if tt.asks {
				want = "Delete room ops? [y/N] "
			}
			if got := tt.env.stderr.String(); got != want {
				t.Errorf("asked %q, want %q", got, want)
			}
		})
	}
}

// A person who presses Ctrl-C at a question is not held.
func TestConfirmIsStopped(t *testing.T) {
	t.Parallel()
	f := newFakeEnv("").atTerminal()
	stdin, typed := io.Pipe()
	defer typed.Close()
	f.Stdin = stdin
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := f.Confirm(ctx, "Delete?"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want it stopped", err)
	}
}

func TestAskSecret(t *testing.T) {
	t.Parallel()
	f := newFakeEnv("").atTerminal()
	f.ReadSecret = func(context.Context) ([]byte, error) { return []byte("hush"), nil }
	secret, err := f.AskSecret(t.Context(), "Passphrase", "set UNIBUS_PASSPHRASE_FILE")
	if err != nil || string(secret) != "hush" {
		t.Errorf("got %v", err)
	}
	if got := f.stderr.String(); got != "Passphrase: \n" || strings.Contains(got, "hush") {
		t.Errorf("got %q on stderr", got)
	}
	if _, err := newFakeEnv("hush\n").AskSecret(t.Context(), "Passphrase", "set UNIBUS_PASSPHRASE_FILE"); bus.CodeOf(err) != "needs_passphrase" ||
		!strings.HasSuffix(err.Error(), "set UNIBUS_PASSPHRASE_FILE") {
		t.Errorf("from a pipe: got %v", err)
	}
}

func TestWord(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, arg string
		env       *fakeEnv
		want      string
		kind      bus.Kind
	}{
		{"argument", "link", newFakeEnv("other"), "link", 0},
		{"pipe", "-", newFakeEnv("link\n"), "link", 0},
		{"pipe with CR", "-", newFakeEnv("link\r\n"), "link", 0},
		{"pipe without newline", "-", newFakeEnv(" link"), "link", 0},
		{"pasted", "-", newFakeEnv("link\nthe rest stays\n").atTerminal(), "link", 0},
		{"nothing", "-", newFakeEnv(""), "", bus.Invalid},
		{"two lines", "-", newFakeEnv("a\nb\n"), "", bus.Invalid},
		{"too long", "-", newFakeEnv(strings.Repeat("a", maxWord+1)), "", bus.TooLarge},
		{"too long a line", "-", newFakeEnv(strings.Repeat("a", maxWord+1)).atTerminal(), "", bus.TooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.env.Word(t.Context(), tt.arg)
			if tt.kind != 0 {
				if bus.KindOf(err) != tt.kind {
					t.Errorf("got %q %v, want kind %d", got, err, tt.kind)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("got %q %v, want %q", got, err, tt.want)
			}
			if rest, _ := io.ReadAll(tt.env.Stdin); tt.name == "pasted" && string(rest) != "the rest stays\n" {
				t.Errorf("left %q on stdin", rest)
			}
		})
	}
}
