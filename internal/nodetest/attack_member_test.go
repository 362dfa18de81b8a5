package nodetest_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
	"unibus/internal/client"
	"unibus/internal/frame"
	"unibus/internal/identity"
	"unibus/internal/node"
	"unibus/internal/nodetest"
	"unibus/internal/seal"
	"unibus/internal/wire"
)

// roomNames lists the rooms of somebody by name.
func roomNames(t *testing.T, c *client.Client) (names []string) {
	t.Helper()
	rooms, err := c.ListMyRooms(nodetest.Context(t))
	if err != nil {
		t.Errorf("list of rooms: %v (%s)", err, bus.CodeOf(err))
	}
	for _, r := range rooms {
		names = append(names, r.Name)
	}
	return names
}

// Attack: a registered user makes rooms whose keys or names do not open, and
// puts his victim into them: nobody asks her. Checked: her other rooms are
// still found, read and written, and new ones made.
func TestAttackBrokenRooms(t *testing.T) {
	t.Parallel()
	b := boot(t)
	ctx := nodetest.Context(t)
	alice, mallory := b.Alice(b.General), b.Mallory()
	m := mirrorOf(t, b)
	wrong := func(h bus.Hash) bus.Hash { h[0] ^= 1; return h }
	for name, c := range map[string]craft{
		"the envelope": {name: "a", seal: instead(alice.Endpoint())},
		"the confirm":  {name: "b", confirm: wrong},
		"the name":     {start: func(st *roomlog.Start) { st.Name = bytes.Repeat([]byte{1}, len(st.Name)) }},
		"no name":      {start: func(st *roomlog.Start) { st.Name = nil }},
	} {
		r := m.newRoom(mallory, craft{name: name})
		m.append(mallory, r, m.add(r, alice.Identity.Account, m.author(mallory), mallory.Identity.Content, c))
	}
	fresh := alice.Again()
	if got := roomNames(t, fresh); len(got) != 5 || !slices.Contains(got, "general") {
		t.Errorf("alice's rooms: got %q", got)
	}
	if _, err := fresh.CreateRoom(ctx, "mine", client.RoomOptions{}); err != nil {
		t.Errorf("alice makes a room: %v", err)
	}
	post(t, alice, b.General, "hello")
	if got := history(t, alice, b.General); !slices.Equal(got, []string{"alice: hello"}) {
		t.Errorf("alice reads %q", got)
	}
}

// Attack: a user names a room of hers like the id of another, or like the
// room, and puts in who writes to that one. Checked: an id is never taken for
// a name, and a name that two rooms have is refused.
func TestAttackNamesakes(t *testing.T) {
	t.Parallel()
	b := boot(t)
	ctx := nodetest.Context(t)
	alice, mallory := b.Alice(b.General), b.Mallory()
	m := mirrorOf(t, b)
	trap := func(name string) bus.RoomID {
		r := m.newRoom(mallory, craft{name: name})
		m.append(mallory, r, m.add(r, alice.Identity.Account, m.author(mallory), mallory.Identity.Content, craft{name: name}))
		return r.ID
	}
	trap(b.General.String())
	trap(b.General.String()[:8])
	fresh := alice.Again()
	roomNames(t, fresh) // she has looked at her rooms
	for _, c := range []*client.Client{alice.Client, fresh} {
		for _, word := range []string{b.General.String(), "#" + b.General.String()} {
			if id, err := c.FindRoom(ctx, word); err != nil || id != b.General {
				t.Errorf("%s: got %s, %v; want the room of this id", word, id, err)
			}
		}
	}
	if id, err := fresh.FindRoom(ctx, "general"); err != nil || id != b.General {
		t.Errorf("general: got %s, %v", id, err)
	}
	trap("general")
	roomNames(t, fresh)
	if id, err := fresh.FindRoom(ctx, "general"); bus.CodeOf(err) != "ambiguous_room" {
		t.Errorf("two rooms called general: got %s, %v", id, err)
	}
}

