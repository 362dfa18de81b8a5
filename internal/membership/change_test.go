package membership_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

// TestChangedAsks: who is told of a change may ask the Service about it, finds
// it in force, and holds up nobody, also when the store was in doubt.
func TestChangedAsks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.room(b.Alice.Device())
	b.add(b.Alice.Device(), r, bus.RoleMember, b.Bob)
	var told int
	var s *membership.Service
	s = b.open(func(o *membership.Options) {
		o.Changed = func(c membership.Change) {
			told++
			b.refused(second(s.Authorize(b.Bob.Device().Transport.Public())), "revoked")
			b.refused(second(s.RoomFacts(c.Removed[0].Endpoint, c.Removed[0].Room)), "not_member")
		}
	})
	e, _ := b.revocation()
	b.store.fail(errDisk, true, errDisk)
	b.refused(second(s.AppendBus(b.ctx(), by(b.Founder.Device()), e.Encode())), "disk")
	b.store.fail(nil, false, nil)
	b.Pass(2 * time.Second)
	b.must(second(s.Authorize(b.Alice.Device().Transport.Public())))
	b.s = s
	if told != 1 {
		t.Errorf("told %d times, want once", told)
	}
}

// TestChangesInOrder: parallel commits are told one by one, each before its
// own call returns.
func TestChangesInOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := b.Alice.Device()
	var news []wire.NewRoom
	for range 16 {
		_, n := b.newRoom(alice)
		news = append(news, n)
	}
	var mu sync.Mutex
	known := map[bus.RoomID]bool{}
	var busy atomic.Bool
	s := b.open(func(o *membership.Options) {
		o.Changed = func(c membership.Change) {
			if !busy.CompareAndSwap(false, true) {
				t.Error("two changes at once")
			}
			defer busy.Store(false)
			mu.Lock()
			defer mu.Unlock()
			known[c.Moved[0]] = true
		}
	})
	var group sync.WaitGroup
	for _, n := range news {
		group.Go(func() {
			room, err := s.CreateRoom(b.ctx(), by(alice), n)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if !known[room.ID] {
				t.Error("the call returned before its change was told")
			}
		})
	}
	group.Wait()
	b.s = s
	if len(known) != len(news) {
		t.Errorf("%d rooms told of, want %d", len(known), len(news))
	}
}

// TestTip moves with every chain that a room rests on, and with no other.
func TestTip(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := b.Alice.Device()
	r := b.room(alice)
	b.add(alice, r, bus.RoleMember, b.Bob)
	get := func() bus.Prefix {
		f, err := b.s.RoomFacts(alice.ID(), r.State.ID)
		b.must(err)
		room, err := b.s.Room(by(alice), r.State.ID)
		b.must(err)
		heads := []bus.Head{}
		for _, m := range r.State.Members() {
			heads = append(heads, b.Account(m.Account).Head())
		}
		if want := wire.Tip(b.Bus().Head(), r.State.Head(), heads); f.Tip != want || room.Tip != want {
			t.Errorf("tips %s and %s, want %s", f.Tip, room.Tip, want)
		}
		return f.Tip
	}
	last := get()
	for name, c := range map[string]struct {
		do    func()
		moves bool
	}{
		"bus log":         {func() { b.invite("carol") }, true},
		"room log":        {func() { b.append(alice, r, r.PolicyEntry(alice, time.Hour, "x")) }, true},
		"member's chain":  {func() { b.Bob.Device().Renew(); b.sync(b.Bob, b.Bob.Device()) }, true},
		"another room":    {func() { b.room(alice) }, false},
		"another's chain": {func() { b.Founder.Device().Renew(); b.sync(b.Founder, b.Founder.Device()) }, false},
	} {
		c.do()
		now := get()
		if (now != last) != c.moves {
			t.Errorf("%s: the tip moved %v, want %v", name, now != last, c.moves)
		}
		last = now
	}
}

// TestMakeAndClose: making and closing rooms in turn is bounded by what one
// may write.
func TestMakeAndClose(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *membership.Options) { o.Caps.LogBytes = 8000 })
	alice := b.Alice.Device()
	for range 20 {
		r, n := b.newRoom(alice)
		if _, err := b.s.CreateRoom(b.ctx(), by(alice), n); err != nil {
			b.refused(err, "log_cap")
			return
		}
		b.append(alice, r, r.CloseEntry(alice))
	}
	t.Error("twenty rooms fit into 8,000 bytes")
}

// TestPromotion: rights follow the bus log at once, both ways.
func TestPromotion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := b.Alice.Device()
	role := func(r bus.UserRole) []byte { return buslog.Role{Handle: "alice", Role: r}.Encode() }
	b.bus(b.Founder.Device(), buslog.OpRole, role(bus.RoleAdmin))
	if got, err := b.s.Authorize(alice.Transport.Public()); err != nil || !got.Admin {
		t.Errorf("alice is %+v, %v", got, err)
	}
	e := b.BusEntry(b.Founder.Device(), buslog.OpRole, role(bus.RoleUser), b.Org)
	b.must(second(b.s.AppendBus(b.ctx(), by(b.Founder.Device()), e.Encode())))
	b.MustBus(e)
	if got, err := b.s.Authorize(alice.Transport.Public()); err != nil || got.Admin {
		t.Errorf("alice is %+v, %v", got, err)
	}
	end := account.Revoke{By: account.ByAdmin, Endpoint: b.Bob.Device().ID(), At: b.Alice.Head()}
	raw := b.AccountEntry(b.Bob, alice, account.OpRevoke, end.Encode(), alice.Content).Encode()
	b.refused(second(b.s.AppendAccount(b.ctx(), by(alice), "bob", raw)), "not_allowed")
}
