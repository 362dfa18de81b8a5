package membership_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

// granted counts the grants of alice's account.
func (b *bench) granted() int {
	b.t.Helper()
	n, err := b.store.GrantCount(b.ctx(), b.Alice.ID())
	b.must(err)
	return n
}

// TestGrantToTheGone: nothing is kept for who has lost his place, also where no
// epoch says so yet; the others of a request get theirs.
func TestGrantToTheGone(t *testing.T) {
	t.Parallel()
	for name, goes := range map[string]func(*bench, *chaintest.Room, *chaintest.Device){
		"revoked device": func(b *bench, _ *chaintest.Room, phone *chaintest.Device) {
			phone.Revoke()
			b.sync(b.Bob, phone)
		},
		"a device whose time is over": func(b *bench, _ *chaintest.Room, _ *chaintest.Device) { b.Pass(time.Hour + time.Second) },
		"revoked user":                func(b *bench, _ *chaintest.Room, _ *chaintest.Device) { b.revoke(b.Bob) },
		"member who left": func(b *bench, r *chaintest.Room, _ *chaintest.Device) {
			b.append(b.Bob.Device(), r, r.LeaveEntry(b.Bob.Device(), nil))
		},
		"member who was removed": func(b *bench, r *chaintest.Room, _ *chaintest.Device) {
			b.append(b.Alice.Device(), r, r.RemoveEntry(b.Alice.Device(), []bus.AccountID{b.Bob.ID()}, nil))
		},
	} {
		b := newBench(t)
		alice, boss := b.Alice.Device(), b.Founder.Device()
		r := b.room(alice)
		phone := b.Bob.AddBot("phone", account.Rights{NotAfter: b.Now.Add(time.Hour)})
		b.sync(b.Bob, b.Bob.Device())
		b.add(alice, r, bus.RoleMember, b.Bob, b.Founder)
		goes(b, r, phone)
		b.must(b.s.Grant(b.ctx(), by(alice), r.State.ID, 2, []wire.Grant{grantTo(phone.ID(), 1), grantTo(boss.ID(), 1)}))
		if n := b.granted(); n != 1 {
			t.Errorf("%s: %d grants of two are kept, want that of somebody else", name, n)
		}
	}
}

// TestGrantToGuests: an invite that may still be taken up inherits, and no other.
func TestGrantToGuests(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := b.Alice.Device()
	r := b.room(alice)
	open, ended := b.invite("carol"), b.invite("dave")
	b.append(alice, r, r.AddEntry(alice, nil, []roomlog.NewGuest{{Invite: open.ID, Role: bus.RoleMember}, {Invite: ended.ID, Role: bus.RoleMember}}))
	b.bus(b.Founder.Device(), 2, ended.ID[:])
	for inv, want := range map[*chaintest.Invited]int{ended: 0, open: 1} {
		b.must(b.s.Grant(b.ctx(), by(alice), r.State.ID, 2, []wire.Grant{grantTo(inv.Endpoint(), 1)}))
		if n, err := b.store.GrantsTo(b.ctx(), r.State.ID, bus.AccountID{}, []bus.EndpointID{inv.Endpoint()}); err != nil || n != want {
			t.Errorf("%d grants to the invite of %s, %v; want %d", n, inv.Handle, err, want)
		}
	}
}

