package membershiptest

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/membership"
)

// Benchmark measures what a backend makes of the disk. Compare Commit with
// Fsync of the same run: rates of a disk mean nothing by themselves.
func Benchmark(b *testing.B, newPlace func(testing.TB) Opener) {
	b.Run("Fsync", benchFsync)
	b.Run("Commit", func(b *testing.B) { benchCommit(b, newPlace(b)()) })
	b.Run("Commit16", func(b *testing.B) {
		b.SetParallelism(16)
		benchCommit(b, newPlace(b)())
	})
}

// benchFsync writes 4 KiB and syncs: the least that a durable commit costs.
func benchFsync(b *testing.B) {
	f, err := os.OpenFile(filepath.Join(b.TempDir(), "f"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	for b.Loop() {
		if _, err := f.Write(page); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}

// benchCommit makes rooms: two entries, a record, an envelope.
func benchCommit(b *testing.B, s membership.Store) {
	var n atomic.Int64
	envs, leaves := envelopes(1, 1)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			i := int(n.Add(1))
			room := record(i)
			keys := membership.EpochKeys{Staging: membership.Staging{Room: room.ID}, Epoch: 1, Leaves: leaves, Inline: envs}
			batch := membership.Batch{Room: &room, Keys: &keys, Entries: []membership.StoredEntry{
				entry(membership.LogRoom, i, 0), entry(membership.LogRoom, i, 1)}}
			if err := s.Commit(b.Context(), batch); err != nil {
				b.Errorf("%v (%s)", err, bus.CodeOf(err))
				return
			}
		}
	})
}
