package membership_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/buslog"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

var errDisk = bus.Errorf(bus.Unavailable, "disk", "the disk failed").Because(errors.New("/dev/secret: SELECT * FROM entries"))

// revocation offers an entry that revokes bob.
func (b *bench) revocation() (*chain.Entry, func() error) {
	e := b.BusEntry(b.Founder.Device(), buslog.OpRevoke, buslog.Revoke{Handle: "bob"}.Encode())
	return e, func() error {
		_, err := b.s.AppendBus(b.ctx(), by(b.Founder.Device()), e.Encode())
		return err
	}
}

// TestNotStored: a commit that fails and is not there changes nothing.
func TestNotStored(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e, revoke := b.revocation()
	b.store.fail(errDisk, false, nil)
	b.refused(revoke(), "disk")
	b.must(second(b.s.Authorize(b.Bob.Device().Transport.Public())))
	if c := b.told(); len(c) != 0 {
		t.Errorf("told %+v", c)
	}
	b.store.fail(nil, false, nil)
	b.must(revoke())
	b.MustBus(e)
	b.refused(second(b.s.Authorize(b.Bob.Device().Transport.Public())), "revoked")
}

// TestStoredAfterAll: a commit that is reported as failed and is there counts.
func TestStoredAfterAll(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e, revoke := b.revocation()
	b.store.fail(errDisk, true, nil)
	b.must(revoke())
	b.MustBus(e)
	b.refused(second(b.s.Authorize(b.Bob.Device().Transport.Public())), "revoked")
	if c := b.change(); len(c.Cut) != 1 {
		t.Errorf("told %+v, want bob cut", c)
	}
}

// TestInDoubt: while nobody can say whether a revocation was stored, nobody is
// let in; once the store answers, the truth is taken in.
func TestInDoubt(t *testing.T) {
	t.Parallel()
	for name, stored := range map[string]bool{"stored": true, "not stored": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			alice, bob := b.Alice.Device(), b.Bob.Device()
			r := b.room(alice)
			_, n := b.newRoom(alice)
			b.told()
			e, revoke := b.revocation()
			b.store.fail(errDisk, stored, errDisk)
			b.refused(revoke(), "disk")
			b.Pass(2 * time.Second) // the store is asked again, in vain
			for what, err := range map[string]error{
				"authorize": second(b.s.Authorize(alice.Transport.Public())), "endpoint": second(b.s.Endpoint(alice.Transport.Public())),
				"facts": second(b.s.RoomFacts(alice.ID(), r.State.ID)), "room": second(b.s.Room(by(alice), r.State.ID)),
				"rooms": second(b.s.RoomsOf(by(alice), alice.ID())), "users": second(b.s.Users(by(alice))),
				"key":    second(b.s.Key(b.ctx(), by(alice), r.State.ID, 1, alice.ID())),
				"create": second(b.s.CreateRoom(b.ctx(), by(alice), n)), "again": revoke(),
				"append": second(b.s.AppendRoom(b.ctx(), by(alice), r.State.ID, wire.Append{Entry: r.PolicyEntry(alice, time.Hour, "x").Encode()})),
				"blob":   second(b.s.MayRead(b.ctx(), by(alice), bus.Hash{1})),
				"health": b.s.Healthy(),
			} {
				if bus.CodeOf(err) != "store_unavailable" {
					t.Errorf("%s: %v (%s), want a refusal", what, err, bus.CodeOf(err))
				}
			}
			if b.s.HasAdmin() {
				t.Error("in doubt there is no admin")
			}
			b.store.fail(nil, false, nil)
			b.refused(second(b.s.Authorize(bob.Transport.Public())), "store_unavailable") // it was just asked
			b.Pass(2 * time.Second)
			err := second(b.s.Authorize(bob.Transport.Public()))
			if stored {
				b.MustBus(e)
				b.refused(err, "revoked")
				if c := b.change(); len(c.Cut) != 1 {
					t.Errorf("told %+v, want bob cut", c)
				}
				return
			}
			b.must(err)
			b.must(b.s.Healthy())
			b.must(revoke())
		})
	}
}

// TestReadsFail: questions that need the store deny when it does not answer,
// and say nothing of its insides.
func TestReadsFail(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := b.Alice.Device()
	r := b.room(alice)
	b.store.fail(nil, false, errDisk)
	for name, err := range map[string]error{
		"bus log": second(b.s.Bus(b.ctx(), by(alice), 0)), "chain": second(b.s.AccountEntries(b.ctx(), by(alice), "bob", 0)),
		"room log": second(b.s.RoomEntries(b.ctx(), by(alice), r.State.ID, 0)),
		"key":      second(b.s.Key(b.ctx(), by(alice), r.State.ID, 1, alice.ID())),
		"stage":    b.s.Stage(b.ctx(), by(alice), r.State.ID, bus.Hash{}, nil),
		"blob":     second(b.s.MayRead(b.ctx(), by(alice), bus.Hash{1})), "upload": b.s.AddBlob(b.ctx(), by(alice), whole(1, membership.Scope{})),
		"may upload": b.s.MayUpload(b.ctx(), by(alice), membership.Scope{}, 1), "limits": second(b.s.Limits(b.ctx(), by(alice))),
		"delete": b.s.DeleteBlob(b.ctx(), by(alice), nil, bus.Hash{1}),
		"open":   second(membership.Open(b.ctx(), b.store, membership.Options{})),
	} {
		if bus.CodeOf(err) != "disk" || strings.Contains(err.Error(), "SELECT") || strings.Contains(err.Error(), "/dev") {
			t.Errorf("%s: %v (%s), want the store's own refusal", name, err, bus.CodeOf(err))
		}
	}
}

// TestClosedStore denies everything that needs it, and lets nobody write.
func TestClosedStore(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, revoke := b.revocation()
	b.must(b.store.Close())
	b.store.gone = true
	b.refused(second(b.s.Bus(b.ctx(), by(b.Alice.Device()), 0)), "store_closed")
	b.refused(revoke(), "store_closed")
	b.refused(second(b.s.Authorize(b.Alice.Device().Transport.Public())), "store_unavailable")
}

// TestSlowStore bounds every read: a store that hangs holds nobody for long.
func TestSlowStore(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	slow := &hanging{Store: b.store}
	s, err := membership.Open(b.ctx(), slow, membership.Options{Now: func() time.Time { return b.Now }})
	b.must(err)
	if _, err := s.Bus(b.ctx(), by(b.Alice.Device()), 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
	if slow.left <= 0 || slow.left > membership.OpTimeout {
		t.Errorf("a read may take %s, want at most %s", slow.left, membership.OpTimeout)
	}
}

// hanging is a store whose reads wait for their context; it notes how long it
// had and does not really wait.
type hanging struct {
	membership.Store
	left time.Duration
}

func (h *hanging) Entries(ctx context.Context, _ membership.Log, _ chain.ID, _ uint32, _ int) ([][]byte, error) {
	if at, ok := ctx.Deadline(); ok {
		h.left = time.Until(at)
	}
	return nil, context.DeadlineExceeded
}
