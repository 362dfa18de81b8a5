// Package blobtest is the contract of blob.Store as tests and benchmarks that
// every backend passes, and a store that fails on demand for the tests of what
// is built on one.
//
// The suite is the specification: a promise is added here before a backend
// makes it. It must not know how any backend works.
package blobtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"unibus/internal/blob"
	"unibus/internal/bus"
)

// New makes an empty store that is gone after the test.
type New func(testing.TB) blob.Store

// Run tests what the comments of blob.Store promise, a fresh store per subtest.
func Run(t *testing.T, newStore New) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, blob.Store)
	}{
		{"round trip", testRoundTrip},
		{"unknown id", testUnknown},
		{"refused bodies leave nothing", testRefused},
		{"refused sizes are not read", testRefusedSizes},
		{"refused bodies change nothing", testRefusedAgain},
		{"put again", testPutAgain},
		{"id comes from content alone", testContentAddress},
		{"delete one of two", testDelete},
		{"seek", testSeek},
		{"all", testAll},
		{"cancelled before", testCancelledBefore},
		{"cancelled while put", testCancelledPut},
		{"invisible until whole", testInvisible},
		{"concurrent puts of one id", testConcurrentPuts},
		{"concurrent puts of many ids", testConcurrentIDs},
		{"one put fails beside another", testConcurrentRefused},
		{"readers while put again and delete", testReaders},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, newStore(t))
		})
	}
}

// content is size bytes that no other seed gives.
func content(seed uint64, size int) []byte {
	b := make([]byte, size)
	for i := 0; i < size; i += 8 {
		seed = seed*6364136223846793005 + 1442695040888963407
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], seed^seed>>29)
		copy(b[i:], word[:])
	}
	return b
}

func put(t testing.TB, s blob.Store, data []byte) bus.Hash {
	t.Helper()
	id := blob.ID(data)
	if err := s.Put(t.Context(), id, bytes.NewReader(data), int64(len(data))); err != nil {
		t.Errorf("put %d bytes: %v", len(data), err)
	}
	return id
}

// read gets a whole blob and checks the size that was said.
func read(ctx context.Context, s blob.Store, id bus.Hash) ([]byte, error) {
	r, size, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err == nil && int64(len(data)) != size {
		err = errors.New("the reader gave another size than Get said")
	}
	return data, err
}

func wantContent(t *testing.T, s blob.Store, want []byte) {
	t.Helper()
	id := blob.ID(want)
	got, err := read(t.Context(), s, id)
	if err != nil {
		t.Fatalf("get: %v", err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("got %d other bytes than the %d that were put", len(got), len(want))
	}
	if has, err := s.Has(t.Context(), id); !has || err != nil {
		t.Fatalf("has = %v, %v; want true", has, err)
	}
}

func wantMissing(t *testing.T, s blob.Store, id bus.Hash) {
	t.Helper()
	if has, err := s.Has(t.Context(), id); has || err != nil {
		t.Errorf("has = %v, %v; want false", has, err)
	}
	r, _, err := s.Get(t.Context(), id)
	if err == nil {
		r.Close()
	}
	wantError(t, err, bus.ErrNoBlob)
}

// wantError also holds the text against the promise that it names no path.
func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error is %v, want %v", err, want)
	}
	if err != nil && strings.ContainsAny(err.Error(), `/\`) {
		t.Errorf("error shows a path: %v", err)
	}
}
