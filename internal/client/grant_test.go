package client_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/membership"
	"unibus/internal/membership/sqlite"
	"unibus/internal/node"
	"unibus/internal/nodetest"
	"unibus/internal/profile"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// texts are the messages among events.
func texts(events []bus.Event) (out []string) {
	for _, e := range events {
		if e.Message != nil {
			out = append(out, e.Message.Text)
		}
	}
	return out
}

// wantTexts reads a room and compares its messages; nothing in it may be what
// cannot be shown.
func wantTexts(t testing.TB, who string, c *client.Client, room bus.RoomID, want ...string) {
	t.Helper()
	events := read(t, c, room)
	if got := texts(events); !slices.Equal(got, want) {
		t.Errorf("%s reads %q, want %q", who, got, want)
	}
	for _, e := range events {
		if e.Gap != nil || e.Undecryptable != nil {
			t.Errorf("%s sees %s", who, describe(e))
		}
	}
}

// roomOf makes a room of the admin's in which he said something in each of its
// first epochs.
func roomOf(t testing.TB, b *nodetest.Bus, name string, history bus.History, words ...string) bus.RoomID {
	t.Helper()
	ctx := nodetest.Context(t)
	id, err := b.Admin.CreateRoom(ctx, name, client.RoomOptions{History: history})
	must(t, err)
	for i, w := range words {
		if i > 0 {
			_, err := b.Admin.AddMembers(ctx, id, bus.RoleMember, bus.Handle("extra"+w))
			must(t, err)
		}
		send(t, b.Admin.Client, id, w)
	}
	return id
}

// extras are users whose coming makes an epoch.
func extras(b *nodetest.Bus, words ...string) {
	for _, w := range words {
		b.Join(bus.Handle("extra" + w))
	}
}

// TestHistoryOfRooms: who comes to a room of history all reads what is kept,
// whoever is online then and however he came; elsewhere nobody does.
func TestHistoryOfRooms(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	ctx := nodetest.Context(t)
	alice := b.Alice()
	extras(b, "two")
	all := roomOf(t, b, "all", bus.HistoryAll, "one", "two")
	join := roomOf(t, b, "join", bus.HistoryJoin, "one", "two")
	for _, id := range []bus.RoomID{all, join} {
		_, err := b.Admin.AddMembers(ctx, id, bus.RoleMember, "alice")
		must(t, err)
	}
	wantTexts(t, "who was added", alice.Client, all, "one", "two")
	wantTexts(t, "who was added", alice.Client, join)
	link := b.Invite("bob", all, join)
	send(t, alice.Client, all, "for the guest")
	send(t, alice.Client, join, "for the guest")
	must(t, b.Admin.Close())
	bob := b.TakeUp(link, "bob")
	send(t, alice.Client, all, "last")
	wantTexts(t, "who took an invite up", bob.Client, all, "one", "two", "for the guest", "last")
	wantTexts(t, "who took an invite up", bob.Client, join, "for the guest")

	log, err := bob.Log(ctx, all)
	must(t, err)
	for _, e := range log {
		want := map[string][]bus.Handle{"add": e.Added, "accept": {"bob"}}[e.Op]
		if e.Op == "add" && len(e.Invited) > 0 {
			want = e.Invited
		}
		if !slices.Equal(e.Heirs, want) {
			t.Errorf("entry %d (%s) lets %q read what was before, want %q", e.Index, e.Op, e.Heirs, want)
		}
	}
	log, err = bob.Log(ctx, join)
	must(t, err)
	for _, e := range log {
		if len(e.Heirs) > 0 {
			t.Errorf("entry %d (%s) of the other room lets %q read what was before", e.Index, e.Op, e.Heirs)
		}
	}
}

