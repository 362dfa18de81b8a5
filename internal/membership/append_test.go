package membership_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

// TestFresh refuses an epoch whose author has not seen the newest of what it
// rests on: the bus log, and every member's chain.
func TestFresh(t *testing.T) {
	t.Parallel()
	for name, move := range map[string]func(*bench){
		"bus log": func(b *bench) { b.invite("carol") },
		"own chain": func(b *bench) {
			b.Alice.AddDevice("second")
			b.sync(b.Alice, b.Alice.Device())
		},
		"another's chain": func(b *bench) {
			b.Bob.Device().Renew()
			b.sync(b.Bob, b.Bob.Device())
		},
	} {
		b := newBench(t)
		b.Pass(bus.KEMPause)
		alice := b.Alice.Device()
		r := b.room(alice)
		b.add(alice, r, bus.RoleMember, b.Bob)
		early, to := r.Rekey(alice, roomlog.ReasonAsked), r.State.Epoch.Audience
		_, n := b.newRoom(alice)
		move(b)
		got, err := b.s.AppendRoom(b.ctx(), by(alice), r.State.ID, wire.Append{Entry: early.Encode(), Envelopes: envelopes(to)})
		if !errors.Is(err, bus.ErrBehind) || got.Head != r.State.Head() {
			t.Errorf("%s: %+v, %v; want behind with the head", name, got, err)
		}
		if name != "another's chain" {
			_, err = b.s.CreateRoom(b.ctx(), by(alice), n)
			b.refused(err, "behind")
		}
		b.append(alice, r, r.Rekey(alice, roomlog.ReasonAsked))
	}
}

// TestAppendRoom: a member appends his own entries, now, and at the end.
func TestAppendRoom(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice, bob := b.Alice.Device(), b.Bob.Device()
	r := b.room(alice)
	b.add(alice, r, bus.RoleMember, b.Bob)
	policy := r.PolicyEntry(alice, time.Hour, "x")
	b.refused(b.offer(bob, r, policy, nil), "not_yours")
	b.refused(b.offer(bob, r, r.PolicyEntry(bob, time.Hour, "x"), nil), "not_owner")
	b.refused(b.offer(b.Founder.Device(), r, policy, nil), "not_member")
	b.append(alice, r, policy)
	b.must(b.offer(alice, r, policy, nil)) // an answer was lost
	b.append(alice, r, r.RoleEntry(alice, b.Bob, bus.RoleOwner))
	b.refused(b.offer(alice, r, policy, nil), "behind")
	old := r.PolicyEntry(alice, 2*time.Hour, "y")
	b.Pass(bus.ChainSkew + time.Second)
	b.refused(b.offer(alice, r, old, nil), "bad_time")
	b.told()
	b.append(alice, r, r.LeaveEntry(alice, nil))
	if c := b.change(); !slices.Equal(c.Removed, []membership.Access{{Endpoint: alice.ID(), Room: r.State.ID}}) ||
		!slices.Contains(c.Notify, bob.ID()) {
		t.Errorf("told %+v", c)
	}
	b.refused(second(b.s.Room(by(alice), r.State.ID)), "not_member")
}

// TestRemove silences whoever is removed and no other.
func TestRemove(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice, bob := b.Alice.Device(), b.Bob.Device()
	r := b.room(alice)
	b.add(alice, r, bus.RoleMember, b.Bob, b.Founder)
	b.told()
	b.append(alice, r, r.RemoveEntry(alice, []bus.AccountID{b.Bob.ID()}, nil))
	if c := b.change(); !slices.Equal(c.Removed, []membership.Access{{Endpoint: bob.ID(), Room: r.State.ID}}) ||
		len(c.Joined) != 0 || len(c.Cut) != 0 || !slices.Contains(c.Notify, bob.ID()) {
		t.Errorf("told %+v", c)
	}
	b.refused(second(b.s.RoomFacts(bob.ID(), r.State.ID)), "not_member")
	b.must(second(b.s.RoomFacts(b.Founder.Device().ID(), r.State.ID)))
}

