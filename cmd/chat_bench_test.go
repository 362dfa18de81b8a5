package cmd

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/client"
	"unibus/internal/nodetest"
	"unibus/internal/profile"
	"unibus/internal/seal"
	"unibus/tui"
)

const (
	benchRooms  = 200
	benchFrames = 500 // in each of them
)

// manyRooms is the home of somebody who is in many rooms and has read them all,
// on a bus that is away.
func manyRooms(b *testing.B) *nodetest.Person {
	b.Helper()
	on := nodetest.Boot(b)
	ctx := context.Background()
	alice := on.Alice()
	rooms := make([]bus.RoomID, benchRooms)
	for i := range rooms {
		var err error
		rooms[i], err = on.Admin.CreateRoom(ctx, fmt.Sprintf("room-%03d", i), client.RoomOptions{})
		must(b, err)
		_, err = on.Admin.AddMembers(ctx, rooms[i], bus.RoleMember, alice.Name)
		must(b, err)
	}
	_, err := alice.ListMyRooms(ctx) // reads every log and key
	must(b, err)
	on.Stop()
	store, err := alice.Home.Open(ctx, "local", alice.Identity.ProfileKey)
	must(b, err)
	defer store.Close()
	for _, room := range rooms {
		fill(b, store, on.Admin, room)
	}
	must(b, alice.Home.Use("local"))
	return alice
}

// fill keeps frames of the admin's in a room, as if they were read.
func fill(b *testing.B, store *profile.Store, from *nodetest.Person, room bus.RoomID) {
	b.Helper()
	ctx := context.Background()
	entries, err := store.Entries(ctx, profile.LogRoom, chain.ID(room))
	must(b, err)
	last, err := chain.Parse(entries[len(entries)-1])
	must(b, err)
	raw, err := store.Secret(ctx, room, 2)
	must(b, err)
	secret, err := seal.SecretFrom(raw)
	must(b, err)
	s := seal.NewSender(seal.Epoch{Room: room, Number: 2, Entry: last.Hash(), Suite: bus.SuiteSealed, Secret: secret},
		from.Identity.Endpoint(), from.Identity.Content)
	now := time.Now()
	frames := make([]profile.Frame, benchFrames)
	for i := range frames {
		words := fmt.Sprintf("message %d of very many that are kept on this machine, and unmistakable", i)
		at := now.Add(time.Duration(i) * time.Millisecond)
		raw, err := s.Seal(last.Head().Ref(), at, []seal.Record{{Kind: seal.KindText, ID: client.NewRecordID(""), Body: []byte(words)}})
		must(b, err)
		frames[i] = profile.Frame{Seq: uint64(i + 1), At: at, Raw: raw, Texts: []string{words}, Unread: 1}
	}
	must(b, store.Keep(ctx, room, frames, profile.Stretch{Through: benchFrames}))
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkChatStart is with 200 rooms and 100,000 messages in the profile and
// the bus away: "process" from its start to the first messages of a room, in
// lines; "session" what of it is asked of the profile; "search" a search of all
// as the screen asks for it, for a word that is in every message.
func BenchmarkChatStart(b *testing.B) {
	alice := manyRooms(b)
	home := filepath.Join(filepath.Dir(alice.Home.IdentityPath("local")), "..", "..")
	b.Run("process", func(b *testing.B) {
		for b.Loop() {
			startChat(b, home)
		}
	})
	b.Run("session", func(b *testing.B) {
		for b.Loop() {
			s := newChat(b.Context(), &Env{Now: time.Now}, alice.Again(), time.Second, bus.RoomID{})
			start, err := s.Resume(b.Context())
			must(b, err)
			page, err := s.History(b.Context(), start.Rooms[0].ID, tui.Span{Limit: 200})
			must(b, err)
			if len(start.Rooms) < benchRooms || len(page.Events) != 200 {
				b.Fatalf("%d rooms, %d events", len(start.Rooms), len(page.Events))
			}
			b.StopTimer()
			_ = s.close()
			b.StartTimer()
		}
	})
	b.Run("search", func(b *testing.B) {
		c := alice.Again()
		for b.Loop() {
			found, err := c.Search(b.Context(), client.Search{Words: "unmistak", Limit: 100})
			must(b, err)
			if len(found) != 100 {
				b.Fatalf("%d are found", len(found))
			}
		}
	})
}

// startChat starts the program and waits for a message.
func startChat(b *testing.B, home string) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	self, err := os.Executable()
	must(b, err)
	link := filepath.Join(b.TempDir(), "unibus")
	must(b, os.Symlink(self, link))
	run := exec.CommandContext(ctx, link, "chat", "--plain", "room-007")
	run.Env = append(os.Environ(), "UNIBUS_HOME="+home)
	in, err := run.StdinPipe()
	must(b, err)
	out, err := run.StdoutPipe()
	must(b, err)
	must(b, run.Start())
	for lines := bufio.NewScanner(out); ; {
		if !lines.Scan() {
			b.Fatal("it ended without a message")
		}
		if strings.Contains(lines.Text(), "unmistakable") {
			break
		}
	}
	stop()
	_ = in.Close()
	_ = run.Wait()
}
