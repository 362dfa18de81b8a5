package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"unibus/internal/blob"
	"unibus/internal/bus"
)

// Benchmark measures whole pieces in a store against plain files of the same
// size, in turn, so that what else the machine does falls on both. "x_plain"
// is the share of the plain speed that the store reaches.
func Benchmark(b *testing.B, newStore New) {
	b.Run("put", func(b *testing.B) { benchmarkPut(b, newStore(b)) })
	b.Run("get", func(b *testing.B) { benchmarkGet(b, newStore(b)) })
}

// step is what is measured, and what makes it possible once more.
type step struct{ do, undo func() error }

func benchmarkPut(b *testing.B, s blob.Store) {
	data := content(1, bus.PieceSize)
	id := blob.ID(data)
	path := filepath.Join(b.TempDir(), "plain")
	compare(b, step{
		do:   func() error { return plainPut(path, data) },
		undo: func() error { return os.Remove(path) },
	}, step{
		do:   func() error { return s.Put(b.Context(), id, bytes.NewReader(data), int64(len(data))) },
		undo: func() error { return s.Delete(b.Context(), id) },
	})
}

func benchmarkGet(b *testing.B, s blob.Store) {
	data := content(1, bus.PieceSize)
	id := put(b, s, data)
	path := filepath.Join(b.TempDir(), "plain")
	if err := plainPut(path, data); err != nil {
		b.Fatal(err)
	}
	nothing := func() error { return nil }
	compare(b, step{func() error { return plainGet(path) }, nothing},
		step{func() error { return verifiedGet(b.Context(), s, id) }, nothing})
}

func verifiedGet(ctx context.Context, s blob.Store, id bus.Hash) error {
	r, size, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	defer r.Close()
	return transfer(io.Discard, blob.Verify(r, id, size))
}

// plainPut is what nobody can do without: copy, SHA-256, fsync of a new file.
func plainPut(path string, data []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := transfer(io.MultiWriter(f, sha256.New()), bytes.NewReader(data)); err != nil {
		return err
	}
	return f.Sync()
}

// plainGet reads and hashes.
func plainGet(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return transfer(sha256.New(), f)
}

// transfer copies in parts of 256 KiB, whatever shortcuts both ends offer.
func transfer(dst io.Writer, src io.Reader) error {
	_, err := io.CopyBuffer(struct{ io.Writer }{dst}, struct{ io.Reader }{src}, make([]byte, 256<<10))
	return err
}

func compare(b *testing.B, plain, store step) {
	var took [2]time.Duration
	for b.Loop() {
		for i, s := range []step{plain, store} {
			start := time.Now()
			err := s.do()
			took[i] += time.Since(start)
			if err := errors.Join(err, s.undo()); err != nil {
				b.Fatal(err)
			}
		}
	}
	mib := float64(b.N) * bus.PieceSize / (1 << 20)
	b.ReportMetric(mib/took[0].Seconds(), "plain-MiB/s")
	b.ReportMetric(mib/took[1].Seconds(), "store-MiB/s")
	b.ReportMetric(took[0].Seconds()/took[1].Seconds(), "x_plain")
}