// TestNewDeviceWaits: a device that the key in force was not sealed to reads
// over HTTP and has no place on the data plane until the next epoch.
func TestNewDeviceWaits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := b.Alice.Device()
	r := b.room(alice)
	phone := b.Alice.AddDevice("phone")
	b.sync(b.Alice, alice)
	b.must(second(b.s.RoomEntries(b.ctx(), by(phone), r.State.ID, 0)))
	if got, err := b.s.RoomsOf(by(phone), phone.ID()); err != nil || len(got) != 1 {
		t.Errorf("rooms %v, %v", got, err)
	}
	b.refused(second(b.s.RoomFacts(phone.ID(), r.State.ID)), "not_member")
	b.refused(second(b.s.Key(b.ctx(), by(phone), r.State.ID, 0, phone.ID())), "no_key")
	b.told()
	b.append(alice, r, r.Rekey(alice, roomlog.ReasonMoved))
	if c := b.change(); !slices.Equal(c.Joined, []membership.Access{{Endpoint: phone.ID(), Room: r.State.ID}}) {
		t.Errorf("told %+v, want the phone joined", c)
	}
	b.must(second(b.s.RoomFacts(phone.ID(), r.State.ID)))
}

// TestRightToWrite: a role that writes counts from the next epoch on, one that
// does not at once.
func TestRightToWrite(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := b.Alice.Device()
	r := b.room(alice)
	b.add(alice, r, bus.RoleReader, b.Bob)
	for _, step := range []struct {
		entry func() *chain.Entry
		write bool
	}{
		{func() *chain.Entry { return r.RoleEntry(alice, b.Bob, bus.RoleMember) }, false},
		{func() *chain.Entry { return r.Rekey(alice, roomlog.ReasonMoved) }, true},
		{func() *chain.Entry { return r.RoleEntry(alice, b.Bob, bus.RoleReader) }, false},
	} {
		b.append(alice, r, step.entry())
		if f, err := b.s.RoomFacts(b.Bob.Device().ID(), r.State.ID); err != nil || f.Write != step.write {
			t.Errorf("after entry %d: %+v, %v; want write %v", r.State.Len-1, f, err, step.write)
		}
	}
}

// TestEnvelopes: an epoch is stored with exactly one envelope for each of its
// audience, and its entry names each of them.
func TestEnvelopes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := b.Alice.Device()
	r := b.room(alice)
	b.add(alice, r, bus.RoleMember, b.Bob)
	good := envelopes(r.State.Epoch.Audience)
	e := r.Rekey(alice, roomlog.ReasonAsked)
	ghost := good[0]
	ghost.Endpoint = bus.EndpointID{7}
	other, serial := good[1], good[1]
	other.Sealed = bytes.Repeat([]byte{3}, len(other.Sealed))
	serial.Serial++
	many := slices.Repeat(good[:1], bus.MaxEnvelopes+1)
	for name, c := range map[string]struct {
		envs []wire.Envelope
		code string
	}{
		"none": {nil, "bad_audience"}, "one withheld": {good[:1], "bad_audience"},
		"a ghost": {append(slices.Clone(good), ghost), "bad_audience"}, "a ghost instead": {[]wire.Envelope{ghost, good[1]}, "bad_audience"},
		"one twice": {[]wire.Envelope{good[0], good[0]}, "bad_audience"}, "other bytes": {[]wire.Envelope{good[0], other}, "bad_audience"},
		"another serial": {[]wire.Envelope{good[0], serial}, "bad_audience"}, "too many": {many, "bad_envelopes"},
	} {
		_, err := b.s.AppendRoom(b.ctx(), by(alice), r.State.ID, wire.Append{Entry: e.Encode(), Envelopes: c.envs})
		if bus.CodeOf(err) != c.code {
			t.Errorf("%s: %v (%s), want %s", name, err, bus.CodeOf(err), c.code)
		}
	}
	// A refusal changes nothing that anybody sees.
	if got, err := b.s.Room(by(alice), r.State.ID); err != nil || got.Epoch != 2 || got.Log != r.State.Head() {
		t.Errorf("room %+v, %v; want it as before", got, err)
	}
	crooked := r.Rekey(alice, roomlog.ReasonAsked, func(st *roomlog.Start) { st.Root[0] ^= 1 })
	b.refused(b.offer(alice, r, crooked, r.State.Epoch.Audience), "bad_audience")
	b.append(alice, r, e)
	b.must(b.offer(alice, r, e, nil)) // an answer was lost
}

