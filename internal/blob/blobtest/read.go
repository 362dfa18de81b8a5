package blobtest

import (
	"bytes"
	"context"
	"io"
	"maps"
	"testing"

	"unibus/internal/blob"
	"unibus/internal/bus"
)

func testRoundTrip(t *testing.T, s blob.Store) {
	for _, size := range []int{1, 2, 1000, 128<<10 - 1, 128 << 10, 256<<10 + 1, bus.PieceSize, bus.MaxPieceBody} {
		data := content(uint64(size), size)
		put(t, s, data)
		wantContent(t, s, data)
	}
}

func testUnknown(t *testing.T, s blob.Store) {
	for _, id := range []bus.Hash{{}, {31: 1}, blob.ID(nil)} {
		wantMissing(t, s, id)
		if err := s.Delete(t.Context(), id); err != nil {
			t.Errorf("delete of a missing blob: %v, want none", err)
		}
	}
}

func testContentAddress(t *testing.T, s blob.Store) {
	a, b := content(1, 5000), content(2, 5000)
	put(t, s, a)
	wantMissing(t, s, blob.ID(b))
	wantMissing(t, s, blob.ID(a[:4999]))
	put(t, s, b)
	wantContent(t, s, a)
	wantContent(t, s, b)
}

func testDelete(t *testing.T, s blob.Store) {
	a, b := sameFirstByte()
	put(t, s, a)
	put(t, s, b)
	for range 2 {
		if err := s.Delete(t.Context(), blob.ID(a)); err != nil {
			t.Fatalf("delete: %v", err)
		}
		wantMissing(t, s, blob.ID(a))
		wantContent(t, s, b)
	}
}

// sameFirstByte finds two blobs that a backend may keep close together.
func sameFirstByte() (a, b []byte) {
	a = content(0, 100)
	for seed := uint64(1); ; seed++ {
		if b = content(seed, 100); blob.ID(a)[0] == blob.ID(b)[0] {
			return a, b
		}
	}
}

func testSeek(t *testing.T, s blob.Store) {
	data := content(1, 700_000)
	r, size, err := s.Get(t.Context(), put(t, s, data))
	if err != nil || size != int64(len(data)) {
		t.Fatalf("get = %d, %v; want %d bytes", size, err, len(data))
	}
	defer r.Close()
	for _, c := range []struct {
		offset int64
		whence int
		want   int
	}{
		{650_000, io.SeekStart, 650_000}, {0, io.SeekStart, 0}, {-1, io.SeekEnd, 699_999},
		{0, io.SeekEnd, 700_000}, {1, io.SeekStart, 1},
	} {
		at, err := r.Seek(c.offset, c.whence)
		if err != nil || at != int64(c.want) {
			t.Fatalf("seek(%d, %d) = %d, %v; want %d", c.offset, c.whence, at, err, c.want)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data[c.want:]) {
			t.Fatalf("after seek to %d: %d bytes, %v", c.want, len(got), err)
		}
	}
	_, err = r.Seek(-1, io.SeekStart)
	if err == nil {
		t.Error("seek before the start succeeded")
	}
	wantError(t, err, err)
}

func testCancelledBefore(t *testing.T, s blob.Store) {
	data := content(1, 1000)
	id := put(t, s, data)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	other := content(2, 1000)
	wantError(t, s.Put(ctx, blob.ID(other), bytes.NewReader(other), 1000), context.Canceled)
	_, _, err := s.Get(ctx, id)
	wantError(t, err, context.Canceled)
	has, err := s.Has(ctx, id)
	wantError(t, err, context.Canceled)
	if has {
		t.Error("has = true beside an error")
	}
	wantError(t, s.Delete(ctx, id), context.Canceled)
	wantMissing(t, s, blob.ID(other))
	wantContent(t, s, data)
}

// testAll lists what is stored, each once, and nothing that was refused or
// deleted.
func testAll(t *testing.T, s blob.Store) {
	want := map[bus.Hash]bool{}
	for seed := range uint64(20) {
		want[put(t, s, content(seed, 100))] = true
	}
	gone := put(t, s, content(99, 100))
	wantError(t, s.Delete(t.Context(), gone), nil)
	wantError(t, s.Put(t.Context(), bus.Hash{7}, bytes.NewReader(content(98, 100)), 100), blob.ErrDigest)
	got := map[bus.Hash]bool{}
	for id, err := range s.All(t.Context()) {
		wantError(t, err, nil)
		if got[id] {
			t.Errorf("%s is listed twice", id)
		}
		got[id] = true
	}
	if !maps.Equal(got, want) {
		t.Errorf("%d listed, want %d", len(got), len(want))
	}
	for range s.All(t.Context()) {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range s.All(ctx) {
		wantError(t, err, context.Canceled)
	}
}
