package membership_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

func clearText(c *roomlog.Create) { c.Suite = bus.SuiteClear }

// TestCreateRoom answers with the room, tells its maker's devices, and gives
// the same answer to the same bytes.
func TestCreateRoom(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *membership.Options) { o.Shard = func() int { return 17 } })
	alice := b.Alice.Device()
	r, n := b.newRoom(alice)
	got, err := b.s.CreateRoom(b.ctx(), by(alice), n)
	b.must(err)
	want := wire.Room{
		ID: r.State.ID, Subject: "out." + r.State.ID.String(), Epoch: 1, Role: "owner", Members: 1, Log: r.State.Head(),
		Tip: wire.Tip(b.Bus().Head(), r.State.Head(), []bus.Head{b.Alice.State().Head()}), Created: b.Now,
		Policy: wire.Policy{Encrypted: true, Persist: true, History: "join", Recovery: true,
			Retention: int64(bus.DefaultRetention / time.Second)},
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	access := []membership.Access{{Endpoint: alice.ID(), Room: r.State.ID}}
	if c := b.change(); !slices.Equal(c.Joined, access) || !slices.Equal(c.Moved, []bus.RoomID{r.State.ID}) {
		t.Errorf("told %+v", c)
	}
	if again, err := b.s.CreateRoom(b.ctx(), by(alice), n); err != nil || again != want {
		t.Errorf("the same bytes again: %+v, %v", again, err)
	}
	if c := b.told(); len(c) != 0 {
		t.Errorf("nothing happened, but %+v was told", c)
	}
	facts, err := b.s.RoomFacts(alice.ID(), r.State.ID)
	b.must(err)
	if want := (membership.RoomAccess{Account: b.Alice.ID(), Shard: 17, Persist: true, Read: true, Write: true, Tip: want.Tip}); facts != want {
		t.Errorf("facts %+v, want %+v", facts, want)
	}
}

// TestOwnerBinding: a room is made in the name of its signer alone, account
// and endpoint, in both entries, and with the signature of that endpoint.
func TestOwnerBinding(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice, bob := b.Alice.Device(), b.Bob.Device()
	second := b.Alice.AddDevice("second")
	b.sync(b.Alice, alice)
	_, hers := b.newRoom(alice)
	_, his := b.newRoom(bob)
	_, other := b.newRoom(second)
	forged := wire.NewRoom{Create: slices.Clone(hers.Create), Start: hers.Start, Envelopes: hers.Envelopes}
	forged.Create[len(forged.Create)-1] ^= 1
	for name, c := range map[string]struct {
		by   membership.Signer
		n    wire.NewRoom
		code string
	}{
		"another user":     {by(bob), hers, "not_yours"},
		"another device":   {by(alice), other, "not_yours"},
		"another's start":  {by(alice), wire.NewRoom{Create: hers.Create, Start: his.Start, Envelopes: his.Envelopes}, "not_yours"},
		"forged signature": {by(alice), forged, "bad_signature"},
		"no signer":        {membership.Signer{}, hers, "unauthenticated"},
		"stranger":         {stranger(b.NewDevice()), hers, "unauthenticated"},
		"start of another": {by(alice), wire.NewRoom{Create: hers.Create, Start: hers.Create}, "bad_chain"},
		"no envelopes":     {by(alice), wire.NewRoom{Create: hers.Create, Start: hers.Start}, "bad_audience"},
		"bob's envelope":   {by(alice), wire.NewRoom{Create: hers.Create, Start: hers.Start, Envelopes: his.Envelopes}, "bad_audience"},
		"envelope of a size": {by(alice), wire.NewRoom{Create: hers.Create, Start: hers.Start,
			Envelopes: []wire.Envelope{{Endpoint: alice.ID(), Serial: 1, Sealed: []byte("short")}}}, "bad_envelopes"},
	} {
		if _, err := b.s.CreateRoom(b.ctx(), c.by, c.n); bus.CodeOf(err) != c.code {
			t.Errorf("%s: %v (%s), want %s", name, err, bus.CodeOf(err), c.code)
		}
	}
	if got, err := b.s.RoomsOf(by(alice), alice.ID()); err != nil || len(got) != 0 || got == nil {
		t.Errorf("refused rooms exist: %v, %v; want an empty list", got, err)
	}
}

