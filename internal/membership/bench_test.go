package membership_test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

func many(o *membership.Options) {
	o.Caps = membership.Caps{Rooms: 1 << 30, LogBytes: 1 << 50, Appends: 1e9}
}

func BenchmarkAuthorize(b *testing.B) {
	w := newBench(b)
	for range 8 {
		w.Alice.AddDevice("more")
		w.sync(w.Alice, w.Alice.Device())
	}
	key := w.Alice.Devices[8].Transport.Public()
	for b.Loop() {
		if _, err := w.s.Authorize(key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRoomFacts(b *testing.B) {
	w := newBench(b)
	r := w.room(w.Alice.Device())
	w.add(w.Alice.Device(), r, bus.RoleMember, w.Bob)
	for b.Loop() {
		if _, err := w.s.RoomFacts(w.Bob.Device().ID(), r.State.ID); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCreateRoom is the whole of a room's making but the signatures of
// its maker. Compare it with Fsync of the same run: the bare write and fsync
// that every durable commit needs.
func BenchmarkCreateRoom(b *testing.B) {
	b.Run("Fsync", func(b *testing.B) {
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
	})
	b.Run("1", func(b *testing.B) { benchCreate(b, 1) })
	b.Run("16", func(b *testing.B) { benchCreate(b, 8) }) // two processors
}

func benchCreate(b *testing.B, parallel int) {
	w := newBench(b, many)
	signer := by(w.Alice.Device())
	news := make([]wire.NewRoom, b.N)
	for i := range news {
		_, news[i] = w.newRoom(w.Alice.Device())
	}
	var next atomic.Int64
	create := func() {
		if _, err := w.s.CreateRoom(b.Context(), signer, news[next.Add(1)-1]); err != nil {
			b.Error(err)
		}
	}
	b.ResetTimer()
	if parallel == 1 {
		for range b.N {
			create()
		}
		return
	}
	b.SetParallelism(parallel)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			create()
		}
	})
}

// BenchmarkOpen reads and checks a store again, per entry.
func BenchmarkOpen(b *testing.B) {
	w := newBench(b, many)
	const rooms = 1000
	for range rooms {
		w.room(w.Alice.Device())
	}
	b.ResetTimer()
	for range b.N {
		if _, err := membership.Open(b.Context(), w.store, membership.Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/(2*rooms), "us/entry")
}
