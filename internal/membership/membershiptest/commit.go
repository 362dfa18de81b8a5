package membershiptest

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

func testEmpty(t *testing.T, open Opener) {
	s := open()
	if got := walk(t, s); len(got) != 0 {
		t.Errorf("%d entries in a new store", len(got))
	}
	heads, err := s.Heads(ctx(t))
	rooms, err2 := s.Rooms(ctx(t))
	got, err3 := s.Entries(ctx(t), membership.LogBus, chain.ID{}, 0, 10)
	must(t, errors.Join(err, err2, err3))
	if len(heads)+len(rooms)+len(got) != 0 {
		t.Errorf("a new store has %d heads, %d rooms, %d entries", len(heads), len(rooms), len(got))
	}
	_, _, err = s.Envelope(ctx(t), bus.RoomID{}, 1, bus.EndpointID{})
	refused(t, err, membership.ErrNoKey)
}

func testCommit(t *testing.T, open Opener) {
	s := open()
	a, b := entry(membership.LogBus, 1, 0), entry(membership.LogBus, 1, 1)
	must(t, s.Commit(ctx(t), membership.Batch{Entries: []membership.StoredEntry{a, b}}))
	must(t, s.Commit(ctx(t), membership.Batch{Entries: []membership.StoredEntry{entry(membership.LogRoom, 1, 0)}}))
	got := entriesOf(t, s, membership.LogBus, 1)
	if len(got) != 2 || !bytes.Equal(got[0], a.Raw) || !bytes.Equal(got[1], b.Raw) {
		t.Errorf("got %x, want both entries in order", got)
	}
	heads, err := s.Heads(ctx(t))
	must(t, err)
	if len(heads) != 2 {
		t.Fatalf("%d heads of 2 chains", len(heads))
	}
	for _, h := range heads {
		want := b
		if h.Log == membership.LogRoom {
			want = entry(membership.LogRoom, 1, 0)
		}
		if h.Head != (bus.Head{Index: want.Index, Hash: hash(want.Raw)}) || h.Chain != want.Chain {
			t.Errorf("head %+v, want that of %+v", h, want)
		}
	}
}

func testPages(t *testing.T, open Opener) {
	s := open()
	for i := range 5 {
		e := entry(membership.LogRoom, 7, i)
		e.Raw = bytes.Repeat([]byte{byte(i)}, 300<<10)
		if i == 4 {
			e.Raw = bytes.Repeat([]byte{4}, bus.MaxEntry)
		}
		must(t, s.Commit(ctx(t), membership.Batch{Entries: []membership.StoredEntry{e}}))
	}
	for _, c := range []struct{ from, limit, want int }{
		{0, 10, 2}, {0, 1, 1}, {2, 10, 2}, {3, 10, 1}, {4, 10, 1}, {5, 10, 0}, {900, 10, 0},
	} {
		got, err := s.Entries(ctx(t), membership.LogRoom, chain.ID(id(7)), uint32(c.from), c.limit)
		must(t, err)
		if len(got) != c.want {
			t.Errorf("from %d limit %d: %d entries, want %d", c.from, c.limit, len(got), c.want)
		}
		for i, raw := range got {
			if raw[0] != byte(c.from+i) {
				t.Errorf("from %d: entry %d is number %d", c.from, i, raw[0])
			}
		}
	}
}

func testWalkOrder(t *testing.T, open Opener) {
	s := open()
	want := []membership.StoredEntry{
		entry(membership.LogRoom, 9, 0), entry(membership.LogBus, 1, 0), entry(membership.LogAccount, 5, 0),
		entry(membership.LogRoom, 9, 1), entry(membership.LogAccount, 2, 0), entry(membership.LogBus, 1, 1),
	}
	must(t, s.Commit(ctx(t), membership.Batch{Entries: want[:3]}))
	for _, e := range want[3:] {
		must(t, s.Commit(ctx(t), membership.Batch{Entries: []membership.StoredEntry{e}}))
	}
	if got := walk(t, s); !reflect.DeepEqual(got, want) {
		t.Errorf("walked %+v\nwant   %+v", got, want)
	}
	stop := errors.New("enough")
	n := 0
	err := s.Walk(ctx(t), func(membership.StoredEntry) error { n++; return stop })
	if err != stop || n != 1 {
		t.Errorf("walk ended with %v after %d entries, want the error of its function after 1", err, n)
	}
}