// TestGrantBounds: others hand on so much to one user, and of so many epochs, that
// he makes nobody seal without end; what he hands on to himself does not count.
func TestGrantBounds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice, bob, boss := b.Alice.Device(), b.Bob.Device(), b.Founder.Device()
	r := b.room(alice)
	for range bus.MaxGrantEpochs {
		b.Pass(time.Minute)
		b.append(alice, r, r.Rekey(alice, roomlog.ReasonAsked))
	}
	devices := []*chaintest.Device{bob}
	for len(devices)*bus.MaxGrantEpochs <= bus.MaxHeirGrants {
		devices = append(devices, b.Bob.AddDevice(fmt.Sprint("phone ", len(devices))))
		b.sync(b.Bob, bob)
	}
	b.add(alice, r, bus.RoleMember, b.Bob, b.Founder)
	since := r.State.Epoch.Number
	give := func(by *chaintest.Device, to *chaintest.Device, from bus.Epoch) {
		t.Helper()
		var all []wire.Grant
		for epoch := from; epoch < since && len(all) < bus.MaxEnvelopes; epoch++ {
			all = append(all, grantTo(to.ID(), epoch))
		}
		b.must(b.s.Grant(b.ctx(), membership.Signer{Transport: by.Transport.Public()}, r.State.ID, since, all))
	}
	kept := func(who *chaintest.Person, d *chaintest.Device) int {
		t.Helper()
		n, err := b.store.GrantsTo(b.ctx(), r.State.ID, who.ID(), []bus.EndpointID{d.ID()})
		b.must(err)
		return n
	}
	give(alice, devices[0], 1)
	if n := kept(b.Bob, bob); n != bus.MaxGrantEpochs-1 {
		t.Errorf("%d keys of %d are kept, want all but that of the first epoch", n, bus.MaxGrantEpochs)
	}
	for _, d := range devices {
		give(alice, d, 2)
	}
	last := devices[len(devices)-1]
	if n := kept(b.Bob, last); b.granted() != bus.MaxHeirGrants || n != 0 {
		t.Errorf("bob is handed on %d keys by alice, want %d; his last device %d, want 0", b.granted(), bus.MaxHeirGrants, n)
	}
	give(bob, last, 2)
	if got, err := b.s.Grants(b.ctx(), by(last), r.State.ID, last.ID(), 0); err != nil || len(got.Items) != bus.MaxGrantEpochs {
		t.Errorf("he hands on %d keys to himself, %v; want %d", len(got.Items), err, bus.MaxGrantEpochs)
	}
	give(alice, boss, 2)
	if n := kept(b.Founder, boss); n != bus.MaxGrantEpochs {
		t.Errorf("somebody else is handed on %d keys, want %d", n, bus.MaxGrantEpochs)
	}
}

// TestGrantsInParallel: requests at the same time do not pass a cap together.
func TestGrantsInParallel(t *testing.T) {
	t.Parallel()
	for name, cap := range map[string]func(*bench, *membership.Caps){
		"grants": func(_ *bench, c *membership.Caps) { c.Grants = 1 },
		"bytes":  func(b *bench, c *membership.Caps) { c.SealBytes = b.usedKeys(b.s, b.Alice.Device()) + sealedSize },
	} {
		b := newBench(t)
		r, phone := b.shared(t)
		alice, bob := b.Alice.Device(), b.Bob.Device()
		var caps membership.Caps
		cap(b, &caps)
		b.s = b.open(func(o *membership.Options) { o.Caps.Grants, o.Caps.SealBytes = caps.Grants, caps.SealBytes })
		var group sync.WaitGroup
		var taken atomic.Int32
		offer := func(since bus.Epoch, g wire.Grant) {
			group.Go(func() {
				if b.s.Grant(b.ctx(), by(alice), r.State.ID, since, []wire.Grant{g}) == nil {
					taken.Add(1)
				}
			})
		}
		for epoch := range bus.Epoch(3) {
			offer(4, grantTo(phone.ID(), epoch+1))
			if epoch < 2 {
				offer(3, grantTo(bob.ID(), epoch+1))
			}
		}
		group.Wait()
		if taken.Load() != 1 || b.granted() != 1 {
			t.Errorf("%s: %d requests were taken, %d grants are kept, want 1", name, taken.Load(), b.granted())
		}
	}
}

// TestSealedWithGrants: earlier keys that somebody handed on count with the
// envelopes of his next epoch, but for removals.
func TestSealedWithGrants(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r, _ := b.shared(t)
	alice, bob := b.Alice.Device(), b.Bob.Device()
	b.must(b.s.Grant(b.ctx(), by(alice), r.State.ID, 3, []wire.Grant{grantTo(bob.ID(), 1), grantTo(bob.ID(), 2)}))
	room := b.usedKeys(b.s, alice) + int64(len(r.State.Epoch.Audience))*sealedSize
	b.Pass(2 * time.Minute)
	for _, short := range []int64{1, 0} {
		b.s = b.open(func(o *membership.Options) { o.Caps.SealBytes = room - short })
		err := b.offer(alice, r, r.Rekey(alice, roomlog.ReasonAsked), r.State.Epoch.Audience)
		if want := map[int64]string{1: "seal_cap", 0: ""}[short]; codeOf(err) != want {
			t.Errorf("an epoch with %d bytes too many: %v, want %q", short, err, want)
		}
	}
}
