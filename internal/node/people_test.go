package node_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io/fs"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/nodetest"
	"unibus/internal/seal"
)

func text(words string) seal.Record {
	r := seal.Record{Kind: seal.KindText, Body: []byte(words)}
	_, _ = rand.Read(r.ID[:])
	return r
}

func send(t *testing.T, p *nodetest.Person, room bus.RoomID, words string) client.Ack {
	t.Helper()
	ack, err := p.SendOne(nodetest.Context(t), room, text(words))
	if err != nil {
		t.Fatalf("%s sends %q: %v", p.Name, words, err)
	}
	return ack
}

// texts returns what a person can read in a room.
func texts(t *testing.T, p *nodetest.Person, room bus.RoomID) (all []string) {
	t.Helper()
	err := p.Read(nodetest.Context(t), room, client.ReadOptions{Limit: 1000}, func(e bus.Event) error {
		if e.Message != nil {
			all = append(all, e.Message.Text)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%s reads: %v", p.Name, err)
	}
	return all
}

// eventually waits for something that the node does by itself, soon.
func eventually(t *testing.T, what string, done func(context.Context) bool) {
	t.Helper()
	ctx := nodetest.Context(t)
	for !done(ctx) {
		if ctx.Err() != nil {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// find returns a file that holds words, "" when none does.
func find(t *testing.T, root fs.FS, words []byte) (found string) {
	t.Helper()
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(root, path)
		if bytes.Contains(raw, words) {
			found = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