// spoiledFrames are frames that bob may post and nobody must believe, each with
// what readers are shown in its place.
func spoiledFrames(t *testing.T, ep seal.Epoch, head bus.Ref, bob *nodetest.Person) map[string][]byte {
	t.Helper()
	sealed := func(ep seal.Epoch, head bus.Ref, key identity.SigningKey) []byte {
		raw, err := seal.NewSender(ep, bob.Endpoint(), key).Seal(head, time.Now(), []seal.Record{textRecord("believe me")})
		must(t, err)
		return raw
	}
	mine := bob.Identity.Content
	flipped := sealed(ep, head, mine)
	flipped[len(flipped)-1] ^= 1
	forged := sealed(ep, bus.Ref{Index: head.Index, Hash: bus.Prefix{6, 6, 6}}, mine)
	forged[len(forged)-1] ^= 1
	ahead := sealed(ep, bus.Ref{Index: 1 << 30, Hash: bus.Prefix{6, 6, 6}}, mine)
	ahead[len(ahead)-1] ^= 1
	older, unknown, other, clear := ep, ep, ep, ep
	older.Number--
	unknown.Number += 1000
	early := bus.Ref{Index: head.Index - 1, Hash: bus.Prefix{6, 6, 6}}
	other.Entry = bus.Hash{1}
	clear.Suite = bus.SuiteClear
	return map[string][]byte{
		"a flipped bit":                      flipped,
		"another history, and a flipped bit": forged,
		"a later history, and a flipped bit": ahead,
		"signed by another key":              sealed(ep, head, identity.NewSigningKey()),
		"the epoch before":                   sealed(older, head, mine),
		"an epoch that is not":               sealed(unknown, head, mine),
		"another entry's epoch":              sealed(other, head, mine),
		"in clear text":                      sealed(clear, head, mine),
		"over a head that never was":         sealed(ep, bus.Ref{Index: 1 << 30, Hash: bus.Prefix{6, 6, 6}}, mine),
		"over another head":                  sealed(ep, bus.Ref{Index: head.Index, Hash: bus.Prefix{6, 6, 6}}, mine),
		"over another past":                  sealed(ep, early, mine),
		"nothing inside":                     append(frame.Header{Suite: bus.SuiteSealed, Room: ep.Room, Epoch: ep.Number, Head: head, Endpoint: bob.Endpoint()}.Append(nil), make([]byte, 200)...),
	}
}

// Attack: a member posts frames that pass the node, which cannot open them, to
// be taken for somebody else's, or to stop others from reading. Checked: each
// is shown as what it is, live and in history, and the reading goes on.
func TestAttackJunkFrames(t *testing.T) {
	t.Parallel()
	b := boot(t)
	alice, bob := b.Alice(b.General), b.Bob(b.General)
	ep, head := keys(t, b, bob, b.General)
	watcher, spy := watch(t, b, alice, b.General), tap(t, bob)
	spy.open(b.General)
	junk := spoiledFrames(t, ep, head, bob)
	for name, raw := range junk {
		if got := spy.post(b.General, raw); got.Err != "" {
			t.Errorf("%s: the node says %q", name, got.Err)
		}
	}
	post(t, b.Admin, b.General, "hello")
	for where, lines := range map[string][]string{"live": watcher.until("admin: hello"), "history": history(t, alice, b.General)} {
		if len(lines) != len(junk)+1 {
			t.Errorf("%s: alice saw %q for %d frames", where, lines, len(junk))
		}
		for _, line := range lines[:len(lines)-1] {
			if !strings.HasPrefix(line, "undecryptable: ") {
				t.Errorf("%s: alice saw %q", where, line)
			}
		}
	}
}

// Attack: a member posts as somebody else: under his subject, and under her
// own. Checked: the node takes neither.
func TestAttackImpersonation(t *testing.T) {
	t.Parallel()
	b := boot(t)
	alice, bob := b.Alice(b.General), b.Bob(b.General)
	hers, his := frames(t, b, alice, b.General), frames(t, b, bob, b.General)
	watcher, spy := watch(t, b, alice, b.General), tap(t, bob)
	spy.open(b.General)
	if got := spy.post(b.General, hers("I, alice")); got.Err != wire.PostFrame {
		t.Errorf("alice's frame from bob's hand: got %+v", got)
	}
	must(t, spy.PublishRequest(wire.PostSubject(spy.server, b.General, alice.Endpoint()), inbox(bob), hers("I, alice")))
	spy.flush()
	spy.refused(1)
	first := his("hello")
	for range 3 {
		spy.post(b.General, first)
	}
	post(t, b.Admin, b.General, "end")
	want := []string{"bob: hello", "admin: end"}
	if got := watcher.until("admin: end"); !slices.Equal(got, want) {
		t.Errorf("live: got %q, want %q", got, want)
	}
	if got := history(t, alice, b.General); !slices.Equal(got, want) {
		t.Errorf("history: got %q, want %q", got, want)
	}
}

// Attack: an owner starts an epoch whose key one member cannot open, once a minute.
// Checked: she complains and goes on at once, each time; others see whom she blames.
func TestAttackBadEnvelope(t *testing.T) {
	t.Parallel()
	b := boot(t)
	alice, bob := b.Alice(b.General), b.Bob(b.General)
	post(t, bob, b.General, "before")
	_, err := b.Admin.SetRoomRole(nodetest.Context(t), b.General, "bob", bus.RoleOwner)
	must(t, err)
	watcher := watch(t, b, b.Admin, b.General)
	m := mirrorOf(t, b)
	r := m.room(b.General)
	m.append(bob, r, m.rekey(r, m.author(bob), bob.Identity.Content, craft{name: "general", seal: instead(alice.Endpoint())}))
	post(t, bob, b.General, "alice cannot read this")
	post(t, alice, b.General, "hello")
	if seen := watcher.until("alice: hello"); !slices.Contains(seen, "epoch: bad key of bob") {
		t.Errorf("an owner sees %q, want that bob's key did not open", seen)
	}
	post(t, bob, b.General, "after")
	got := history(t, alice, b.General)
	want := []string{"bob: before", "undecryptable: bad_envelope", "alice: hello", "bob: after"}
	if !slices.Equal(got, want) {
		t.Errorf("alice sees %q, want %q", got, want)
	}
}