func testBehind(t *testing.T, open Opener) {
	s := open()
	must(t, s.Commit(ctx(t), membership.Batch{Entries: []membership.StoredEntry{entry(membership.LogBus, 1, 0), entry(membership.LogBus, 1, 1)}}))
	for name, e := range map[string]membership.StoredEntry{
		"first taken": entry(membership.LogBus, 1, 0), "last taken": entry(membership.LogBus, 1, 1),
		"hole": entry(membership.LogBus, 1, 3), "hole in nothing": entry(membership.LogAccount, 1, 1),
		"hole of nothing": entry(membership.LogRoom, 4, 2),
	} {
		err := s.Commit(ctx(t), membership.Batch{Entries: []membership.StoredEntry{e}})
		if !errors.Is(err, bus.ErrBehind) {
			t.Errorf("%s: %v, want behind", name, err)
		}
	}
	if got := walk(t, s); len(got) != 2 {
		t.Errorf("%d entries, want 2", len(got))
	}
}

// testAtomic fails a batch at each of its parts.
func testAtomic(t *testing.T, open Opener) {
	s := open()
	envs, leaves := envelopes(100, 3)
	at := membership.Staging{Room: bus.RoomID(id(3)), Root: seed(3), By: bus.AccountID(id(8))}
	must(t, s.Stage(ctx(t), at, envs, noon))
	must(t, s.Commit(ctx(t), membership.Batch{Entries: []membership.StoredEntry{entry(membership.LogBus, 1, 0)}}))
	room, first := record(3), entry(membership.LogRoom, 3, 0)
	keys := &membership.EpochKeys{Staging: at, Epoch: 1, Leaves: leaves}
	short := &membership.EpochKeys{Staging: at, Epoch: 1, Leaves: leaves[:2]}
	missing := bus.RoomID(id(77))
	for name, b := range map[string]membership.Batch{
		"second entry": {Room: &room, Keys: keys, Entries: []membership.StoredEntry{first, entry(membership.LogBus, 1, 0)}},
		"keys":         {Room: &room, Keys: short, Entries: []membership.StoredEntry{first}},
		"close":        {Room: &room, Keys: keys, Entries: []membership.StoredEntry{first}, CloseRoom: &missing},
	} {
		if err := s.Commit(ctx(t), b); err == nil {
			t.Fatalf("%s: stored", name)
		}
		rooms, err := s.Rooms(ctx(t))
		must(t, err)
		staged, err := s.Staged(ctx(t), at)
		must(t, err)
		_, _, key := s.Envelope(ctx(t), at.Room, 1, envs[0].Endpoint)
		if len(rooms) != 0 || len(staged) != 3 || !errors.Is(key, membership.ErrNoKey) || len(walk(t, s)) != 1 {
			t.Errorf("%s: %d rooms, %d staged, key %v, %d entries; want 0, 3, no_key, 1",
				name, len(rooms), len(staged), key, len(walk(t, s)))
		}
	}
	must(t, s.Commit(ctx(t), membership.Batch{Room: &room, Keys: keys, Entries: []membership.StoredEntry{first}}))
}

// testRace has writers fight for every index of one chain.
func testRace(t *testing.T, open Opener) {
	const writers, rounds = 16, 20
	s := open()
	for round := range rounds {
		var wins, losses atomic.Int32
		var group sync.WaitGroup
		for n := range writers {
			group.Go(func() {
				e := entry(membership.LogBus, 1, round)
				e.Raw = append([]byte{byte(n)}, e.Raw...)
				switch err := s.Commit(ctx(t), membership.Batch{Entries: []membership.StoredEntry{e}}); {
				case err == nil:
					wins.Add(1)
				case errors.Is(err, bus.ErrBehind):
					losses.Add(1)
				default:
					t.Errorf("writer %d: %v", n, err)
				}
			})
		}
		group.Wait()
		if wins.Load() != 1 || losses.Load() != writers-1 {
			t.Fatalf("round %d: %d won and %d were behind, want 1 and %d", round, wins.Load(), losses.Load(), writers-1)
		}
	}
	if got := entriesOf(t, s, membership.LogBus, 1); len(got) != rounds {
		t.Errorf("%d entries, want %d", len(got), rounds)
	}
}