// TestDevicesInherit: a new device reads what its user could, from whoever lets
// it in, and what he has not, from another device of its user.
func TestDevicesInherit(t *testing.T) {
	t.Parallel()
	clock := &nodetest.Clock{}
	b := nodetest.Boot(t, func(o *node.Options) { o.Now = clock.Now })
	ctx := nodetest.Context(t)
	alice, bob := b.Alice(), b.Bob()
	room := roomOf(t, b, "ops", bus.HistoryJoin, "before alice")
	_, err := b.Admin.AddMembers(ctx, room, bus.RoleMember, "alice")
	must(t, err)
	send(t, b.Admin.Client, room, "before bob")
	_, err = b.Admin.AddMembers(ctx, room, bus.RoleMember, "bob")
	must(t, err)
	send(t, b.Admin.Client, room, "to all")
	wantTexts(t, "the laptop", alice.Client, room, "before bob", "to all")
	phone := device(t, alice, clock.Now)
	send(t, bob.Client, room, "lets it in")
	wantTexts(t, "let in by bob, the phone", phone, room, "to all", "lets it in")
	log, err := bob.Log(ctx, room)
	must(t, err)
	if newest := log[len(log)-1]; newest.Op != "rekey" || !slices.Equal(newest.Heirs, []bus.Handle{"alice"}) {
		t.Errorf("the log says that %q may read what was before, want alice", newest.Heirs)
	}
	must(t, alice.Client.Read(ctx, room, client.ReadOptions{Limit: 1}, func(bus.Event) error { return nil }))
	clock.Pass(time.Minute)
	wantTexts(t, "after alice's laptop was there, the phone", phone, room, "before bob", "to all", "lets it in")

	// A bot reads from when it is listed.
	scribe := bot(t, alice, clock.Now, client.Bot{Name: "scribe", Rooms: []bus.RoomID{room},
		Verbs: account.VerbRead, Ends: clock.Now().Add(time.Hour)})
	send(t, b.Admin.Client, room, "with a bot")
	wantTexts(t, "the bot", scribe, room, "with a bot")
}

// TestRecoveryInherits: who lost every device reads what he had inherited.
func TestRecoveryInherits(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	ctx := nodetest.Context(t)
	all := roomOf(t, b, "all", bus.HistoryAll, "one")
	bob := b.Bob(all)
	send(t, bob.Client, all, "two")
	j, err := client.Meet(ctx, client.BusLink(b.Admin.Info), time.Now)
	must(t, err)
	id := j.IdentityOf(*bob.Identity.Seed, "found")
	store, err := profile.Memory(ctx, id.ProfileKey)
	must(t, err)
	_, err = j.Recover(ctx, id, store, func() error { return nil })
	must(t, err)
	c, err := client.New(client.Options{Identity: id, Info: j.Info(), Store: store, Now: time.Now})
	must(t, err)
	defer c.Close()
	wantTexts(t, "the recovered device", c, all, "one", "two")
}

// secretOf is the key of an epoch as its person keeps it.
func secretOf(t testing.TB, p *nodetest.Person, room bus.RoomID, epoch bus.Epoch) seal.Secret {
	t.Helper()
	store, err := p.Home.Open(nodetest.Context(t), "local", p.Identity.ProfileKey)
	must(t, err)
	defer store.Close()
	raw, err := store.Secret(nodetest.Context(t), room, epoch)
	must(t, err)
	s, err := seal.SecretFrom(raw)
	must(t, err)
	return s
}

// lie is a grant that a node makes up, or shows where it does not belong.
type lie struct {
	room   bus.RoomID
	epoch  bus.Epoch
	since  bus.Epoch
	secret seal.Secret
	actor  bus.EndpointID
	to     *identity.File // whom it is sealed to
	shown  *identity.File // to whom it is shown
}

// plant has the node keep lies, in place of what the same actor had handed on.
func plant(t testing.TB, b *nodetest.Bus, by *nodetest.Person, lies ...lie) {
	t.Helper()
	ctx := nodetest.Context(t)
	sealed := make([][]byte, len(lies))
	for i, l := range lies {
		sealed[i] = sealedLie(t, b, by, l)
	}
	b.Stop()
	s, err := sqlite.Open(ctx, filepath.Join(b.Options.Dir, "membership"))
	must(t, err)
	for i, l := range lies {
		at := membership.Granting{Room: l.room, Since: l.since, Actor: l.actor, By: by.Identity.Account}
		must(t, s.PutGrants(ctx, at, []wire.Grant{{Epoch: l.epoch, Endpoint: l.shown.Endpoint(), Serial: 1, Sealed: sealed[i]}}))
	}
	must(t, s.Close())
	b.Restart()
}

