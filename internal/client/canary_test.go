package client_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/client/transfer"
	"unibus/internal/node"
	"unibus/internal/nodetest"
)

// gossip is what people said where a node must not hear it, by what it was,
// and what they said where it may.
type gossip struct {
	canary string // is in every secret and nowhere else: who holds it has heard one
	secret map[string]string
	open   map[string]string
}

// chat has alice and bob talk in every way there is.
func chat(t *testing.T, b *nodetest.Bus, alice, bob *nodetest.Person) gossip {
	t.Helper()
	g := gossip{canary: rand.Text(), secret: map[string]string{},
		open: map[string]string{"text": "text-" + rand.Text(), "room name": "room-" + rand.Text()}}
	for _, what := range []string{"room name", "text", "live room name", "live text", "blob", "file name"} {
		g.secret[what] = strings.ReplaceAll(what, " ", "-") + "-" + g.canary
	}
	room := func(name string, o client.RoomOptions) bus.RoomID {
		id, err := b.Admin.CreateRoom(nodetest.Context(t), name, o)
		must(t, err)
		_, err = b.Admin.AddMembers(nodetest.Context(t), id, bus.RoleMember, alice.Name, bob.Name)
		must(t, err)
		return id
	}
	hear := func(id bus.RoomID, words string) {
		got, reading := follow(t, bob.Client, id)
		send(t, alice.Client, id, words)
		got.untilText(t, words)
		reading.end()
	}
	sealed := room(g.secret["room name"], client.RoomOptions{})
	hear(sealed, g.secret["text"])
	must(t, b.Admin.Rekey(nodetest.Context(t), sealed))
	hear(room(g.secret["live room name"], client.RoomOptions{NoPersist: true}), g.secret["live text"])
	body := strings.Repeat(g.secret["blob"]+"\n", 3000)
	_, err := alice.SendFile(nodetest.Context(t), sealed,
		transfer.Source{Data: strings.NewReader(body), Name: g.secret["file name"], Size: int64(len(body))})
	must(t, err)
	hear(room(g.open["room name"], client.RoomOptions{Clear: true}), g.open["text"])
	return g
}

// forms are what a word may look like where it leaked: as it is, or in the
// encodings that bodies and logs use.
func forms(word string) [][]byte {
	out := [][]byte{[]byte(word), []byte(hex.EncodeToString([]byte(word)))}
	for shift := range 3 {
		// Without what shares a group with bytes around the word.
		inner := word[(3-shift)%3:]
		text := base64.RawStdEncoding.EncodeToString([]byte(inner[:len(inner)/3*3]))
		out = append(out, []byte(text), []byte(strings.NewReplacer("+", "-", "/", "_").Replace(text)))
	}
	return out
}

func holds(data []byte, word string) bool {
	for _, form := range forms(word) {
		if bytes.Contains(data, form) {
			return true
		}
	}
	return false
}

// wantSilence checks that no secret is where found looks, and that the search
// would have found what was said aloud.
func (g gossip) wantSilence(t *testing.T, where string, found func(word string) bool, aloud ...string) {
	t.Helper()
	if found(g.canary) {
		t.Errorf("%s: a word of an encrypted room can be read", where)
		for what, word := range g.secret {
			t.Logf("the %s: %v", what, found(word))
		}
	}
	for _, what := range aloud {
		if !found(g.open[what]) {
			t.Errorf("%s: the search does not even find the %s of a cleartext room", where, what)
		}
	}
}

func TestNothingReadableOnDiskOrWire(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t, func(o *node.Options) { o.ClearStore = true })
	alice, bob := b.Alice(), b.Bob()
	tap := newTap(t, b, nil)
	for _, p := range []*nodetest.Person{alice, bob} {
		tap.carries(p)
		p.Client = p.Again()
	}
	g := chat(t, b, alice, bob)

	tap.mu.Lock()
	defer tap.mu.Unlock()
	said := tap.heard.Bytes()
	for _, subject := range []string{"PUB in.", "MSG out."} {
		if !bytes.Contains(said, []byte(subject)) {
			t.Errorf("data plane: no %s was heard", subject)
		}
	}
	g.wantSilence(t, "data plane", func(word string) bool { return holds(said, word) }, "text")
	g.wantSilence(t, "data directory, running", inFiles(t, b.Options.Dir), "text", "room name")
	b.Stop()
	g.wantSilence(t, "data directory, stopped", inFiles(t, b.Options.Dir), "text", "room name")
}

// inFiles searches every file under a directory. One that goes away meanwhile
// was none of interest.
func inFiles(t *testing.T, dir string) func(word string) bool {
	t.Helper()
	var files [][]byte
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(os.DirFS(dir), path)
		if os.IsNotExist(err) {
			return nil
		}
		files = append(files, raw)
		return err
	})
	must(t, err)
	return func(word string) bool {
		for _, raw := range files {
			if holds(raw, word) {
				return true
			}
		}
		return false
	}
}

// The store of a node that others can reach is encrypted, whoever starts it.
func TestClearStoreIsForLoopback(t *testing.T) {
	t.Parallel()
	o := node.Options{Dir: t.TempDir(), Listen: "0.0.0.0:0", NATS: "127.0.0.1:0", Hosts: []string{"127.0.0.1"}, ClearStore: true}
	if _, err := node.Start(nodetest.Context(t), o); bus.CodeOf(err) != "clear_store" || bus.KindOf(err) != bus.Unsafe {
		t.Errorf("a public node with a clear store: got %v, want clear_store", err)
	}
}

// runNode runs the node of a directory until stdin ends, for a test that wants
// it in a process of its own.
func runNode(dir string) int {
	ctx := context.Background()
	n, err := node.Start(ctx, node.Options{Dir: dir, Listen: "127.0.0.1:0", NATS: "127.0.0.1:0", ClearStore: true, Version: "test"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := n.Stop(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
