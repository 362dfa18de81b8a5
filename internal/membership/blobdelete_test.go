package membership_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/membership"
)

// hold is HoldBlob that must not wait.
func (b *bench) hold(id bus.Hash) (release func()) {
	b.t.Helper()
	release, err := b.s.HoldBlob(b.ctx(), id)
	b.must(err)
	return release
}

// TestSlowErase: who erases one blob, however long it takes, stops nobody who
// stores or erases another; who stores the same bytes waits until they are
// gone, or no longer than he likes.
func TestSlowErase(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice, bob := by(b.Alice.Device()), by(b.Bob.Device())
	for n := byte(1); n <= 2; n++ {
		b.must(b.s.AddBlob(b.ctx(), alice, whole(n, membership.Scope{})))
	}
	erasing, disk := make(chan bus.Hash), make(chan struct{})
	slow := func(id bus.Hash) error {
		erasing <- id
		<-disk
		return nil
	}
	done := make(chan error)
	go func() { done <- b.s.DeleteBlob(b.ctx(), alice, slow, bus.Hash{1}) }()
	<-erasing

	release := b.hold(bus.Hash{3})
	b.must(b.s.AddBlob(b.ctx(), bob, whole(3, membership.Scope{})))
	release()
	var e eraser
	b.must(b.s.DeleteBlob(b.ctx(), alice, e.erase, bus.Hash{2}))
	gone, cancel := context.WithCancel(b.ctx())
	cancel()
	b.refused(second(b.s.HoldBlob(gone, bus.Hash{1})), "store_unavailable")
	held := make(chan error)
	go func() {
		release, err := b.s.HoldBlob(b.ctx(), bus.Hash{1})
		if err == nil {
			err = b.s.AddBlob(b.ctx(), bob, whole(1, membership.Scope{}))
			release()
		}
		held <- err
	}()
	close(disk)
	b.must(<-done)
	b.must(<-held)
	b.must(second(b.s.MayRead(b.ctx(), alice, bus.Hash{1})))
}

// counted is a store that notes how much it deletes at once, and that fails
// after some of it.
type counted struct {
	membership.Store
	most, calls, fails int
}

func (c *counted) DeleteBlobs(ctx context.Context, rows []membership.BlobRow) error {
	c.most, c.calls = max(c.most, len(rows)), c.calls+1
	if c.calls == c.fails {
		return errDisk
	}
	return c.Store.DeleteBlobs(ctx, rows)
}

// TestDeleteHugeBlob: the claims to many pieces go in a few transactions of
// bounded size, that to the manifest last, so that whoever was interrupted can
// go on; nothing that was stored stays for ever.
func TestDeleteHugeBlob(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := by(b.Alice.Device())
	store := &counted{Store: b.store.Store, fails: 2}
	b.store.Store = store
	manifest := membership.Upload{ID: bus.Hash{9}, Size: 50, Part: membership.PartManifest}
	for i := range 2*membership.BlobBatch + 3 {
		u := membership.Upload{ID: bus.Hash{1, byte(i), byte(i >> 8)}, Size: 1, Part: membership.PartPiece}
		b.must(b.s.AddBlob(b.ctx(), alice, u))
		manifest.Pieces = append(manifest.Pieces, u.ID)
	}
	b.must(b.s.AddBlob(b.ctx(), alice, manifest))

	var e eraser
	b.refused(b.s.DeleteBlob(b.ctx(), alice, e.erase, manifest.ID, manifest.Pieces...), "disk")
	if len(e.gone) != membership.BlobBatch || slices.Contains(e.gone, manifest.ID) {
		t.Errorf("%d erased when the second batch failed, want %d and not the manifest", len(e.gone), membership.BlobBatch)
	}
	b.must(second(b.s.MayRead(b.ctx(), alice, manifest.ID)))
	b.must(b.s.DeleteBlob(b.ctx(), alice, e.erase, manifest.ID, manifest.Pieces...))
	if store.most > membership.BlobBatch || store.calls != 1+1+2+1 {
		t.Errorf("%d transactions of at most %d rows, want 5 of %d", store.calls, store.most, membership.BlobBatch)
	}
	for _, id := range append(manifest.Pieces, manifest.ID) {
		if rows, err := store.Blobs(b.ctx(), id); err != nil || len(rows) != 0 || !slices.Contains(e.gone, id) {
			t.Fatalf("%s: %d claims left (%v), erased %t", id, len(rows), err, slices.Contains(e.gone, id))
		}
	}
}

// TestCollectBlobs: bytes that a crash left without a claim go, those that
// somebody claims or is storing stay.
func TestCollectBlobs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(b.s.AddBlob(b.ctx(), by(b.Alice.Device()), whole(1, membership.Scope{})))
	defer b.hold(bus.Hash{2})()
	var e eraser
	all := []bus.Hash{{1}, {2}, {3}, {4}}
	n, err := b.s.CollectBlobs(b.ctx(), each(all, nil), e.erase)
	if want := all[2:]; err != nil || n != 2 || !slices.Equal(e.gone, want) {
		t.Errorf("%d erased: %v (%v), want %v", n, e.gone, err, want)
	}
	if _, err := b.s.CollectBlobs(b.ctx(), each(nil, errDisk), e.erase); !errors.Is(err, errDisk) {
		t.Errorf("got %v, want the error of the listing", err)
	}
}

func each(ids []bus.Hash, err error) iter.Seq2[bus.Hash, error] {
	return func(yield func(bus.Hash, error) bool) {
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
		if err != nil {
			yield(bus.Hash{}, err)
		}
	}
}

// TestListPages: pages join without a gap and without a repeat, also where many
// blobs came in one moment and where one went meanwhile.
func TestListPages(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice, bob := by(b.Alice.Device()), by(b.Bob.Device())
	for n := range byte(5) {
		b.must(b.s.AddBlob(b.ctx(), alice, whole(n+1, membership.Scope{})))
	}
	b.must(b.s.AddBlob(b.ctx(), bob, whole(3, membership.Scope{})))
	b.Pass(1)
	var got []bus.Hash
	after := membership.BlobPlace{}
	for {
		page, err := b.s.ListBlobs(b.ctx(), alice, membership.Scope{}, after, 2)
		b.must(err)
		for _, item := range page.Items {
			got = append(got, item.ID)
		}
		if page.Next == "" {
			break
		}
		after, err = membership.ParseBlobPlace(page.Next)
		b.must(err)
		if len(got) == 2 {
			b.must(b.s.DeleteBlob(b.ctx(), alice, func(bus.Hash) error { return nil }, got[1]))
		}
	}
	if want := []bus.Hash{{1}, {2}, {3}, {3}, {4}, {5}}; !slices.Equal(got, want) {
		t.Errorf("pages hold %v, want %v", got, want)
	}
}

func FuzzBlobPlace(f *testing.F) {
	f.Add(membership.BlobPlace{ID: bus.Hash{1}}.String())
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := membership.ParseBlobPlace(text); err == nil && p.String() != text {
			t.Errorf("%q reads as %v", text, p)
		}
	})
}