func sealedLie(t testing.TB, b *nodetest.Bus, by *nodetest.Person, l lie) []byte {
	t.Helper()
	log, err := by.Log(nodetest.Context(t), l.room)
	must(t, err)
	i := slices.IndexFunc(log, func(e client.LogEntry) bool { return e.Epoch == l.since })
	out, err := l.secret.Grant(l.to.KEMs[0].Key.Public(), seal.Grant{Bus: b.Admin.Identity.Bus, Room: l.room, Entry: log[i].Hash,
		Epoch: l.epoch, Actor: l.actor, Recipient: l.to.Endpoint(), Serial: 1})
	must(t, err)
	return out
}

// TestLyingGrants: a node shows a wrong key, a right one from who may not hand it
// on, one that was sealed to somebody else, and one of an epoch that the reader
// has no right to. Only the one that is right is taken.
func TestLyingGrants(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	ctx := nodetest.Context(t)
	alice, bob := b.Alice(), b.Bob()
	extras(b, "two", "three", "four")
	all := roomOf(t, b, "all", bus.HistoryAll, "one", "two", "three", "four")
	join := roomOf(t, b, "join", bus.HistoryJoin, "one", "two")
	for _, id := range []bus.RoomID{all, join} {
		_, err := b.Admin.AddMembers(ctx, id, bus.RoleMember, "alice", "bob")
		must(t, err)
		send(t, b.Admin.Client, id, "to bob")
	}
	phone, accept := takeUp(t, deviceLink(t, alice), time.Now)
	second, err := accept()
	must(t, err)
	send(t, b.Admin.Client, join, "to the phone")
	good := lie{room: all, epoch: 4, since: 5, secret: secretOf(t, b.Admin, all, 4), actor: b.Admin.Endpoint(), to: bob.Identity, shown: bob.Identity}
	wrong, other, moved, early, gone := good, good, good, good, good
	wrong.epoch, wrong.secret = 1, seal.NewSecret()
	other.epoch, other.secret, other.actor = 2, secretOf(t, b.Admin, all, 2), alice.Endpoint()
	gone.epoch, gone.secret = 2, seal.NewSecret() // in place of the true one
	moved.epoch, moved.secret, moved.to = 3, secretOf(t, b.Admin, all, 3), alice.Identity
	early.room, early.epoch, early.since, early.secret = join, 2, 3, secretOf(t, b.Admin, join, 2)
	own, first := early, early // of alice's time, and from before it
	own.epoch, own.since, own.secret = 3, 4, secretOf(t, b.Admin, join, 3)
	own.to, own.shown = phone, phone
	first.epoch, first.since, first.to, first.shown = 2, 4, phone, phone
	plant(t, b, b.Admin, good, wrong, gone, other, moved, early, own, first)
	wantTexts(t, "bob, of the lying node,", bob.Again(), all, "four", "to bob")
	wantTexts(t, "bob, of the lying node,", bob.Again(), join, "to bob", "to the phone")
	for range 2 { // what it takes with the first shows with the second
		wantTexts(t, "the phone, of the lying node,", second, join, "to bob", "to the phone")
	}
}

// TestRejectedInheritNothing: who gave somebody the mark that he is not who he
// says lets him in nowhere and hands nothing on to him.
func TestRejectedInheritNothing(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	ctx := nodetest.Context(t)
	alice, bob := b.Alice(), b.Bob()
	room := roomOf(t, b, "all", bus.HistoryAll, "one")
	cmp, err := b.Admin.Compare(ctx, "alice")
	must(t, err)
	must(t, b.Admin.Decide(ctx, cmp, bus.TrustRejected))
	if _, err = b.Admin.AddMembers(ctx, room, bus.RoleMember, "alice", "bob"); bus.CodeOf(err) != "user_rejected" {
		t.Errorf("who is rejected is added: %v", err)
	}
	_, err = b.Admin.AddMembers(ctx, room, bus.RoleMember, "bob")
	must(t, err)
	if err := alice.Read(ctx, room, client.ReadOptions{}, func(bus.Event) error { return nil }); bus.KindOf(err) != bus.Forbidden {
		t.Errorf("who is rejected reads: %v", err)
	}
	wantTexts(t, "who came instead", bob.Client, room, "one")
}
