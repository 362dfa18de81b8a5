package membership_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
	"unibus/internal/membership"
)

// envelopeOf is what was sealed to a device in the epoch in force.
func envelopeOf(r *chaintest.Room, d *chaintest.Device) (envelope bus.Hash) {
	for _, l := range chaintest.Leaves(r.State.Epoch.Audience) {
		if l.Endpoint == d.ID() {
			envelope = l.Envelope
		}
	}
	return envelope
}

// complaint is d's, of an envelope in the epoch in force.
func complaint(r *chaintest.Room, d *chaintest.Device, envelope bus.Hash) *chain.Entry {
	return r.Entry(d, roomlog.OpRekey, roomlog.Rekey{Reason: roomlog.ReasonBroken, Start: r.Start(roomlog.Change{}),
		Complaint: roomlog.Complaint{Epoch: r.State.Epoch.Number, Envelope: envelope}}.Encode())
}

// TestComplaint takes a complaint that names the envelope its author got, and
// has it wait for nobody's rekeys.
func TestComplaint(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice, bob := b.Alice.Device(), b.Bob.Device()
	r := b.room(alice)
	b.add(alice, r, bus.RoleMember, b.Bob)
	says := func(envelope bus.Hash) *chain.Entry { return complaint(r, bob, envelope) }
	to := r.State.Epoch.Audience
	b.refused(b.offer(bob, r, says(bus.Hash{1}), to), "not_due")
	b.refused(b.offer(bob, r, says(bus.Hash{}), to), "not_due") // that he got none
	b.append(bob, r, says(envelopeOf(r, bob)))

	b.append(alice, r, r.Rekey(alice, roomlog.ReasonAsked))
	b.append(bob, r, says(envelopeOf(r, bob))) // in the same minute
	for range 3 {
		b.Pass(time.Minute)
		b.append(alice, r, r.Rekey(alice, roomlog.ReasonAsked))
		b.append(bob, r, says(envelopeOf(r, bob)))
	}

	b.Pass(time.Minute)
	b.append(alice, r, r.Rekey(alice, roomlog.ReasonAsked))
	b.must(b.store.DeleteKeys(b.ctx(), r.State.ID, r.State.Epoch.Number)) // a damaged disk
	b.append(bob, r, says(bus.Hash{}))
}

// TestComplaintStands: what a complaint began lasts for a minute against all
// others, so that members who complain of each other starve nobody.
func TestComplaintStands(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice, bob, boss := b.Alice.Device(), b.Bob.Device(), b.Founder.Device()
	r := b.room(alice)
	b.add(alice, r, bus.RoleMember, b.Bob, b.Founder)
	of := func(d *chaintest.Device) *chain.Entry { return complaint(r, d, envelopeOf(r, d)) }
	b.append(bob, r, of(bob))
	for name, d := range map[string]*chaintest.Device{"of whom it names": alice, "of somebody else": boss} {
		if err := b.offer(d, r, of(d), r.State.Epoch.Audience); codeOf(err) != "rekey_often" {
			t.Errorf("the complaint %s, at once: %v", name, err)
		}
	}
	b.append(alice, r, r.RemoveEntry(alice, []bus.AccountID{b.Founder.ID()}, nil)) // waits for none
	b.append(bob, r, of(bob))
	b.Pass(time.Minute)
	b.append(alice, r, of(alice))
	b.refused(b.offer(bob, r, of(bob), r.State.Epoch.Audience), "rekey_often")
}

// TestFramesCount: the frames that let a member end an epoch are those behind what
// the node had when it began, whatever its author names.
func TestFramesCount(t *testing.T) {
	t.Parallel()
	var newest, after atomic.Uint64
	var away atomic.Bool
	counts := func(o *membership.Options) {
		o.Newest = func(context.Context, membership.RoomRecord) (uint64, error) {
			if away.Load() {
				return 0, bus.Errorf(bus.Unavailable, "store_unavailable", "the store does not answer")
			}
			return newest.Load(), nil
		}
		o.Frames = func(_ context.Context, _ membership.RoomRecord, behind uint64) (uint64, error) {
			after.Store(behind)
			return newest.Load() - behind, nil
		}
	}
	b := newBench(t, counts)
	alice, bob := b.Alice.Device(), b.Bob.Device()
	r := b.room(alice)
	due := func(want uint64, code string) {
		t.Helper()
		b.Pass(2 * time.Minute)
		err := b.offer(bob, r, r.Rekey(bob, roomlog.ReasonFrames), r.State.Epoch.Audience)
		if code != codeOf(err) || after.Load() != want {
			t.Errorf("counted behind %d, want %d: %v, want %q", after.Load(), want, err, code)
		}
	}
	add := func(p *chaintest.Person, closing uint64) {
		t.Helper()
		b.append(alice, r, r.AddEntry(alice, []roomlog.NewMember{{Account: p.ID(), Role: bus.RoleMember}}, nil,
			func(st *roomlog.Start) { st.Closing.Seq = closing }))
	}
	newest.Store(bus.EpochFrames + 10)
	add(b.Bob, 0) // as if nothing had been sent
	due(bus.EpochFrames+10, "not_due")
	newest.Store(2*bus.EpochFrames + 9)
	due(bus.EpochFrames+10, "not_due")

	away.Store(true)
	add(b.Founder, 0) // the node cannot tell then, and counts from when it is asked
	away.Store(false)
	due(newest.Load(), "not_due")

	newest.Add(bus.EpochFrames)
	e := r.Rekey(bob, roomlog.ReasonFrames)
	b.append(bob, r, e)

	newest.Add(bus.EpochFrames) // nothing is known of an epoch after a restart
	b.s = b.open(counts)
	due(newest.Load(), "not_due")
}

// TestLeaveCloses: who leaves names a last frame that is stored, or none: what he
// sends behind it counts no more.
func TestLeaveCloses(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	b := newBench(t, func(o *membership.Options) {
		o.Newest = func(context.Context, membership.RoomRecord) (uint64, error) {
			if away.Load() {
				return 0, bus.Errorf(bus.Unavailable, "store_unavailable", "the store does not answer")
			}
			return 41, nil
		}
	})
	alice, bob, boss := b.Alice.Device(), b.Bob.Device(), b.Founder.Device()
	r := b.room(alice)
	b.add(alice, r, bus.RoleMember, b.Bob, b.Founder)
	leave := func(d *chaintest.Device, seq uint64) *chain.Entry {
		return r.Entry(d, roomlog.OpLeave, roomlog.Leave{Closing: roomlog.Closing{Seq: seq}}.Encode())
	}
	b.refused(b.offer(bob, r, leave(bob, 42), nil), "bad_closing")
	away.Store(true)
	b.refused(b.offer(bob, r, leave(bob, 41), nil), "store_unavailable")
	b.append(boss, r, leave(boss, 0))
	away.Store(false)
	b.append(bob, r, leave(bob, 41))
}