// TestStage commits envelopes that came before, of the author alone.
func TestStage(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *membership.Options) { o.Caps.Staged = 4 })
	alice, bob := b.Alice.Device(), b.Bob.Device()
	r := b.room(alice)
	b.add(alice, r, bus.RoleOwner, b.Bob)
	e := r.Rekey(alice, roomlog.ReasonAsked)
	envs := envelopes(r.State.Epoch.Audience)
	r.Must(e)
	id, root := r.State.ID, r.State.Epoch.Root
	offer := func() error {
		return second(b.s.AppendRoom(b.ctx(), by(alice), id, wire.Append{Entry: e.Encode()}))
	}
	b.must(b.s.Stage(b.ctx(), by(bob), id, root, envs))
	b.refused(offer(), "bad_audience") // bob's do not count
	b.must(b.s.Stage(b.ctx(), by(alice), id, root, envs[:1]))
	b.refused(offer(), "bad_audience")
	b.must(b.s.Stage(b.ctx(), by(alice), id, root, envs[1:]))
	b.refused(second(b.s.Key(b.ctx(), by(bob), id, 3, bob.ID())), "no_key") // not before the commit
	b.must(offer())
	if k, err := b.s.Key(b.ctx(), by(bob), id, 3, bob.ID()); err != nil || len(k.Leaves) != 2 {
		t.Errorf("key %+v, %v", k, err)
	}
	b.must(b.s.Stage(b.ctx(), by(alice), id, bus.Hash{1}, envs))
	b.must(b.s.Stage(b.ctx(), by(alice), id, bus.Hash{2}, envs))
	b.refused(b.s.Stage(b.ctx(), by(alice), id, bus.Hash{3}, envs[:1]), "stage_cap")
	b.refused(b.s.Stage(b.ctx(), by(alice), id, bus.Hash{3}, []wire.Envelope{{Sealed: []byte("x")}}), "bad_envelopes")
	b.refused(b.s.Stage(b.ctx(), stranger(b.NewDevice()), id, root, nil), "unauthenticated")
}

// TestStagedRoom makes a room whose envelopes came before it.
func TestStagedRoom(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := b.Alice.Device()
	r, n := b.newRoom(alice)
	b.must(b.s.Stage(b.ctx(), by(alice), r.State.ID, r.State.Epoch.Root, n.Envelopes))
	n.Envelopes = nil
	b.must(second(b.s.CreateRoom(b.ctx(), by(alice), n)))
	b.must(second(b.s.Key(b.ctx(), by(alice), r.State.ID, 1, alice.ID())))
}

