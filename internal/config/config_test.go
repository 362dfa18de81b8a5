package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/adrg/xdg"
	"github.com/spf13/pflag"

	"unibus/internal/bus"
)

// inEmptyWorld gives the test an environment of its own and returns the
// client's folder. Such a test cannot be parallel: the environment is shared.
func inEmptyWorld(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	for _, v := range Variables() {
		t.Setenv(v.Name, "")
	}
	t.Setenv("HOME", home)
	t.Setenv("UNIBUS_HOME", home)
	t.Setenv("XDG_DATA_HOME", filepath.Join(home, "share"))
	xdg.Reload()
	t.Cleanup(xdg.Reload)
	return home
}

func serveFlags(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	ServeFlags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatalf("parse %q: %v", args, err)
	}
	return fs
}

func clientFlags(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	fs := pflag.NewFlagSet("client", pflag.ContinueOnError)
	ClientFlags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatalf("parse %q: %v", args, err)
	}
	return fs
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func source(t *testing.T, values []Value, name string) Value {
	t.Helper()
	for _, v := range values {
		if v.Name == name {
			return v
		}
	}
	t.Fatalf("no value named %q in %v", name, values)
	return Value{}
}

func TestDefaults(t *testing.T) {
	home := inEmptyWorld(t)
	s, err := LoadServe(serveFlags(t))
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(home, "share", "unibus", "node"); s.Data != want {
		t.Errorf("data: got %q, want %q", s.Data, want)
	}
	if s.Listen != "127.0.0.1:8443" || s.NATS != "127.0.0.1:4222" {
		t.Errorf("addresses: got %s %s", s.Listen, s.NATS)
	}
	if s.Auth != bus.ModeEnforce || s.Sync != 0 || s.MaxInflight != bus.MaxInflight || s.Public() {
		t.Errorf("got auth %q sync %q max-inflight %d public %v", s.Auth, s.Sync, s.MaxInflight, s.Public())
	}
	c, err := LoadClient(clientFlags(t))
	if err != nil {
		t.Fatal(err)
	}
	if c.Timeout != 20*time.Second || c.Output != Text || c.Home.Data != home {
		t.Errorf("client: got %s %q %q", c.Timeout, c.Output, c.Home.Data)
	}
}

// One setting is written in more and more places; the later place wins and is named.
func TestPrecedenceAndSource(t *testing.T) {
	home := inEmptyWorld(t)
	file := filepath.Join(home, fileName)
	expect := func(step string, want time.Duration, from string, flags ...string) {
		t.Helper()
		c, err := LoadClient(clientFlags(t, flags...))
		if err != nil {
			t.Fatalf("%s: %v", step, err)
		}
		if got := source(t, c.Values, "timeout"); c.Timeout != want || got.Source != from {
			t.Errorf("%s: got %s from %s, want %s from %s", step, c.Timeout, got.Source, want, from)
		}
	}
	expect("default", 20*time.Second, "default")
	write(t, file, "timeout = \"3s\"\n")
	expect("file", 3*time.Second, file)
	t.Setenv("UNIBUS_TIMEOUT", "4s")
	expect("environment", 4*time.Second, "UNIBUS_TIMEOUT")
	expect("flag", 5*time.Second, "--timeout", "--timeout", "5s")
	expect("flag equal to the default", 20*time.Second, "--timeout", "--timeout", "20s")
}

