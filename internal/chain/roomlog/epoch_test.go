package roomlog_test

import (
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/buslog"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
)

func TestEpoch(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	d := w.Alice.Device()
	r := w.Room(d)
	first := r.State.Epoch
	if first.Number != 1 || first.Index != 1 || first.Prev != r.Log[0].Hash() || first.Entry != r.Log[1].Hash() ||
		first.Actor != d.ID() || !first.Started.Equal(w.Now) || !first.NotAfter.Equal(w.Now.Add(bus.EpochLife)) {
		t.Errorf("the first epoch is %+v", first)
	}
	w.Pass(time.Minute)
	closing := roomlog.Closing{Seq: 7, Frame: bus.Prefix{8}}
	r.Must(r.Rekey(d, roomlog.ReasonAsked, func(st *roomlog.Start) { st.Closing = closing; st.Name = []byte("two") }))
	if second := r.State.Epoch; second == first || second.Number != 2 || second.Closing != closing || second.Prev != first.Entry ||
		string(r.State.Name) != "two" || r.State.NameEpoch != 2 {
		t.Errorf("the second epoch is %+v", second)
	}
	if first.Number != 1 || first.Closing != (roomlog.Closing{}) {
		t.Error("an epoch that was handed out changed")
	}

	rekey := func(tweak chaintest.Tweak) *chain.Entry { return r.Rekey(d, roomlog.ReasonAsked, tweak) }
	life := func(l time.Duration) *chain.Entry {
		return rekey(func(st *roomlog.Start) { st.NotAfter = w.Now.Add(l) })
	}
	number := func(n bus.Epoch) *chain.Entry { return rekey(func(st *roomlog.Start) { st.Epoch = n }) }
	check(t, w, r,
		offer{"the next number", number(3), ""},
		offer{"the same number", number(2), "not_allowed"},
		offer{"a number left out", number(4), "not_allowed"},
		offer{"number 0", number(0), "not_allowed"},
		offer{"the highest number", number(1<<64 - 1), "not_allowed"},
		offer{"for a day", life(bus.EpochAge), ""},
		offer{"for less than a day", life(bus.EpochAge - time.Millisecond), "not_allowed"},
		offer{"for no time", life(0), "not_allowed"},
		offer{"for more than a week", life(bus.EpochLife + time.Millisecond), "not_allowed"},
		offer{"for ever", rekey(func(st *roomlog.Start) { st.NotAfter = time.UnixMilli(1<<63 - 1) }), "bad_entry"},
		offer{"until before time", rekey(func(st *roomlog.Start) { st.NotAfter = time.UnixMilli(-1 << 63) }), "bad_entry"},
		offer{"for no reason", r.Rekey(d, 0), "bad_entry"},
		offer{"for an unknown reason", r.Rekey(d, 7), "bad_entry"},
	)
}

// TestMemberRekeys holds a member, who is no owner, to the reason he gives.
func TestMemberRekeys(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	a, b := w.Alice.Device(), w.Bob.Device()
	r := w.Room(a)
	r.Add(a, bus.RoleMember, w.Bob, w.Founder)
	by := func(why roomlog.Reason) *chain.Entry { return r.Rekey(b, why) }
	check(t, w, r,
		offer{"asked", by(roomlog.ReasonAsked), "not_due"},
		offer{"young", by(roomlog.ReasonAge), "not_due"},
		offer{"nothing moved", by(roomlog.ReasonMoved), "not_due"},
		offer{"nobody left", by(roomlog.ReasonLeft), "not_due"},
		offer{"many frames, for the node to judge", by(roomlog.ReasonFrames), ""},
	)
	w.Founder.Device().Renew()
	check(t, w, r, offer{"a kem key moved", by(roomlog.ReasonMoved), ""})
	r.Must(by(roomlog.ReasonMoved))
	check(t, w, r, offer{"nothing moved since", by(roomlog.ReasonMoved), "not_due"})
	w.Pass(bus.EpochAge - time.Millisecond)
	check(t, w, r, offer{"almost a day old", by(roomlog.ReasonAge), "not_due"})
	w.Pass(time.Millisecond)
	check(t, w, r, offer{"a day old", by(roomlog.ReasonAge), ""})
	w.Promote(w.Alice)
	w.MustBus(w.BusEntry(w.Alice.Device(), buslog.OpRevoke, buslog.Revoke{Handle: w.Founder.Handle}.Encode(), w.Org))
	check(t, w, r, offer{"somebody was revoked", by(roomlog.ReasonMoved), ""})
}

// TestTimeGoesBack lets clocks differ by five minutes and no more.
func TestTimeGoesBack(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	d := w.Alice.Device()
	r := w.Room(d)
	w.Pass(time.Hour)
	r.Must(r.Rekey(d, roomlog.ReasonAsked))
	w.Pass(-4 * time.Minute)
	r.Must(r.Rekey(d, roomlog.ReasonAsked))
	w.Pass(-time.Minute)
	r.Must(r.PolicyEntry(d, time.Hour, "x"))
	w.Pass(-time.Millisecond)
	check(t, w, r, offer{"five minutes and a bit", r.Rekey(d, roomlog.ReasonAsked), "bad_time"})
}
