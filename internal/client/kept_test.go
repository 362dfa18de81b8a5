package client_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/nodetest"
	"unibus/internal/seal"
)

// keptTexts is a page of what is kept.
func keptTexts(t *testing.T, c *client.Client, room bus.RoomID, s client.Span) (texts []string, k client.Kept) {
	t.Helper()
	k, err := c.KeptPage(nodetest.Context(t), room, s)
	must(t, err)
	for _, e := range k.Events {
		if e.Message != nil {
			texts = append(texts, e.Message.Text)
		}
	}
	return texts, k
}

func searchTexts(t *testing.T, c *client.Client, room bus.RoomID, words string) (texts []string) {
	t.Helper()
	found, err := c.Search(nodetest.Context(t), client.Search{Room: room, Words: words, Limit: 100})
	must(t, err)
	for _, m := range found {
		if m.File != nil {
			m.Text = m.File.Name
		}
		texts = append(texts, m.Text)
	}
	return texts
}

// about is a record about the message that an ack is of.
func about(t *testing.T, c *client.Client, room bus.RoomID, a client.Ack, kind seal.RecordKind, words string) seal.Record {
	t.Helper()
	ref, err := c.Resolve(nodetest.Context(t), room, fmt.Sprint(a.Seq))
	must(t, err)
	return seal.Record{Kind: kind, ID: client.NewRecordID(""), Ref: ref, Body: []byte(words)}
}

// What somebody followed he reads again without the node, page by page in both
// directions, and knows where something is missing.
func TestKeptPages(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice := b.Alice(b.General)
	s, run := follow(t, alice.Client, b.General)
	var seqs []uint64
	for n := range 7 {
		seqs = append(seqs, send(t, b.Admin.Client, b.General, fmt.Sprint("message ", n)).Seq)
	}
	s.untilTexts(t, 7)
	run.end()
	away := alice.Again()
	b.Stop()
	texts, k := keptTexts(t, away, b.General, client.Span{Limit: 3})
	if fmt.Sprint(texts) != "[message 4 message 5 message 6]" || !k.More || k.Through < seqs[6] {
		t.Errorf("the newest page: %v, more %v, through %d of %d", texts, k.More, k.Through, seqs[6])
	}
	if texts, k = keptTexts(t, away, b.General, client.Span{Before: seqs[4], Limit: 3}); fmt.Sprint(texts) != "[message 1 message 2 message 3]" || !k.More {
		t.Errorf("the page before it: %v, more %v", texts, k.More)
	}
	if texts, k = keptTexts(t, away, b.General, client.Span{After: seqs[1], Limit: 3}); fmt.Sprint(texts) != "[message 2 message 3 message 4]" || !k.More {
		t.Errorf("a page after a message: %v, more %v", texts, k.More)
	}
	if texts, k = keptTexts(t, away, b.General, client.Span{After: seqs[4], Limit: 3}); fmt.Sprint(texts) != "[message 5 message 6]" || k.More || k.Through < seqs[6] {
		t.Errorf("the page at the end: %v, %+v", texts, k)
	}
	_, err := away.KeptPage(nodetest.Context(t), b.General, client.Span{After: seqs[6] + 100, Limit: 3})
	wantError(t, "a page beyond what is kept", err, bus.NotFound, "not_kept")
	_, err = away.KeptPage(nodetest.Context(t), bus.RoomID{9}, client.Span{Limit: 3})
	wantError(t, "a page of a room that nobody knows", err, bus.NotFound, "not_kept")
	if unread, err := away.UnreadKept(nodetest.Context(t), b.General, seqs[2]); err != nil || len(unread) != 4 {
		t.Errorf("%d are unread, %v; want 4", len(unread), err)
	}
}

