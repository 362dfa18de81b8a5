package cmd

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/config"
	"unibus/internal/identity"
)

// typing makes a person at f type secrets, one after the other.
func (f *fakeEnv) typing(secrets ...string) *fakeEnv {
	f.ReadSecret = func(context.Context) ([]byte, error) {
		if len(secrets) == 0 {
			return nil, errors.New("nothing more is typed")
		}
		next := secrets[0]
		secrets = secrets[1:]
		return []byte(next), nil
	}
	return f.atTerminal()
}

func TestNewPassphrase(t *testing.T) {
	t.Parallel()
	full, empty := filepath.Join(t.TempDir(), "full"), filepath.Join(t.TempDir(), "empty")
	if err := errors.Join(os.WriteFile(full, []byte("from a file\r\n"), 0o600), os.WriteFile(empty, []byte("\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		env  *fakeEnv
		file string
		none bool
		want string // "" = kept plain
		code string
	}{
		{"typed twice", newFakeEnv("").typing("hush", "hush"), "", false, "hush", ""},
		{"a slip", newFakeEnv("").typing("hush", "rush", "hush", "hush"), "", false, "hush", ""},
		{"three slips", newFakeEnv("").typing("hush", "rush", "a", "b", "c", "d"), "", false, "", "passphrase_differs"},
		{"enter", newFakeEnv("").typing(""), "", false, "", ""},
		{"file", newFakeEnv(""), full, false, "from a file", ""},
		{"file wins over a terminal", newFakeEnv("").typing("hush", "hush"), full, false, "from a file", ""},
		{"empty file", newFakeEnv(""), empty, false, "", "empty_passphrase"},
		{"no file", newFakeEnv(""), full + "x", false, "", "passphrase_file"},
		{"nobody there", newFakeEnv("hush\nhush\n"), "", false, "", "needs_passphrase"},
		{"none", newFakeEnv(""), "", true, "", ""},
		{"none wins over a file", newFakeEnv(""), full, true, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.env.settings = &config.Client{PassphraseFile: tt.file}
			got, err := tt.env.newPassphrase(t.Context(), tt.none)
			if bus.CodeOf(err) != tt.code && (err != nil || tt.code != "") || string(got) != tt.want || (got == nil) != (tt.want == "") {
				t.Errorf("got %q %v, want %q, code %q", got, err, tt.want, tt.code)
			}
			if tt.code == "needs_passphrase" && bus.KindOf(err) != bus.Invalid {
				t.Error("that is a usage error: exit 2")
			}
			if tt.want != "" && strings.Contains(tt.env.stderr.String(), tt.want) {
				t.Error("the passphrase is on the screen")
			}
		})
	}
}

// No word that is printed of an identity is a secret of it.
func TestShownIdentityHasNoSecret(t *testing.T) {
	t.Parallel()
	id := client.NewIdentity("device", time.Unix(1_800_000_000, 0))
	var printed bytes.Buffer
	if err := writeJSON(&printed, "", opened{id: id}.show("new", nil)); err != nil {
		t.Fatal(err)
	}
	content, transport, seed := id.Content.Seed(), id.Transport.Seed(), id.Seed.Bytes()
	for what, secret := range map[string][32]byte{"content": content, "transport": transport, "seed": seed} {
		if strings.Contains(printed.String(), bus.Hash(secret).String()) {
			t.Errorf("the %s key is printed", what)
		}
	}
	line := keyLine(id)
	if !strings.Contains(printed.String(), line) {
		t.Error("the line to hand out is not printed")
	}
	got, err := identity.ParseKeyLine(line)
	if err != nil || got.Account != id.Seed.Account().Public() {
		t.Errorf("the line is not the identity's: %v", err)
	}
}

// A person who slips is asked again, three times in all; a file is not read again.
func TestOpenIdentityAsksAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "identity")
	id := client.NewIdentity("laptop", time.Unix(1_800_000_000, 0))
	if err := identity.Save(path, id, []byte("hush")); err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(t.TempDir(), "wrong")
	if err := os.WriteFile(wrong, []byte("rush"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, file string
		typed      []string
		opens      bool
		hint       string
	}{
		{"at once", "", []string{"hush"}, true, ""},
		{"two slips", "", []string{"rush", "hash", "hush"}, true, ""},
		{"three slips", "", []string{"rush", "hash", "mush", "hush"}, false, "type it again"},
		{"a file", wrong, []string{"hush"}, false, "correct the file that UNIBUS_PASSPHRASE_FILE names"},
	} {
		env := newFakeEnv("").typing(c.typed...)
		env.settings = &config.Client{PassphraseFile: c.file}
		_, err := env.openIdentity(t.Context(), path)
		if c.opens != (err == nil) || !c.opens && (bus.CodeOf(err) != "identity_locked" || !strings.HasSuffix(err.Error(), c.hint)) {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}

func TestWordsAreAskedAgain(t *testing.T) {
	t.Parallel()
	seed := identity.NewSeed()
	words := strings.Join(identity.Words(seed.Bytes()), " ")
	got, err := newFakeEnv("").typing(words[:len(words)-9], words).readWords(t.Context())
	if err != nil || got != seed.Bytes() {
		t.Errorf("got %v", err)
	}
	if _, err := newFakeEnv("").typing("a", "b", "c", words).readWords(t.Context()); err == nil {
		t.Error("a fourth time")
	}
}