func TestServeFileLiesInTheDataDirectory(t *testing.T) {
	inEmptyWorld(t)
	data := t.TempDir()
	write(t, filepath.Join(data, fileName),
		"listen = \"127.0.0.1:0\"\nhost = [\"bus.example.org\", \"::1\"]\nsync = \"200ms\"\nmax-inflight = 50331648\nstore-key-file = \"keys/store\"\n")
	s, err := LoadServe(serveFlags(t, "--data", data, "--nats", "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Listen != "127.0.0.1:0" || strings.Join(s.Hosts, " ") != "bus.example.org ::1" {
		t.Errorf("got listen %q hosts %q", s.Listen, s.Hosts)
	}
	if s.Sync.String() != "200ms" || s.MaxInflight != 48<<20 {
		t.Errorf("got sync %q max-inflight %d", s.Sync, s.MaxInflight)
	}
	if want := filepath.Join(data, "keys", "store"); s.StoreKeyFile != want {
		t.Errorf("a path in a file is relative to the file: got %q, want %q", s.StoreKeyFile, want)
	}
	if !s.NoAdmin && source(t, s.Values, "no-admin").Source != "default" {
		t.Errorf("no-admin: got %v", source(t, s.Values, "no-admin"))
	}
}

func TestEnvironment(t *testing.T) {
	inEmptyWorld(t)
	t.Setenv("UNIBUS_DATA", t.TempDir())
	t.Setenv("UNIBUS_HOST", "a.example, b.example")
	t.Setenv("UNIBUS_MAX_INFLIGHT", "64MiB")
	t.Setenv("UNIBUS_NO_ADMIN", "1")
	t.Setenv("UNIBUS_DEV", "1") // not a place for it: ignored
	s, err := LoadServe(serveFlags(t))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(s.Hosts, " ") != "a.example b.example" || s.MaxInflight != 64<<20 || !s.NoAdmin || s.Dev {
		t.Errorf("got %+v", s)
	}
}

func TestDevHasNoDataDirectory(t *testing.T) {
	home := inEmptyWorld(t)
	write(t, filepath.Join(home, "share", "unibus", "node", fileName), "auth = \"nonsense\"\n")
	s, err := LoadServe(serveFlags(t, "--dev", "--auth", "off"))
	if err != nil {
		t.Fatal(err)
	}
	if !s.Dev || s.Data != "" || s.Auth != bus.ModeOff {
		t.Errorf("got dev %v data %q auth %q", s.Dev, s.Data, s.Auth)
	}
}

func TestBadFiles(t *testing.T) {
	tests := []struct{ name, text, code, say string }{
		{"unknown key", "timeuot = \"3s\"\n", "unknown_setting", `"timeuot"`},
		{"unknown table", "[client]\ntimeout = \"3s\"\n", "unknown_setting", `"client.timeout"`},
		{"a key of the node", "listen = \"127.0.0.1:1\"\n", "unknown_setting", `"listen"`},
		{"no TOML", "timeout = = 3\n", "config_file", fileName},
		{"wrong type", "timeout = {a = 1}\n", "unknown_setting", `"timeout.a"`},
		{"list of numbers", "timeout = [1, 2]\n", "bad_setting", "timeout"},
		{"wrong value", "output = \"xml\"\n", "bad_output", `"xml"`},
		{"no unit", "timeout = 20\n", "bad_duration", `"20"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			write(t, filepath.Join(inEmptyWorld(t), fileName), tt.text)
			_, err := LoadClient(clientFlags(t))
			if bus.CodeOf(err) != tt.code || bus.KindOf(err) != bus.Invalid {
				t.Fatalf("got %v (%s), want code %s", err, bus.CodeOf(err), tt.code)
			}
			if !strings.Contains(err.Error(), tt.say) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, want one line with %q", err, tt.say)
			}
			var e *bus.Error
			if !errors.As(err, &e) || e.Hint == "" {
				t.Errorf("got %q, want a hint", err)
			}
		})
	}
}

func TestDataCannotStandInItsOwnFile(t *testing.T) {
	inEmptyWorld(t)
	data := t.TempDir()
	for _, line := range []string{"data = \"/elsewhere\"\n", "dev = true\n", "check = true\n"} {
		write(t, filepath.Join(data, fileName), line)
		_, err := LoadServe(serveFlags(t, "--data", data))
		if bus.CodeOf(err) != "unknown_setting" {
			t.Errorf("%q: got %v, want unknown_setting", line, err)
		}
	}
}

// A file that is there and cannot be read may hold what makes the node safe.
func TestUnreadableFile(t *testing.T) {
	home := inEmptyWorld(t)
	if err := os.Mkdir(filepath.Join(home, fileName), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadClient(nil); bus.CodeOf(err) != "config_file" {
		t.Errorf("got %v, want config_file", err)
	}
}

func TestRefusedSettingIsNamedWithItsSource(t *testing.T) {
	inEmptyWorld(t)
	t.Setenv("UNIBUS_SYNC", "sometimes")
	s, err := LoadServe(serveFlags(t))
	if bus.CodeOf(err) != "bad_sync" || !strings.Contains(err.Error(), "sync from UNIBUS_SYNC") {
		t.Errorf("got %v", err)
	}
	if len(s.Values) != len(serveSettings("")) {
		t.Errorf("got %d values, want all %d also on an error", len(s.Values), len(serveSettings("")))
	}
}

func TestHome(t *testing.T) {
	home := inEmptyWorld(t)
	t.Setenv("UNIBUS_HOME", "")
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "etc"))
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(home, "run"))
	xdg.Reload()
	got, err := FindHome()
	want := Home{filepath.Join(home, "etc", "unibus"), filepath.Join(home, "share", "unibus"), filepath.Join(home, "run", "unibus")}
	if err != nil || got != want {
		t.Errorf("got %v %v, want %v", got, err, want)
	}
}

func TestNoHome(t *testing.T) {
	inEmptyWorld(t)
	for _, name := range []string{"HOME", "UNIBUS_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"} {
		t.Setenv(name, "")
	}
	xdg.Reload()
	c, err := LoadClient(nil)
	if err != nil {
		t.Fatalf("a client with an identity file needs no home: %v", err)
	}
	if _, err := c.NeedHome(); bus.CodeOf(err) != "no_home" {
		t.Errorf("got %v, want no_home", err)
	}
	if _, err := LoadServe(nil); bus.CodeOf(err) != "bad_setting" || !strings.Contains(err.Error(), "--data") {
		t.Errorf("got %v, want a refusal that names --data", err)
	}
}

// Every setting can be asked for, is explained, and is written one way.
func TestTables(t *testing.T) {
	t.Parallel()
	check := func(name, help string, from origin) {
		if name != strings.ToLower(name) || strings.ContainsAny(name, "_. ") || help == "" || from == 0 {
			t.Errorf("setting %q: help %q, places %b", name, help, from)
		}
	}
	seen := map[string]bool{}
	for _, s := range clientSettings() {
		check(s.name, s.help, s.from)
		seen[s.name] = true
	}
	for _, s := range serveSettings("") {
		check(s.name, s.help, s.from)
		if seen[s.name] {
			t.Errorf("setting %q stands in both tables: one variable for two things", s.name)
		}
	}
}
