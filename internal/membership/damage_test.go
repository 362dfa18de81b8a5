package membership_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/chaintest"
	"unibus/internal/membership"
	"unibus/internal/membership/sqlite"
)

// grown is the file of a store that holds one of everything.
func grown(t *testing.T) (file []byte, r *chaintest.Room, b *bench) {
	t.Helper()
	b = newBench(t)
	alice := b.Alice.Device()
	inv := b.invite("carol")
	r = b.room(alice)
	b.add(alice, r, bus.RoleMember, b.Bob)
	b.guest(alice, r, inv)
	gone := b.room(alice)
	b.append(alice, gone, gone.CloseEntry(alice))
	b.must(b.s.AddBlob(b.ctx(), by(alice), whole(1, membership.Scope(r.State.ID))))
	b.must(b.store.SetMeta(b.ctx(), "mode", []byte("enforce")))
	b.must(b.store.Close())
	b.store.gone = true
	file, err := os.ReadFile(filepath.Join(b.dir, "membership.db"))
	b.must(err)
	return file, r, b
}

// reading is all that a store says, for comparison.
func reading(ctx context.Context, file []byte, dir string, r *chaintest.Room, bob bus.EndpointID) (got []any, err error) {
	if err := os.WriteFile(filepath.Join(dir, "membership.db"), file, 0o600); err != nil {
		return nil, err
	}
	store, err := sqlite.Open(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	if _, err := membership.Open(ctx, store, membership.Options{}); err != nil {
		return nil, err
	}
	sealed, leaves, err := store.Envelope(ctx, r.State.ID, 2, bob)
	if err != nil {
		return nil, err
	}
	blobs, err := store.BlobsOf(ctx, membership.Scope(r.State.ID), membership.BlobPlace{}, 10)
	if err != nil {
		return nil, err
	}
	mode, err := store.Meta(ctx, "mode")
	if err != nil {
		return nil, err
	}
	rooms, err := store.Rooms(ctx)
	if err != nil {
		return nil, err
	}
	entries, err := store.Entries(ctx, membership.LogRoom, chain.ID(r.State.ID), 0, 100)
	return []any{sealed, leaves, blobs, mode, rooms, entries}, err
}

// TestFlippedBits flips bits all over the file. Each flip is either refused, or
// fell on bytes that mean nothing: then everything reads as before.
func TestFlippedBits(t *testing.T) {
	t.Parallel()
	file, r, b := grown(t)
	bob := b.Bob.Device().ID()
	want, err := reading(t.Context(), file, t.TempDir(), r, bob)
	b.must(err)
	rng := rand.New(rand.NewPCG(1, 2))
	refusals := 0
	for range 120 {
		at, bit := rng.IntN(len(file)), byte(1)<<rng.IntN(8)
		flipped := bytes.Clone(file)
		flipped[at] ^= bit
		got, err := reading(t.Context(), flipped, t.TempDir(), r, bob)
		switch {
		case err == nil && !reflect.DeepEqual(got, want):
			t.Errorf("bit %#x of byte %d: read something else", bit, at)
		case err != nil && bus.KindOf(err) != bus.Integrity && !errors.Is(err, membership.ErrNewer):
			t.Errorf("bit %#x of byte %d: %v (%s, because of %v)", bit, at, err, bus.CodeOf(err), errors.Unwrap(err))
		case err != nil:
			refusals++
		}
	}
	if refusals < 10 {
		t.Errorf("only %d flips were refused", refusals)
	}
}

// TestCutTail cuts the file, page by page and in the middle of pages.
func TestCutTail(t *testing.T) {
	t.Parallel()
	file, r, b := grown(t)
	for cut := 4096; cut < len(file); cut += 4096 * 3 / 2 {
		_, err := reading(t.Context(), file[:len(file)-cut], t.TempDir(), r, b.Bob.Device().ID())
		if bus.KindOf(err) != bus.Integrity {
			t.Errorf("%d bytes cut: %v (%s), want damaged", cut, err, bus.CodeOf(err))
		}
	}
}

// TestLostTail: entries that vanish, heads that do, and rooms without a record
// are told from a store that never had them.
func TestLostTail(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*altered){
		"newest entry lost":       func(a *altered) { a.entries = a.entries[:len(a.entries)-1] },
		"an entry in the middle":  func(a *altered) { a.entries = append(a.entries[:3:3], a.entries[4:]...) },
		"two entries swapped":     func(a *altered) { a.entries[3], a.entries[6] = a.entries[6], a.entries[3] },
		"an entry twice":          func(a *altered) { a.entries = append(a.entries, a.entries[4]) },
		"a chain of another kind": func(a *altered) { a.entries[len(a.entries)-1].Log = 9 },
		"in another chain":        func(a *altered) { a.entries[len(a.entries)-1].Chain[0] ^= 1 },
		"another index":           func(a *altered) { a.entries[len(a.entries)-1].Index++ },
		"a bit of an entry": func(a *altered) {
			e := &a.entries[5]
			e.Raw = bytes.Clone(e.Raw)
			e.Raw[len(e.Raw)/2] ^= 4
		},
		"no entry":          func(a *altered) { a.entries = nil },
		"a head lost":       func(a *altered) { a.heads = a.heads[1:] },
		"a head of another": func(a *altered) { a.heads[0].Head = a.heads[1].Head },
		"a head of nothing": func(a *altered) { a.heads[0].Head = bus.Head{} },
		"a head too many": func(a *altered) {
			a.heads = append(a.heads, membership.ChainHead{Log: membership.LogRoom, Chain: chain.ID{1}})
		},
		"no record":           func(a *altered) { a.rooms = nil },
		"a room made open":    func(a *altered) { a.rooms[0].Closed = !a.rooms[0].Closed },
		"a record of no room": func(a *altered) { a.rooms = append(a.rooms, membership.RoomRecord{ID: bus.RoomID{1}}) },
	} {
		b := newBench(t)
		r := b.room(b.Alice.Device())
		b.add(b.Alice.Device(), r, bus.RoleMember, b.Bob)
		a := &altered{Store: b.store}
		b.must(b.store.Walk(b.ctx(), func(e membership.StoredEntry) error { a.entries = append(a.entries, e); return nil }))
		var err error
		a.heads, err = b.store.Heads(b.ctx())
		b.must(err)
		a.rooms, err = b.store.Rooms(b.ctx())
		b.must(err)
		b.must(second(membership.Open(b.ctx(), a, membership.Options{})))
		change(a)
		if _, err := membership.Open(b.ctx(), a, membership.Options{}); !errors.Is(err, membership.ErrDamaged) {
			t.Errorf("%s: %v, want store_damaged", name, err)
		}
	}
}

// altered is a store that says something else than was written.
type altered struct {
	membership.Store
	entries []membership.StoredEntry
	heads   []membership.ChainHead
	rooms   []membership.RoomRecord
}

func (a *altered) Walk(_ context.Context, fn func(membership.StoredEntry) error) error {
	for _, e := range a.entries {
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

func (a *altered) Heads(context.Context) ([]membership.ChainHead, error)  { return a.heads, nil }
func (a *altered) Rooms(context.Context) ([]membership.RoomRecord, error) { return a.rooms, nil }