// Between two readings there is a hole; pages stop at it, and reading from the
// node closes it.
func TestKeptHoles(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice := b.Alice(b.General)
	for n := range 9 {
		send(t, b.Admin.Client, b.General, fmt.Sprint(n))
		if n == 2 || n == 8 {
			must(t, alice.Read(nodetest.Context(t), b.General, client.ReadOptions{Limit: 2}, func(bus.Event) error { return nil }))
		}
	}
	texts, k := keptTexts(t, alice.Client, b.General, client.Span{Limit: 100})
	if fmt.Sprint(texts) != "[7 8]" || !k.More {
		t.Fatalf("the newest page: %v, more %v", texts, k.More)
	}
	first := k.Events[0].Message.Seq
	_, err := alice.KeptPage(nodetest.Context(t), b.General, client.Span{Before: first, Limit: 100})
	wantError(t, "the page in the hole", err, bus.NotFound, "not_kept")
	_, more, err := alice.Page(nodetest.Context(t), b.General, client.Span{Before: first, Limit: 100})
	must(t, err)
	if texts, k = keptTexts(t, alice.Client, b.General, client.Span{Limit: 100}); fmt.Sprint(texts) != "[0 1 2 3 4 5 6 7 8]" || k.More != more {
		t.Errorf("all of it: %v, more %v", texts, k.More)
	}
}

// A search finds messages as they stand now, in one room and in all.
func TestSearch(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice, ctx := b.Alice(b.General), nodetest.Context(t)
	ops := newRoom(t, b, "ops", "alice")
	one := send(t, b.Admin.Client, b.General, "the staging cluster is green")
	send(t, b.Admin.Client, ops, "greenhouse")
	gone := send(t, b.Admin.Client, b.General, "green with envy")
	wrong := send(t, alice.Client, b.General, "evergreen, and green")
	file := client.FileRecord(bus.File{Name: "green.pdf", Size: 3, Ref: "blob:x"})
	file.ID = client.NewRecordID("")
	for _, r := range []seal.Record{
		about(t, b.Admin.Client, b.General, one, seal.KindEdit, "the staging cluster is blue"),
		about(t, b.Admin.Client, b.General, gone, seal.KindDelete, ""),
		about(t, b.Admin.Client, b.General, wrong, seal.KindEdit, "admin edits what alice wrote: purple"),
		about(t, b.Admin.Client, b.General, wrong, seal.KindReaction, "green"),
		file,
	} {
		_, err := b.Admin.SendOne(ctx, b.General, r)
		must(t, err)
	}
	read(t, alice.Client, b.General)
	read(t, alice.Client, ops)
	away := alice.Again()
	b.Stop()
	for _, c := range []struct {
		room  bus.RoomID
		words string
		want  string
	}{
		{b.General, "green", "[green.pdf evergreen, and green]"},
		{bus.RoomID{}, "green", "[green.pdf evergreen, and green greenhouse]"},
		{ops, "GREENH", "[greenhouse]"},
		{b.General, "blue", "[the staging cluster is blue]"},
		{b.General, "staging clus", "[the staging cluster is blue]"},
		{b.General, "envy", "[]"},
		{b.General, "purple", "[]"},
		{b.General, "pdf", "[green.pdf]"},
		{bus.RoomID{}, "nothing of it", "[]"},
	} {
		if got := searchTexts(t, away, c.room, c.words); fmt.Sprint(got) != c.want {
			t.Errorf("%q: found %q, want %s", c.words, got, c.want)
		}
	}
}

// Who is rejected is not found, from then on.
func TestSearchHidesTheRejected(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice, ctx := b.Alice(b.General), nodetest.Context(t)
	send(t, b.Admin.Client, b.General, "believe me")
	read(t, alice.Client, b.General)
	if got := searchTexts(t, alice.Client, b.General, "believe"); len(got) != 1 {
		t.Fatalf("found %q", got)
	}
	cmp, err := alice.Compare(ctx, b.Admin.Name)
	must(t, err)
	must(t, alice.Decide(ctx, cmp, bus.TrustRejected))
	if got := searchTexts(t, alice.Client, b.General, "believe"); len(got) != 0 {
		t.Errorf("of who is rejected %q is found", got)
	}
	texts, k := keptTexts(t, alice.Client, b.General, client.Span{Limit: 10})
	if len(texts) > 0 || len(k.Events) == 0 || k.Events[len(k.Events)-1].Undecryptable == nil {
		t.Errorf("of who is rejected %q is shown", texts)
	}
}

