package control

import (
	"encoding/json"
	"sync/atomic"
	"testing"

	"unibus/internal/chain/buslog"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

// TestBehind hands the head to who came second.
func TestBehind(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	admin := r.w.Founder.Device()
	late := r.w.BusEntry(admin, buslog.OpUser, buslog.User{Handle: "late", Key: r.w.SigningKey().Public()}.Encode())
	r.w.Bare("carol")
	first := r.w.BusLog[len(r.w.BusLog)-1]
	r.expect("first", r.post(admin, "/log", wire.Append{Entry: first.Encode()}), 200, "")
	got := r.post(admin, "/log", wire.Append{Entry: late.Encode()})
	r.expect("second", got, 409, "behind")
	if got.Head == nil || *got.Head != first.Head() {
		t.Errorf("head: got %v, want %v", got.Head, first.Head())
	}
	r.expect("first again", r.post(admin, "/log", wire.Append{Entry: first.Encode()}), 200, "")
}

// TestCut tells the author how many connections his entry closed.
func TestCut(t *testing.T) {
	t.Parallel()
	var cuts atomic.Int64
	r := newRig(t, func(o *Options, m *membership.Options) {
		o.Cuts = func() int { return int(cuts.Load()) }
		m.Changed = func(c membership.Change) { cuts.Add(int64(3 * len(c.Cut))) }
	})
	r.w.Revoke(r.w.Bob)
	got := r.post(r.w.Founder.Device(), "/log", wire.Append{Entry: r.w.BusLog[len(r.w.BusLog)-1].Encode()})
	var done wire.Appended
	if err := json.Unmarshal(got.body, &done); err != nil || done.Cut != 3 {
		t.Errorf("got %s, want 3 cut", got.body)
	}
}
