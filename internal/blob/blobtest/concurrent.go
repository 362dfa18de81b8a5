package blobtest

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/iotest"

	"unibus/internal/blob"
	"unibus/internal/bus"
)

// testInvisible looks at a Put that has all its bytes but not their end.
func testInvisible(t *testing.T, s blob.Store) {
	data := content(1, 600_000)
	looked := false
	look := &hook{func() {
		looked = true
		wantMissing(t, s, blob.ID(data))
	}}
	body := io.MultiReader(bytes.NewReader(data), look)
	if err := s.Put(t.Context(), blob.ID(data), body, int64(len(data))); err != nil {
		t.Fatal(err)
	}
	if !looked {
		t.Error("put did not read to the end")
	}
	wantContent(t, s, data)
}

func testConcurrentPuts(t *testing.T, s blob.Store) {
	data := content(1, 600_000)
	together(8, func(int) { put(t, s, data) })
	wantContent(t, s, data)
}

func testConcurrentIDs(t *testing.T, s blob.Store) {
	together(16, func(i int) { put(t, s, content(uint64(i), 100_000)) })
	for i := range 16 {
		wantContent(t, s, content(uint64(i), 100_000))
	}
}

func testConcurrentRefused(t *testing.T, s blob.Store) {
	data := content(1, 600_000)
	together(8, func(i int) {
		if i%2 == 0 {
			put(t, s, data)
			return
		}
		body := io.MultiReader(bytes.NewReader(data[:300_000]), iotest.ErrReader(errSource))
		wantError(t, s.Put(t.Context(), blob.ID(data), body, int64(len(data))), errSource)
	})
	wantContent(t, s, data)
}

// testReaders has readers open while the blob is put again and deleted: each
// gets all of it or an error.
func testReaders(t *testing.T, s blob.Store) {
	data := content(1, 600_000)
	id := put(t, s, data)
	together(6, func(i int) {
		for range 20 {
			switch i {
			case 0:
				put(t, s, data)
			case 1:
				if err := s.Delete(t.Context(), id); err != nil {
					t.Errorf("delete: %v", err)
				}
			default:
				readOnce(t, s, id, data)
			}
		}
	})
	readAcrossDelete(t, s, data)
}

func readOnce(t *testing.T, s blob.Store, id bus.Hash, want []byte) {
	got, err := read(t.Context(), s, id)
	if err == nil && !bytes.Equal(got, want) {
		t.Errorf("a reader got %d other bytes", len(got))
	}
	// Before it is opened a blob is there or not; once it is, only the store can fail it.
	if err != nil && !errors.Is(err, bus.ErrNoBlob) && !errors.Is(err, blob.ErrStore) {
		t.Errorf("a reader failed: %v", err)
	}
}

// readAcrossDelete deletes in the middle of a read.
func readAcrossDelete(t *testing.T, s blob.Store, data []byte) {
	r, _, err := s.Get(t.Context(), put(t, s, data))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	half := make([]byte, len(data)/2)
	if _, err := io.ReadFull(r, half); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), blob.ID(data)); err != nil {
		t.Fatalf("delete under a reader: %v", err)
	}
	wantMissing(t, s, blob.ID(data))
	rest, err := io.ReadAll(r)
	if err == nil && !bytes.Equal(append(half, rest...), data) {
		t.Errorf("a reader got %d other bytes after a delete", len(half)+len(rest))
	}
	if err != nil {
		wantError(t, err, err)
	}
}

// together runs do n times at once and waits.
func together(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}