// TestForeignAndUnknown: whoever is not in a room gets the same answer as if
// there were none, from every question.
func TestForeignAndUnknown(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice, bob := b.Alice.Device(), b.Bob.Device()
	r := b.room(alice)
	b.add(alice, r, bus.RoleReader, b.Bob)
	b.append(alice, r, r.RemoveEntry(alice, []bus.AccountID{b.Bob.ID()}, nil)) // he knows its id
	e := r.PolicyEntry(bob, time.Hour, "x").Encode()
	ask := func(id bus.RoomID) []error {
		return []error{
			second(b.s.Room(by(bob), id)), second(b.s.Members(by(bob), id)),
			second(b.s.RoomEntries(b.ctx(), by(b.Founder.Device()), id, 0)), // who was never in it; see TestFormerMember
			second(b.s.AppendRoom(b.ctx(), by(bob), id, wire.Append{Entry: e})),
			second(b.s.Key(b.ctx(), by(bob), id, 2, bob.ID())), second(b.s.Key(b.ctx(), by(bob), id, 2, alice.ID())),
			second(b.s.RoomFacts(bob.ID(), id)), b.s.MayUpload(b.ctx(), by(bob), membership.Scope(id), 1),
			second(b.s.ListBlobs(b.ctx(), by(bob), membership.Scope(id), membership.BlobPlace{}, 1000)),
		}
	}
	foreign, unknown := ask(r.State.ID), ask(bus.RoomID{1, 2, 3})
	for i := range foreign {
		if foreign[i] == nil || foreign[i].Error() != unknown[i].Error() || !errors.Is(foreign[i], bus.ErrNotMember) || !errors.Is(unknown[i], bus.ErrNotMember) {
			t.Errorf("question %d: foreign %v, unknown %v; want not_member from both", i, foreign[i], unknown[i])
		}
	}
	for name, id := range map[string]bus.RoomID{"foreign": r.State.ID, "unknown": {1, 2, 3}} {
		if err := b.s.Stage(b.ctx(), by(bob), id, bus.Hash{9}, nil); err != nil {
			t.Errorf("staging says whether a room is there: %s: %v", name, err)
		}
	}
}

// TestRoomsOf lists an endpoint's own rooms, by id, with its role.
func TestRoomsOf(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice, bob := b.Alice.Device(), b.Bob.Device()
	if got, err := b.s.RoomsOf(by(bob), bob.ID()); err != nil || got == nil || len(got) != 0 {
		t.Errorf("bob is in no room, but got %v, %v", got, err)
	}
	b.refused(second(b.s.RoomsOf(by(alice), bob.ID())), "not_yours")
	b.refused(second(b.s.RoomsOf(by(b.Founder.Device()), bob.ID())), "not_yours")
	roles := map[bus.RoomID]string{}
	for i, role := range []bus.RoomRole{bus.RoleReader, bus.RoleMember, bus.RoleOwner, bus.RoleReader, bus.RoleMember} {
		r := b.room(alice)
		if i == 4 {
			b.room(alice) // bob is not in it
		}
		b.add(alice, r, role, b.Bob)
		roles[r.State.ID] = role.String()
	}
	got, err := b.s.RoomsOf(by(bob), bob.ID())
	b.must(err)
	if len(got) != len(roles) || !slices.IsSortedFunc(got, func(a, b wire.Room) int {
		return slices.Compare(a.ID[:], b.ID[:])
	}) {
		t.Errorf("%d rooms, want %d by id", len(got), len(roles))
	}
	for _, r := range got {
		if r.Role != roles[r.ID] || r.Epoch != 2 || r.Members != 2 {
			t.Errorf("room %+v, want role %s in epoch 2 of 2", r, roles[r.ID])
		}
	}
}

// TestMembers lists roles, heads and since when.
func TestMembers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := b.Alice.Device()
	r := b.room(alice)
	b.Pass(time.Minute)
	b.add(alice, r, bus.RoleReader, b.Bob)
	got, err := b.s.Members(by(b.Bob.Device()), r.State.ID)
	b.must(err)
	if len(got) != 2 {
		t.Fatalf("%d members, want 2", len(got))
	}
	for _, m := range got {
		want := wire.Member{User: "alice", Account: b.Alice.ID(), Role: "owner", Since: b.Now.Add(-time.Minute), Head: b.Alice.State().Head()}
		if m.User == "bob" {
			want = wire.Member{User: "bob", Account: b.Bob.ID(), Role: "reader", Since: b.Now, Head: b.Bob.State().Head()}
		}
		if m != want {
			t.Errorf("got %+v, want %+v", m, want)
		}
	}
	if f, err := b.s.RoomFacts(b.Bob.Device().ID(), r.State.ID); err != nil || f.Write {
		t.Errorf("a reader may %+v, %v", f, err)
	}
}