// TestRecoveryKey gives what was sealed to an account's recovery endpoint to the
// account's devices, while both stand, and to nobody else.
func TestRecoveryKey(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice, bob := b.Alice.Device(), b.Bob.Device()
	recovery := b.Alice.AddRecovery()
	b.sync(b.Alice, alice)
	r := b.room(alice, func(c *roomlog.Create) { c.Recovery = true })
	b.add(alice, r, bus.RoleMember, b.Bob)
	id := r.State.ID
	found := b.Alice.AddDevice("found")
	b.sync(b.Alice, alice)
	bot := b.Alice.AddBot("bot", account.Rights{Scope: account.NewScope(account.VerbRead|account.VerbPublish, id)})
	b.sync(b.Alice, alice)
	ask := func(d *chaintest.Device) error { return second(b.s.Key(b.ctx(), by(d), id, 2, recovery)) }
	b.must(ask(alice))
	b.must(ask(found))
	for name, c := range map[string]struct {
		who  *chaintest.Device
		code string
	}{
		"another member":      {bob, "not_your_key"},
		"a bot with a scope":  {bot, "not_your_key"},
		"who is not a member": {b.Founder.Device(), "not_member"},
	} {
		if err := ask(c.who); bus.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	end := func(id bus.EndpointID) {
		e := b.AccountEntry(b.Alice, alice, account.OpRevoke, account.Revoke{By: account.ByEndpoint, Endpoint: id}.Encode(), alice.Content)
		b.MustAccount(b.Alice, e)
		b.sync(b.Alice, alice)
	}
	end(found.ID())
	b.refused(ask(found), "revoked")
	end(recovery)
	b.refused(ask(alice), "not_your_key")
}

// TestKey gives an envelope to the endpoint it was sealed to, while it is in
// the room, and to nobody else, not even of the same user.
func TestKey(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice, bob := b.Alice.Device(), b.Bob.Device()
	phone := b.Alice.AddDevice("phone")
	b.sync(b.Alice, alice)
	r := b.room(alice)
	b.add(alice, r, bus.RoleMember, b.Bob)
	id := r.State.ID
	rec, _ := r.State.Epoch.Recipient(bob.ID())
	for _, epoch := range []bus.Epoch{0, 2} {
		k, err := b.s.Key(b.ctx(), by(bob), id, epoch, bob.ID())
		b.must(err)
		leaves := make([]roomlog.Leaf, len(k.Leaves))
		for i, l := range k.Leaves {
			leaves[i] = roomlog.Leaf(l)
		}
		if !bytes.Equal(k.Sealed, chaintest.Envelope(rec)) || r.State.Epoch.CheckLeaves(id, leaves) != nil {
			t.Errorf("epoch %d: another envelope, or leaves that are not the root's", epoch)
		}
	}
	for name, err := range map[string]error{
		"another's":       second(b.s.Key(b.ctx(), by(bob), id, 2, alice.ID())),
		"of one's phone":  second(b.s.Key(b.ctx(), by(alice), id, 2, phone.ID())),
		"of nobody":       second(b.s.Key(b.ctx(), by(alice), id, 2, bus.EndpointID{})),
		"an admin's wish": second(b.s.Key(b.ctx(), by(bob), id, 2, b.Founder.Device().ID())),
	} {
		if bus.CodeOf(err) != "not_your_key" || bus.KindOf(err) != bus.Forbidden {
			t.Errorf("%s: %v, want not_your_key", name, err)
		}
	}
	b.refused(second(b.s.Key(b.ctx(), by(bob), id, 1, bob.ID())), "no_key") // before he came
	b.refused(second(b.s.Key(b.ctx(), by(bob), id, 99, bob.ID())), "no_key")
	b.refused(second(b.s.Key(b.ctx(), by(b.Founder.Device()), id, 2, b.Founder.Device().ID())), "not_member")
	b.append(alice, r, r.RemoveEntry(alice, []bus.AccountID{b.Bob.ID()}, nil))
	b.refused(second(b.s.Key(b.ctx(), by(bob), id, 2, bob.ID())), "not_member")
}

// TestRekeyOften: plain rekeys are at most one a minute, so that nobody can
// starve a removal; owners wait for owners only, and a removal for nobody, nor
// does the epoch that a new or a revoked device asks for.
func TestRekeyOften(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice, bob := b.Alice.Device(), b.Bob.Device()
	r := b.room(alice)
	b.add(alice, r, bus.RoleMember, b.Bob, b.Founder)
	try := func(d *chaintest.Device, why roomlog.Reason) error {
		e := r.Rekey(d, why)
		return b.offer(d, r, e, r.State.Epoch.Audience)
	}
	b.Pass(bus.EpochAge)
	b.append(bob, r, r.Rekey(bob, roomlog.ReasonAge))
	b.Bob.Device().Renew()
	b.sync(b.Bob, bob)
	b.refused(try(bob, roomlog.ReasonMoved), "rekey_often")
	b.append(alice, r, r.Rekey(alice, roomlog.ReasonAsked))
	b.refused(try(alice, roomlog.ReasonAsked), "rekey_often")
	b.append(alice, r, r.RemoveEntry(alice, []bus.AccountID{b.Founder.ID()}, nil))
	b.Pass(time.Minute)
	b.append(alice, r, r.Rekey(alice, roomlog.ReasonAsked))
	b.refused(try(bob, roomlog.ReasonMoved), "rekey_often")

	phone := b.Bob.AddDevice("phone")
	b.sync(b.Bob, bob)
	b.append(bob, r, r.Rekey(bob, roomlog.ReasonMoved))
	phone.Revoke()
	b.sync(b.Bob, phone)
	b.append(bob, r, r.Rekey(bob, roomlog.ReasonMoved))
	b.refused(try(bob, roomlog.ReasonMoved), "rekey_often")
}

// TestRekeyFrames: a member ends an epoch for its many frames only when the
// node has counted them.
func TestRekeyFrames(t *testing.T) {
	t.Parallel()
	var frames atomic.Uint64
	counted := errors.New("no count")
	for name, c := range map[string]struct {
		count func(context.Context, membership.RoomRecord, uint64) (uint64, error)
		code  string
	}{
		"nobody counts": {nil, "not_due"},
		"few":           {func(context.Context, membership.RoomRecord, uint64) (uint64, error) { return bus.EpochFrames - 1, nil }, "not_due"},
		"unknown":       {func(context.Context, membership.RoomRecord, uint64) (uint64, error) { return bus.EpochFrames, counted }, "failed"},
		"many": {func(_ context.Context, r membership.RoomRecord, after uint64) (uint64, error) {
			frames.Store(after)
			return bus.EpochFrames, nil
		}, ""},
	} {
		b := newBench(t, func(o *membership.Options) { o.Frames = c.count })
		alice, bob := b.Alice.Device(), b.Bob.Device()
		r := b.room(alice)
		e := r.AddEntry(alice, []roomlog.NewMember{{Account: b.Bob.ID(), Role: bus.RoleMember}}, nil,
			func(st *roomlog.Start) { st.Closing.Seq = 41 })
		b.append(alice, r, e)
		e = r.Rekey(bob, roomlog.ReasonFrames)
		err := b.offer(bob, r, e, r.State.Epoch.Audience)
		if err == nil && c.code != "" || err != nil && bus.CodeOf(err) != c.code {
			t.Errorf("%s: %v (%s), want %q", name, err, bus.CodeOf(err), c.code)
		}
	}
	if frames.Load() != 41 {
		t.Errorf("counted behind %d, want behind the closing frame 41", frames.Load())
	}
}

// TestEpochBegins: an epoch begins now, and closes with a frame that is stored.
func TestEpochBegins(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *membership.Options) {
		o.Newest = func(context.Context, membership.RoomRecord) (uint64, error) { return 41, nil }
	})
	alice := b.Alice.Device()
	r := b.room(alice)
	for name, c := range map[string]struct {
		back time.Duration
		seq  uint64
		code string
	}{
		"dated back":                 {time.Minute + time.Millisecond, 41, "bad_time"},
		"closed by a frame to come":  {0, 42, "bad_closing"},
		"as late as clocks may make": {time.Minute, 41, ""},
	} {
		b.Pass(2 * time.Minute)
		early := func() *chain.Entry {
			b.Pass(-c.back)
			defer b.Pass(c.back)
			return r.Rekey(alice, roomlog.ReasonAsked, func(st *roomlog.Start) { st.Closing.Seq = c.seq })
		}()
		err := b.offer(alice, r, early, r.State.Epoch.Audience)
		if err == nil && c.code != "" || err != nil && bus.CodeOf(err) != c.code {
			t.Errorf("%s: %v (%s), want %q", name, err, bus.CodeOf(err), c.code)
		}
		if err == nil {
			r.Must(early)
		}
	}
}