// testParallel lets writers share transactions: a bad batch among them fails
// alone.
func testParallel(t *testing.T, open Opener) {
	const writers, each = 16, 25
	s := open()
	var group sync.WaitGroup
	for n := range writers {
		group.Go(func() {
			for i := range each {
				if err := s.Commit(ctx(t), membership.Batch{Entries: []membership.StoredEntry{entry(membership.LogRoom, n, i)}}); err != nil {
					t.Errorf("chain %d entry %d: %v", n, i, err)
				}
				bad := s.Commit(ctx(t), membership.Batch{Entries: []membership.StoredEntry{
					entry(membership.LogAccount, 100+n, i), entry(membership.LogRoom, n, i+7)}})
				if !errors.Is(bad, bus.ErrBehind) {
					t.Errorf("chain %d: a batch with a hole: %v", n, bad)
				}
			}
		})
	}
	group.Wait()
	for n := range writers {
		if got := entriesOf(t, s, membership.LogRoom, n); len(got) != each {
			t.Errorf("chain %d: %d entries, want %d", n, len(got), each)
		}
	}
	if got := walk(t, s); len(got) != writers*each {
		t.Errorf("%d entries in all, want %d", len(got), writers*each)
	}
}

func testRooms(t *testing.T, open Opener) {
	s := open()
	var want []membership.RoomRecord
	for n := range 4 {
		r := record(n)
		must(t, s.Commit(ctx(t), membership.Batch{Room: &r, Entries: []membership.StoredEntry{entry(membership.LogRoom, n, 0)}}))
		want = append(want, r)
	}
	again := record(2)
	again.Shard = 31
	err := s.Commit(ctx(t), membership.Batch{Room: &again, Entries: []membership.StoredEntry{entry(membership.LogRoom, 50, 0)}})
	refused(t, err, bus.ErrBehind)
	must(t, s.Commit(ctx(t), membership.Batch{CloseRoom: &want[1].ID, Entries: []membership.StoredEntry{entry(membership.LogRoom, 1, 1)}}))
	want[1].Closed = true
	got, err := s.Rooms(ctx(t))
	must(t, err)
	sortRooms(want)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func testCancelled(t *testing.T, open Opener) {
	s := open()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range every(ended, s) {
		if kind := bus.KindOf(err); kind != bus.Unavailable {
			t.Errorf("%s with a context that ended: %v (kind %d), want unavailable", name, err, kind)
		}
	}
	if got := walk(t, s); len(got) != 0 {
		t.Errorf("a cancelled commit stored %d entries", len(got))
	}
}

func testClosed(t *testing.T, open Opener) {
	s := open()
	must(t, s.Err())
	must(t, s.Close())
	must(t, s.Close())
	for name, err := range every(ctx(t), s) {
		if kind := bus.KindOf(err); kind != bus.Unavailable {
			t.Errorf("%s of a closed store: %v (kind %d), want unavailable", name, err, kind)
		}
	}
	refused(t, s.Err(), membership.ErrClosed)
}

// every calls each method and returns its error.
func every(ctx context.Context, s membership.Store) map[string]error {
	errs := map[string]error{}
	room, row := record(1), blobRow(1)
	errs["Commit"] = s.Commit(ctx, membership.Batch{Room: &room, Entries: []membership.StoredEntry{entry(membership.LogRoom, 1, 0)}})
	_, errs["Entries"] = s.Entries(ctx, membership.LogBus, chain.ID{}, 0, 1)
	errs["Walk"] = s.Walk(ctx, func(membership.StoredEntry) error { return nil })
	_, errs["Heads"] = s.Heads(ctx)
	_, errs["Rooms"] = s.Rooms(ctx)
	envs, _ := envelopes(1, 1)
	errs["Stage"] = s.Stage(ctx, membership.Staging{}, envs, noon)
	_, errs["Staged"] = s.Staged(ctx, membership.Staging{})
	_, errs["StagedCount"] = s.StagedCount(ctx, bus.AccountID{})
	_, _, errs["Envelope"] = s.Envelope(ctx, room.ID, 1, bus.EndpointID{})
	_, errs["Leaves"] = s.Leaves(ctx, room.ID, 1)
	errs["PutGrants"] = s.PutGrants(ctx, granting(1, 2, 5), []wire.Grant{grant(1, 2)})
	_, errs["Grants"] = s.Grants(ctx, room.ID, bus.EndpointID{}, 0, 1)
	_, errs["GrantCount"] = s.GrantCount(ctx, bus.AccountID{})
	_, errs["GrantsTo"] = s.GrantsTo(ctx, bus.RoomID{}, bus.AccountID{}, nil)
	errs["PutBlob"] = s.PutBlob(ctx, row)
	_, errs["RenewBlobs"] = s.RenewBlobs(ctx, row.Scope, row.Uploader, []bus.Hash{row.ID}, noon)
	_, errs["Blobs"] = s.Blobs(ctx, row.ID)
	_, errs["BlobsOf"] = s.BlobsOf(ctx, row.Scope, membership.BlobPlace{}, 1)
	errs["DeleteBlobs"] = s.DeleteBlobs(ctx, []membership.BlobRow{row})
	_, errs["ExpiredBlobs"] = s.ExpiredBlobs(ctx, noon, 1)
	_, errs["BlobBytes"] = s.BlobBytes(ctx, row.Uploader)
	_, errs["Meta"] = s.Meta(ctx, "k")
	errs["SetMeta"] = s.SetMeta(ctx, "k", []byte("v"))
	return errs
}

// testReopen closes and opens a store with one of everything.
func testReopen(t *testing.T, open Opener) {
	s := open()
	room, row := record(1), blobRow(1)
	envs, leaves := envelopes(10, 2)
	at := membership.Staging{Room: room.ID, Root: seed(1), By: bus.AccountID(id(4))}
	must(t, s.Commit(ctx(t), membership.Batch{Room: &room, Entries: []membership.StoredEntry{entry(membership.LogRoom, 1, 0)},
		Keys: &membership.EpochKeys{Staging: at, Epoch: 1, Leaves: leaves, Inline: envs}}))
	must(t, s.Stage(ctx(t), at, envs[:1], noon))
	must(t, s.PutBlob(ctx(t), row))
	must(t, s.SetMeta(ctx(t), "k", []byte("v")))
	before := everything(t, s, at, envs[0].Endpoint, row.ID)
	must(t, s.Close())
	if after := everything(t, open(), at, envs[0].Endpoint, row.ID); !reflect.DeepEqual(before, after) {
		t.Errorf("before %+v\nafter  %+v", before, after)
	}
}

func everything(t *testing.T, s membership.Store, at membership.Staging, endpoint bus.EndpointID, blob bus.Hash) []any {
	t.Helper()
	heads, err := s.Heads(ctx(t))
	rooms, err2 := s.Rooms(ctx(t))
	staged, err3 := s.Staged(ctx(t), at)
	sealed, leaves, err4 := s.Envelope(ctx(t), at.Room, 1, endpoint)
	blobs, err5 := s.Blobs(ctx(t), blob)
	value, err6 := s.Meta(ctx(t), "k")
	must(t, errors.Join(err, err2, err3, err4, err5, err6))
	if len(rooms) == 0 || len(staged) == 0 || len(sealed) == 0 || len(blobs) == 0 || len(value) == 0 {
		t.Fatalf("something is missing: %d rooms, %d staged, %d sealed, %d blobs, %d value",
			len(rooms), len(staged), len(sealed), len(blobs), len(value))
	}
	return []any{walk(t, s), heads, rooms, staged, sealed, leaves, blobs, value}
}
