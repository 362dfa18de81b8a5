package client_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/nodetest"
	"unibus/internal/profile"
)

// backup copies the directory of a node, and returns what puts that copy in
// its place. The node runs again after either.
func backup(t *testing.T, b *nodetest.Bus) (restore func()) {
	t.Helper()
	kept := filepath.Join(t.TempDir(), "copy")
	b.Stop()
	copyTree(t, kept, b.Options.Dir)
	b.Restart()
	return func() {
		t.Helper()
		b.Stop()
		must(t, os.RemoveAll(b.Options.Dir))
		copyTree(t, b.Options.Dir, kept)
		b.Restart()
	}
}

func copyTree(t *testing.T, to, from string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		at, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, at), 0o700)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, at), raw, 0o600)
	})
	must(t, err)
}

// forgetful is a client of the same endpoint that remembers nothing.
func forgetful(t *testing.T, p *nodetest.Person) *client.Client {
	t.Helper()
	store, err := profile.Memory(nodetest.Context(t), identity.NewProfileKey())
	must(t, err)
	c, err := client.New(client.Options{Identity: p.Identity, Info: p.Info, Store: store, Now: time.Now})
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// A node that was restored from an older copy shows less than its clients
// remember, and, once others wrote to it, something else. Both end every use
// of what it shows: neither memory nor messages are given to it.
func TestRestoredNodeIsNoticed(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice := b.Alice(b.General)
	ctx := nodetest.Context(t)
	restore := backup(t, b)

	_, err := b.Admin.Client.Invite(ctx, "carol", time.Hour)
	must(t, err)
	must(t, b.Admin.Rekey(ctx, b.General))
	send(t, alice.Client, b.General, "before")
	_, reading := follow(t, alice.Client, b.General)
	restore()
	wantError(t, "a follow over the restart", reading.wait(t), bus.Integrity, "withheld")
	wantIntegrity(t, alice, b.General, "withheld")

	other := forgetful(t, b.Admin)
	_, err = other.Invite(ctx, "dave", time.Hour)
	must(t, err)
	must(t, other.Rekey(ctx, b.General))
	wantIntegrity(t, alice, b.General, "forked") // as long as the one she knows
	_, err = other.Invite(ctx, "erin", time.Hour)
	must(t, err)
	wantIntegrity(t, alice, b.General, "forked") // longer
	if got := read(t, other, b.General); len(got) > 0 {
		t.Errorf("the node was given messages: got %+v", got)
	}
}

// wantIntegrity checks what a client says to all that a person may ask of it,
// in this process and in another one that has only the profile.
func wantIntegrity(t *testing.T, p *nodetest.Person, room bus.RoomID, code string) {
	t.Helper()
	ctx := nodetest.Context(t)
	for process, c := range map[string]*client.Client{"this process": p.Client, "another process": p.Again()} {
		_, err := c.People(ctx)
		wantError(t, "people, "+process, err, bus.Integrity, code)
		_, err = c.Members(ctx, room)
		wantError(t, "members, "+process, err, bus.Integrity, code)
		wantError(t, "read, "+process, readOnce(t, c, room), bus.Integrity, code)
		_, err = c.SendOne(ctx, room, text("blocked"))
		wantError(t, "send, "+process, err, bus.Integrity, code)
	}
}

// The same for the log of one room: the bus log is whole.
func TestRestoredRoomIsNoticed(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice := b.Alice(b.General)
	ctx := nodetest.Context(t)
	restore := backup(t, b)
	must(t, b.Admin.Rekey(ctx, b.General))
	send(t, alice.Client, b.General, "before")
	restore()
	wantRoomIntegrity(t, alice, b.General, "withheld")
	other := forgetful(t, b.Admin)
	must(t, other.Rekey(ctx, b.General))
	wantRoomIntegrity(t, alice, b.General, "forked")
	send(t, other, b.General, "from the other history")
	wantRoomIntegrity(t, alice, b.General, "forked")
	if _, err := alice.People(ctx); err != nil {
		t.Errorf("people of a bus whose log is whole: %v", err)
	}
}

func wantRoomIntegrity(t *testing.T, p *nodetest.Person, room bus.RoomID, code string) {
	t.Helper()
	for process, c := range map[string]*client.Client{"this process": p.Client, "another process": p.Again()} {
		wantError(t, "read, "+process, readOnce(t, c, room), bus.Integrity, code)
		_, err := c.SendOne(nodetest.Context(t), room, text("blocked"))
		wantError(t, "send, "+process, err, bus.Integrity, code)
	}
}