// Who leaves a room keeps nothing of it, and nothing of what was written stands in
// the files of his profile, as long as it was there.
func TestKeptIsSealed(t *testing.T) {
	t.Parallel()
	const canary = "canary9f2c unmistakable"
	b := nodetest.Boot(t)
	alice, ctx := b.Alice(b.General), nodetest.Context(t)
	clear, err := b.Admin.CreateRoom(ctx, "clear", client.RoomOptions{Clear: true})
	must(t, err)
	_, err = b.Admin.AddMembers(ctx, clear, bus.RoleMember, alice.Name)
	must(t, err)
	for _, room := range []bus.RoomID{b.General, clear} {
		send(t, b.Admin.Client, room, canary)
		read(t, alice.Client, room)
		if got := searchTexts(t, alice.Client, room, "canary9f2c"); len(got) != 1 {
			t.Fatalf("found %q", got)
		}
	}
	files, err := filepath.Glob(filepath.Join(alice.Home.IdentityPath("local"), "..", "*"))
	must(t, err)
	if !slices.ContainsFunc(files, func(name string) bool { return filepath.Ext(name) == ".db-wal" }) {
		t.Error("the log of changes is not among the files")
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		must(t, err)
		for _, word := range []string{"canary9f2c", "unmistakable", "mistak"} {
			if bytes.Contains(raw, []byte(word)) {
				t.Errorf("%s shows %q", filepath.Base(name), word)
			}
		}
	}
	must(t, alice.Leave(ctx, clear, ""))
	if got := searchTexts(t, alice.Client, bus.RoomID{}, "canary9f2c"); len(got) != 1 {
		t.Errorf("after leaving one of two rooms %d are found", len(got))
	}
}

// Whatever others write about a message, it is found as its sender, or an owner, left
// it.
func TestSearchBelievesWhoMayChange(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice, bob, ctx := b.Alice(b.General), b.Bob(b.General), nodetest.Context(t)
	gone := send(t, alice.Client, b.General, "password by mistake")
	wrong := send(t, alice.Client, b.General, "transfer to 111")
	spam := send(t, alice.Client, b.General, "password of others")
	for _, r := range []seal.Record{about(t, alice.Client, b.General, gone, seal.KindDelete, ""), about(t, alice.Client, b.General, wrong, seal.KindEdit, "transfer to 222")} {
		_, err := alice.SendOne(ctx, b.General, r)
		must(t, err)
	}
	_, err := b.Admin.SendOne(ctx, b.General, about(t, b.Admin.Client, b.General, spam, seal.KindDelete, ""))
	must(t, err)
	live := bob.NewLive(nil)
	box := live.Post(b.General, 0)
	start(t, live.Run)
	acks := make(chan client.Ack, 1)
	of := []seal.Record{about(t, bob.Client, b.General, gone, seal.KindEdit, "x"), about(t, bob.Client, b.General, wrong, seal.KindEdit, "x"),
		about(t, bob.Client, b.General, spam, seal.KindEdit, "x")}
	for n := range 3 * 201 { // each in a frame of its own
		r := of[n%3]
		r.ID = client.NewRecordID("")
		must(t, box.Send(ctx, r, acks))
		wantAcks(t, ctx, acks, 1)
	}
	read(t, b.Admin.Client, b.General)
	for words, want := range map[string]string{"password": "[]", "transfer": "[transfer to 222]"} {
		if got := searchTexts(t, b.Admin.Client, b.General, words); fmt.Sprint(got) != want {
			t.Errorf("%q: found %q, want %s", words, got, want)
		}
	}
}