// TestEpochBeginsInDoubt: who cannot tell what is stored takes no epoch that names
// it, and one that names nothing.
func TestEpochBeginsInDoubt(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *membership.Options) {
		o.Newest = func(context.Context, membership.RoomRecord) (uint64, error) {
			return 41, bus.Errorf(bus.Unavailable, "store_unavailable", "the store does not answer")
		}
	})
	alice := b.Alice.Device()
	r := b.room(alice)
	e := r.Rekey(alice, roomlog.ReasonAsked, func(st *roomlog.Start) { st.Closing.Seq = 41 })
	b.refused(b.offer(alice, r, e, r.State.Epoch.Audience), "store_unavailable")
	b.append(alice, r, r.Rekey(alice, roomlog.ReasonAsked))
}

// TestAppendRace has many offer the next entry at once: one wins, the others
// are told the head.
func TestAppendRace(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := b.Alice.Device()
	r := b.room(alice)
	var entries [][]byte
	for i := range 16 {
		entries = append(entries, r.PolicyEntry(alice, time.Duration(i+1)*time.Hour, "x").Encode())
	}
	var wins atomic.Int32
	var group sync.WaitGroup
	for _, raw := range entries {
		group.Go(func() {
			got, err := b.s.AppendRoom(b.ctx(), by(alice), r.State.ID, wire.Append{Entry: raw})
			switch {
			case err == nil:
				wins.Add(1)
			case !errors.Is(err, bus.ErrBehind) || got.Head.Index != r.State.Len:
				t.Errorf("%+v, %v; want behind with the head", got, err)
			}
		})
	}
	group.Wait()
	if wins.Load() != 1 {
		t.Errorf("%d won, want 1", wins.Load())
	}
}