// Attack: a member complains of a key that opens, and gives one other member none
// that does: what a complaint began lasts for a minute against hers. Checked: she
// is told whose key it is, and goes on after that.
func TestAttackFalseComplaint(t *testing.T) {
	t.Parallel()
	var clock nodetest.Clock
	b := boot(t, func(o *node.Options) { o.Now = clock.Now })
	ctx := nodetest.Context(t)
	bob := b.Bob(b.General)
	alice := b.Alice(b.General)
	watcher := watch(t, b, b.Admin, b.General)
	m := mirrorOf(t, b)
	r := m.room(b.General)
	m.append(bob, r, m.complaint(r, bob, craft{name: "general", seal: instead(alice.Endpoint())}))
	_, err := alice.SendOne(ctx, b.General, textRecord("hello"))
	if bus.CodeOf(err) != "bad_room_key" || !strings.HasPrefix(err.Error(), "the room key that bob made does not open here; ") {
		t.Errorf("alice sends without a key: got %v (%s)", err, bus.CodeOf(err))
	}
	clock.Pass(time.Minute)
	post(t, alice, b.General, "hello")
	if seen := watcher.until("alice: hello"); !slices.Contains(seen, "epoch: bad key of alice") || !slices.Contains(seen, "epoch: bad key of bob") {
		t.Errorf("an owner sees %q, want that both blame each other", seen)
	}
}

// Attack: the same with an owner's other entries, and the member only follows the
// room. Checked: she complains without being asked.
func TestAttackBadEnvelopeWhileReading(t *testing.T) {
	t.Parallel()
	b := boot(t)
	ctx := nodetest.Context(t)
	alice, bob := b.Alice(b.General), b.Bob(b.General)
	_, err := b.Admin.SetRoomRole(ctx, b.General, "bob", bus.RoleOwner)
	must(t, err)
	b.Join("carol")
	m := mirrorOf(t, b)
	r := m.room(b.General)
	watcher := watch(t, b, alice, b.General)
	m.append(bob, r, m.add(r, m.log.User("carol").ID, m.author(bob), bob.Identity.Content, craft{name: "general", seal: instead(alice.Endpoint())}))
	watcher.until("epoch: bad key of bob")
	post(t, bob, b.General, "after")
	watcher.until("bob: after")
}

// Attack: an owner starts an epoch with the shortest life that the rules allow,
// so that it ends between two looks of somebody who sends all the time. Checked:
// nothing is sent in it once it is over.
func TestAttackShortEpoch(t *testing.T) {
	t.Parallel()
	var clock nodetest.Clock
	b := boot(t, func(o *node.Options) { o.Now = clock.Now })
	ctx := nodetest.Context(t)
	alice, bob := b.Alice(b.General), b.Bob(b.General)
	_, err := b.Admin.SetRoomRole(ctx, b.General, "bob", bus.RoleOwner)
	must(t, err)
	m := mirrorOf(t, b)
	r := m.room(b.General)
	m.append(bob, r, m.rekey(r, m.author(bob), bob.Identity.Content, craft{name: "general",
		start: func(st *roomlog.Start) { st.NotAfter = st.NotAfter.Add(bus.EpochAge - bus.EpochLife) }}))
	left := r.Epoch.NotAfter.Sub(clock.Now())
	live := alice.Again().NewLive(nil)
	box := live.Post(b.General, 0)
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- live.Run(running) }()
	defer func() { stop(); <-ended }()
	acks := make(chan client.Ack, 1)
	say := func() bus.Epoch {
		must(t, box.Send(ctx, textRecord("hello"), acks))
		if a := <-acks; a.Err != nil {
			t.Fatal(a.Err)
		}
		epoch := bus.Epoch(0)
		must(t, b.Admin.Again().Read(ctx, b.General, client.ReadOptions{Limit: 1}, func(e bus.Event) error {
			epoch = e.Message.Epoch
			return nil
		}))
		return epoch
	}
	clock.Pass(left - 8*time.Second)
	if got := say(); got != r.Epoch.Number {
		t.Errorf("before its end: got epoch %d, want %d", got, r.Epoch.Number)
	}
	clock.Pass(8 * time.Second)
	if got := say(); got != r.Epoch.Number+1 {
		t.Errorf("after its end: got epoch %d, want %d", got, r.Epoch.Number+1)
	}
}