// TestCleartext rooms are made on loopback nodes alone; there they have no
// envelopes, but the same exact audience.
func TestCleartext(t *testing.T) {
	t.Parallel()
	for _, loopback := range []bool{false, true} {
		b := newBench(t, func(o *membership.Options) { o.ClearRooms = loopback })
		alice := b.Alice.Device()
		r := b.EmptyRoom()
		r.Must(r.CreateEntry(alice, clearText))
		r.Must(r.Rekey(alice, roomlog.ReasonAsked, clearRoot(r, alice)))
		n := wire.NewRoom{Create: r.Log[0].Encode(), Start: r.Log[1].Encode()}
		_, err := b.s.CreateRoom(b.ctx(), by(alice), n)
		if !loopback {
			b.refused(err, "cleartext_refused")
			continue
		}
		b.must(err)
		b.refused(second(b.s.Key(b.ctx(), by(alice), r.State.ID, 1, alice.ID())), "no_key")
		if got := b.s.RoomRecords(); len(got) != 1 || !got[0].Clear {
			t.Errorf("records %+v, want one room in clear", got)
		}
		e := r.Rekey(alice, roomlog.ReasonAsked, func(st *roomlog.Start) { st.Root = bus.Hash{1} })
		b.refused(b.offer(alice, r, e, nil), "bad_audience")
		e = r.Rekey(alice, roomlog.ReasonAsked, clearRoot(r, alice))
		b.refused(b.offer(alice, r, e, r.State.Epoch.Audience), "bad_envelopes")
		r.Must(e)
		b.must(b.offer(alice, r, e, nil))
	}
}

// clearRoot is the audience root of a room without envelopes.
func clearRoot(r *chaintest.Room, d *chaintest.Device) chaintest.Tweak {
	return func(st *roomlog.Start) {
		st.Root = roomlog.Root(r.State.ID, []roomlog.Leaf{{Endpoint: d.ID(), Serial: 1}})
	}
}