// TestParallel mixes what shares locks: rooms, users, devices, questions.
func TestParallel(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Pass(bus.KEMPause)
	alice, bob := b.Alice.Device(), b.Bob.Device()
	var rooms []wire.NewRoom
	for range 20 {
		_, n := b.newRoom(alice)
		rooms = append(rooms, n)
	}
	user := b.BusEntry(b.Founder.Device(), buslog.OpUser, buslog.User{Handle: "carol", Key: b.SigningKey().Public()}.Encode())
	renew := bob.KEMEntry(account.KEM{Serial: 2, Key: b.KEMKey().Public()})
	var group sync.WaitGroup
	for _, n := range rooms {
		group.Go(func() {
			// The user entry may overtake it: then it is behind, and nothing else.
			if _, err := b.s.CreateRoom(b.ctx(), by(alice), n); err != nil && !errors.Is(err, bus.ErrBehind) {
				t.Error(err)
			}
		})
	}
	group.Go(func() {
		if _, err := b.s.AppendBus(b.ctx(), by(b.Founder.Device()), user.Encode()); err != nil {
			t.Error(err)
		}
	})
	group.Go(func() {
		if _, err := b.s.AppendAccount(b.ctx(), by(bob), "bob", renew.Encode()); err != nil {
			t.Error(err)
		}
	})
	for range 4 {
		group.Go(func() {
			for range 200 {
				if _, err := b.s.Authorize(bob.Transport.Public()); err != nil {
					t.Error(err)
				}
				if _, err := b.s.RoomsOf(by(alice), alice.ID()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

// TestRate holds one author to his rate; what takes rights away always passes.
func TestRate(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *membership.Options) { o.Caps.Appends = 0.3 })
	admin := b.Founder.Device()
	invite := func(h bus.Handle) (*chaintest.Invited, error) {
		inv := b.NewInvite(h, bus.InviteLife)
		e := b.BusEntry(admin, buslog.OpInvite, inv.Encode())
		_, err := b.s.AppendBus(b.ctx(), by(admin), e.Encode())
		if err == nil {
			b.MustBus(e)
		}
		return inv, err
	}
	first, err := invite("one")
	b.must(err)
	for _, h := range []bus.Handle{"two", "three"} {
		_, err := invite(h)
		b.must(err)
	}
	_, err = invite("four")
	b.refused(err, "rate")
	b.bus(admin, buslog.OpInviteRevoke, first.ID[:])
	b.revoke(b.Bob)
	b.Pass(4 * time.Second)
	_, err = invite("four")
	b.must(err)
}

// TestLogCap bounds what one user makes every other read for ever.
func TestLogCap(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *membership.Options) { o.Caps.LogBytes = 6000 })
	alice := b.Alice.Device()
	r := b.room(alice)
	b.add(alice, r, bus.RoleMember, b.Bob)
	var err error
	for i := 0; i < 30 && err == nil; i++ {
		e := r.PolicyEntry(alice, time.Hour, string(bytes.Repeat([]byte("x"), 120)))
		if err = b.offer(alice, r, e, nil); err == nil {
			r.Must(e)
		}
	}
	b.refused(err, "log_cap")
	b.append(alice, r, r.RemoveEntry(alice, []bus.AccountID{b.Bob.ID()}, nil)) // takes rights away
	limits, err := b.s.Limits(b.ctx(), by(alice))
	b.must(err)
	for _, l := range limits {
		if l.Name == "log" && (l.Used < 5000 || l.Cap != 6000 || l.Unit != "bytes") {
			t.Errorf("limit %+v", l)
		}
		if l.Name == "rooms" && (l.Used != 1 || l.Cap != 50) {
			t.Errorf("limit %+v", l)
		}
		if l.Name == "invites" {
			t.Error("a user who is no admin has a cap of invites")
		}
	}
	limits, err = b.s.Limits(b.ctx(), by(b.Founder.Device()))
	b.must(err)
	if len(limits) != 7 || limits[0].Cap != 10_000 {
		t.Errorf("the admin's limits %+v", limits)
	}
}

// TestEnvelopesCount: what an epoch leaves with the node counts, and nobody
// starves a removal by adding people without end. Removals pass both.
func TestEnvelopesCount(t *testing.T) {
	t.Parallel()
	const cap = 20 << 10
	b := newBench(t, func(o *membership.Options) { o.Caps.SealBytes = cap })
	alice := b.Alice.Device()
	r, other := b.room(alice), b.room(alice)
	b.add(alice, other, bus.RoleOwner, b.Founder)
	bob := []roomlog.NewMember{{Account: b.Bob.ID(), Role: bus.RoleMember}}
	used := func() int64 {
		all, err := b.s.Limits(b.ctx(), by(alice))
		b.must(err)
		i := slices.IndexFunc(all, func(l wire.Limit) bool { return l.Name == "room_keys" })
		return all[i].Used
	}
	one := int64(len(chaintest.Envelope(r.State.Epoch.Audience[0])))
	if got := used(); got != 4*one {
		t.Errorf("two rooms of one endpoint, and one more in one of them: %d bytes, want %d", got, 4*one)
	}
	for used()+2*one <= cap {
		b.append(alice, r, r.AddEntry(alice, bob, nil))
		b.append(alice, r, r.RemoveEntry(alice, []bus.AccountID{b.Bob.ID()}, nil))
	}
	add := r.AddEntry(alice, bob, nil)
	_, to, err := r.State.Draft(b.World, roomlog.Change{Add: []roomlog.Member{{Account: b.Bob.ID(), Role: bus.RoleMember, Since: r.State.Len}}}, b.Now)
	b.must(err)
	b.refused(b.offer(alice, r, add, to), "seal_cap")
	// What another makes in her room is his, not hers; and she removes him still.
	before := used()
	b.append(b.Founder.Device(), other, other.AddEntry(b.Founder.Device(), bob, nil))
	if got := used(); got != before {
		t.Errorf("an epoch of another's in her room: got %d bytes, want %d as before", got, before)
	}
	b.append(alice, other, other.RemoveEntry(alice, []bus.AccountID{b.Bob.ID()}, nil))
	if got := used(); got <= before {
		t.Errorf("a removal at the cap: got %d bytes, want more than %d", got, before)
	}
	_, another := b.newRoom(alice)
	_, err = b.s.CreateRoom(b.ctx(), by(alice), another)
	b.refused(err, "seal_cap")
}

// TestAddsOften: a removal by another owner has its turn.
func TestAddsOften(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := b.Alice.Device()
	r := b.room(alice)
	b.add(alice, r, bus.RoleOwner, b.Founder)
	member := roomlog.NewMember{Account: b.Bob.ID(), Role: bus.RoleMember}
	try := func(d *chaintest.Device) error {
		e := r.AddEntry(d, []roomlog.NewMember{member}, nil)
		_, to, err := r.State.Draft(b.World, roomlog.Change{Add: []roomlog.Member{{Account: member.Account, Role: member.Role, Since: r.State.Len}}}, b.Now)
		b.must(err)
		err = b.offer(d, r, e, to)
		if err == nil {
			r.Must(e)
		}
		return err
	}
	out := func() { b.append(alice, r, r.RemoveEntry(alice, []bus.AccountID{b.Bob.ID()}, nil)) }
	for range 19 {
		b.must(try(alice))
		out()
	}
	b.refused(try(alice), "rate")
	b.must(try(b.Founder.Device()))
	out()
	b.Pass(3 * time.Second)
	b.must(try(alice))
}
