package nodetest_test

import (
	"fmt"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/nodetest"
	"unibus/internal/profile"
)

// TestCrowdedRoom fills a room with more endpoints than one request of envelopes
// takes, with UNIBUS_LONG up to the limit: the key of an epoch reaches the last of
// them, and none after the removal of its user.
func TestCrowdedRoom(t *testing.T) {
	t.Parallel()
	people, bots := 3, 200
	if long() {
		people, bots = 8, 247
	}
	b := boot(t)
	ctx := nodetest.Context(t)
	room, err := b.Admin.CreateRoom(ctx, "crowd", client.RoomOptions{})
	must(t, err)
	var names []bus.Handle
	var last []*client.Client // the last bot of each person
	for i := range people {
		p := b.Join(bus.Handle(fmt.Sprintf("person%d", i)))
		names = append(names, p.Name)
		for k := range bots {
			file := addBot(t, p, fmt.Sprintf("bot%d", k), room)
			if k == bots-1 {
				last = append(last, withoutProfile(t, file))
			}
		}
	}
	_, err = b.Admin.AddMembers(ctx, room, bus.RoleMember, names...)
	must(t, err)
	_, err = b.Admin.SendOne(ctx, room, textRecord("to everybody"))
	must(t, err)
	for i, c := range last {
		if got := said(t, c, room); len(got) != 1 || got[0] != "to everybody" {
			t.Errorf("the last bot of %s reads %q", names[i], got)
		}
	}
	_, err = b.Admin.Kick(ctx, room, names[0])
	must(t, err)
	_, err = last[1].SendOne(ctx, room, textRecord("without him"))
	must(t, err)
	if got := said(t, last[2], room); len(got) != 2 || got[1] != "without him" {
		t.Errorf("after a removal the others read %q", got)
	}
	if err := last[0].Read(ctx, room, client.ReadOptions{}, func(bus.Event) error { return nil }); bus.KindOf(err) != bus.Forbidden {
		t.Errorf("whose user was removed reads: %v", err)
	}
}

func addBot(t *testing.T, p *nodetest.Person, name string, room bus.RoomID) *identity.File {
	t.Helper()
	bot := client.Bot{Name: name, Rooms: []bus.RoomID{room}, Verbs: account.VerbRead | account.VerbPublish, Ends: time.Now().Add(time.Hour)}
	file, err := p.NewBot(nodetest.Context(t), bot)
	must(t, err)
	_, _, err = p.AddBot(nodetest.Context(t), file, bot)
	must(t, err)
	return file
}

// withoutProfile is a client that keeps nothing, as a job has it.
func withoutProfile(t *testing.T, file *identity.File) *client.Client {
	t.Helper()
	store, err := profile.Memory(nodetest.Context(t), file.ProfileKey)
	must(t, err)
	c, err := client.New(client.Options{Identity: file, Info: *file.Context, Store: store, Now: time.Now})
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// said is what a client reads in a room.
func said(t *testing.T, c *client.Client, room bus.RoomID) (texts []string) {
	t.Helper()
	must(t, c.Read(nodetest.Context(t), room, client.ReadOptions{Whole: true}, func(e bus.Event) error {
		if e.Message != nil {
			texts = append(texts, e.Message.Text)
		}
		return nil
	}))
	return texts
}