// TestRoomCap holds for parallel requests too, and closing a room gives its
// place back. Admins have their own cap.
func TestRoomCap(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *membership.Options) { o.Caps.Rooms, o.Caps.AdminRooms = 5, 8 })
	alice := b.Alice.Device()
	var rooms []*chaintest.Room
	var news []wire.NewRoom
	for range 12 {
		r, n := b.newRoom(alice)
		rooms, news = append(rooms, r), append(news, n)
	}
	var made, refusals atomic.Int32
	var group sync.WaitGroup
	for _, n := range news {
		group.Go(func() {
			switch _, err := b.s.CreateRoom(b.ctx(), by(alice), n); bus.CodeOf(err) {
			case "failed":
				made.Add(1)
			case "room_cap":
				refusals.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	if made.Load() != 5 || refusals.Load() != 7 {
		t.Fatalf("%d made, %d refused; want 5 and 7", made.Load(), refusals.Load())
	}
	have, err := b.s.RoomsOf(by(alice), alice.ID())
	b.must(err)
	last := rooms[slices.IndexFunc(rooms, func(r *chaintest.Room) bool { return r.State.ID == have[0].ID })]
	b.append(alice, last, last.CloseEntry(alice))
	b.room(alice)
	_, n := b.newRoom(alice)
	b.refused(second(b.s.CreateRoom(b.ctx(), by(alice), n)), "room_cap")
	for range 8 {
		b.room(b.Founder.Device())
	}
	_, n = b.newRoom(b.Founder.Device())
	b.refused(second(b.s.CreateRoom(b.ctx(), by(b.Founder.Device()), n)), "room_cap")
}

// TestCloseRoom ends a room for everybody; its log can still be read by those
// who were in it.
func TestCloseRoom(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice, bob := b.Alice.Device(), b.Bob.Device()
	r := b.room(alice)
	b.add(alice, r, bus.RoleMember, b.Bob)
	id := r.State.ID
	b.told()
	b.refused(b.offer(bob, r, r.CloseEntry(bob), nil), "not_owner")
	b.append(alice, r, r.CloseEntry(alice))
	c := b.change()
	if len(c.Closed) != 1 || c.Closed[0].ID != id || !c.Closed[0].Closed || len(c.Removed) != 2 {
		t.Errorf("told %+v, want the room closed and both removed", c)
	}
	for _, d := range []*chaintest.Device{alice, bob} {
		b.refused(second(b.s.RoomFacts(d.ID(), id)), "not_member")
		b.refused(second(b.s.Room(by(d), id)), "room_closed")
		b.refused(b.s.MayUpload(b.ctx(), by(d), membership.Scope(id), 1), "room_closed")
		if got, err := b.s.RoomsOf(by(d), d.ID()); err != nil || len(got) != 0 {
			t.Errorf("rooms %v, %v", got, err)
		}
		if got, err := b.s.RoomEntries(b.ctx(), by(d), id, 0); err != nil || len(got.Entries) != 4 {
			t.Errorf("log of %d entries, %v", len(got.Entries), err)
		}
	}
	if _, open := b.s.RoomRecord(id); open {
		t.Error("a closed room has an open record")
	}
	b.refused(second(b.s.Room(by(b.Founder.Device()), id)), "not_member")
	if got := b.s.RoomRecords(); len(got) != 1 || !got[0].Closed || got[0].Clear {
		t.Errorf("records %+v", got)
	}
}

func TestRoomPages(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := b.Alice.Device()
	r := b.room(alice)
	for i := range 4 {
		b.append(alice, r, r.PolicyEntry(alice, time.Duration(i+1)*time.Hour, fmt.Sprint("name ", i)))
	}
	for _, c := range []struct{ from, want int }{{0, 6}, {4, 2}, {6, 0}, {70, 0}} {
		got, err := b.s.RoomEntries(b.ctx(), by(alice), r.State.ID, uint32(c.from))
		if err != nil || len(got.Entries) != c.want || got.More || got.Entries == nil {
			t.Errorf("from %d: %d entries, %v; want %d", c.from, len(got.Entries), err, c.want)
		}
	}
	if got := b.s.RoomRecords(); got[0].Retention != 4*time.Hour {
		t.Errorf("retention %s, want that of the newest policy", got[0].Retention)
	}
}

// Who was put out reads the log up to the entry that says so, and not what came then;
// once he is in again, all of it. It is so after a restart too, and for nobody else.
func TestFormerMember(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice, bob := b.Alice.Device(), b.Bob.Device()
	r := b.room(alice)
	id := r.State.ID
	reads := func(want int) {
		t.Helper()
		got, err := b.s.RoomEntries(b.ctx(), by(bob), id, 0)
		b.must(err)
		if len(got.Entries) != want || got.More || int(got.Head.Index)+1 != want {
			t.Errorf("reads %d entries, told of %d, want %d", len(got.Entries), got.Head.Index+1, want)
		}
		if last, err := b.s.RoomEntries(b.ctx(), by(bob), id, uint32(want)); err != nil || len(last.Entries) > 0 {
			t.Errorf("reads %d entries behind, %v", len(last.Entries), err)
		}
	}
	b.refused(second(b.s.RoomEntries(b.ctx(), by(bob), id, 0)), "not_member")
	b.add(alice, r, bus.RoleMember, b.Bob)
	b.append(alice, r, r.RemoveEntry(alice, []bus.AccountID{b.Bob.ID()}, nil))
	b.append(alice, r, r.PolicyEntry(alice, time.Hour, "name"))
	reads(4)
	b.reopen()
	reads(4)
	for what, err := range map[string]error{
		"the room": second(b.s.Room(by(bob), id)), "its members": second(b.s.Members(by(bob), id)),
		"its key": second(b.s.Key(b.ctx(), by(bob), id, 3, bob.ID())),
	} {
		if bus.CodeOf(err) == "" {
			t.Errorf("who is out is told of %s", what)
		}
	}
	b.add(alice, r, bus.RoleMember, b.Bob)
	reads(6)
	b.append(bob, r, r.LeaveEntry(bob, nil))
	b.append(alice, r, r.CloseEntry(alice))
	reads(7)
	b.refused(second(b.s.RoomEntries(b.ctx(), by(b.Founder.Device()), id, 0)), "not_member")
}
