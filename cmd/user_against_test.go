package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"unibus/internal/bus"
	"unibus/internal/config"
	"unibus/internal/node"
	"unibus/internal/nodetest"
)

// inHandsOf is the program in the hands of a person, at the time of the bus.
func inHandsOf(p *nodetest.Person, clock *nodetest.Clock, stdin string) *fakeEnv {
	f := newFakeEnv(stdin)
	home := filepath.Dir(filepath.Dir(filepath.Dir(p.Home.IdentityPath(p.Info.Name))))
	f.Now = clock.Now
	f.LoadClient = func(*pflag.FlagSet) (config.Client, error) {
		return config.Client{Home: config.Home{Data: home}, Context: p.Info.Name, Output: config.Text, Timeout: time.Minute}, nil
	}
	return f
}

// Two admins of a week remove a third: one proposes, and the other writes what was
// proposed, from stdin or a file.
func TestTwoAdminsOnTheCommandLine(t *testing.T) {
	t.Parallel()
	clock := new(nodetest.Clock)
	b := nodetest.Boot(t, func(o *node.Options) { o.Now = clock.Now })
	people := map[bus.Handle]*nodetest.Person{}
	for _, name := range []bus.Handle{"carol", "dave", "erin"} {
		people[name] = b.Join(name)
		if _, err := b.Admin.SetRole(nodetest.Context(t), name, bus.RoleAdmin); err != nil {
			t.Fatal(err)
		}
	}
	clock.Pass(bus.AdminAge + time.Minute)
	run := func(name bus.Handle, want int, stdin string, args ...string) (stdout, stderr string) {
		t.Helper()
		code, stdout, stderr := inHandsOf(people[name], clock, stdin).run(t, args...)
		if code != want {
			t.Fatalf("%s: %q: exit code %d, want %d: %s", name, args, code, want, stderr)
		}
		return stdout, stderr
	}
	proposal, said := run("carol", 0, "", "user", "role", "erin", "user", "--propose")
	if strings.Count(proposal, "\n") != 1 || !strings.HasPrefix(proposal, "unibus-half:") {
		t.Errorf("stdout is %q, want one line", proposal)
	}
	if want := "proposed to make erin a user; admin or dave must co-sign within 5 minutes, before anything else is changed on the bus: unibus user role erin user --cosign -\n"; said != want {
		t.Errorf("stderr is %q, want %q", said, want)
	}
	_, said = run("dave", 6, proposal, "user", "revoke", "erin", "--cosign", "-")
	if !strings.Contains(said, "the proposal is about something else: to make erin a user") {
		t.Errorf("another thing is meant: %q", said)
	}
	_, said = run("dave", 0, proposal, "user", "role", "erin", "user", "--cosign", "-")
	if said != "carol proposed to make erin a user\nerin is user now\n" {
		t.Errorf("stderr is %q", said)
	}
	_, said = run("dave", 0, proposal, "user", "role", "erin", "user", "--cosign", "-")
	if said != "carol proposed to make erin a user\nerin is user already\n" {
		t.Errorf("again: stderr is %q", said)
	}
	if _, err := b.Admin.SetRole(nodetest.Context(t), "erin", bus.RoleAdmin); err != nil {
		t.Fatal(err)
	}
	proposal, _ = run("carol", 0, "", "user", "revoke", "erin", "--propose")
	file := filepath.Join(t.TempDir(), "proposal")
	if err := os.WriteFile(file, []byte(proposal), 0o600); err != nil {
		t.Fatal(err)
	}
	_, said = run("dave", 0, "", "user", "revoke", "erin", "--cosign", file)
	if said != "carol proposed to revoke erin\nerin revoked, 0 connections closed\n" {
		t.Errorf("stderr is %q", said)
	}
	_, said = run("dave", 0, "", "user", "revoke", "erin", "--cosign", file)
	if said != "carol proposed to revoke erin\nerin was revoked before\n" {
		t.Errorf("again: stderr is %q", said)
	}
}
