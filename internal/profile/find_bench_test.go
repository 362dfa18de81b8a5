package profile

import (
	"context"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
)

const (
	benchFrames = 100_000
	benchRooms  = 200
	benchBatch  = 100 // frames in a transaction
)

// chatter makes texts of about 12 words as a language has them: few words are
// very common, most are rare.
func chatter(seed uint64) func() string {
	rng := rand.New(rand.NewPCG(seed, 1))
	zipf := rand.NewZipf(rng, 1.1, 3, 30_000)
	return func() string {
		words := make([]string, 4+rng.IntN(16))
		for i := range words {
			n := zipf.Uint64()
			words[i] = string([]rune{'a' + rune(n%26), 'a' + rune(n/26%26), 'a' + rune(n/676%26)}) + "ingswords"[:n%9]
		}
		return strings.Join(words, " ")
	}
}

// fillFrames keeps so many frames in turns of benchBatch of one room.
func fillFrames(tb testing.TB, s *Store, frames int) {
	tb.Helper()
	say, seqs := chatter(1), [benchRooms]uint64{}
	for n := 0; n < frames; n += benchBatch {
		i := n / benchBatch % benchRooms
		batch := make([]Frame, benchBatch)
		from := seqs[i]
		for j := range batch {
			seqs[i]++
			batch[j] = Frame{Seq: seqs[i], At: time.UnixMilli(1_800_000_000_000 + int64(n+j)), Raw: make([]byte, 434), Mark: bus.Prefix{byte(n), byte(j), byte(n >> 8)},
				Texts: []string{"the " + say()}, Unread: 1}
		}
		must(tb, s.Keep(context.Background(), bus.RoomID{byte(i + 1)}, batch, Stretch{from, seqs[i]}))
	}
}

// BenchmarkKeep is 100,000 frames of 434 bytes in batches of 100, as they come
// when a client catches up: frames/s, and MB that they take on disk.
func BenchmarkKeep(b *testing.B) {
	for b.Loop() {
		h, key := newHome(b)
		s := openStore(b, h, key)
		began := time.Now()
		fillFrames(b, s, benchFrames)
		b.ReportMetric(benchFrames/time.Since(began).Seconds(), "frames/s")
		must(b, s.empty(context.Background()))
		info, err := os.Stat(h.path("work", databaseName))
		must(b, err)
		b.ReportMetric(float64(info.Size())/1e6, "MB")
	}
}

// BenchmarkKeepOne is one frame more in a room, as it comes live.
func BenchmarkKeepOne(b *testing.B) {
	s, say := newStore(b), chatter(2)
	seq := uint64(0)
	for b.Loop() {
		seq++
		f := Frame{Seq: seq, At: time.UnixMilli(int64(seq)), Raw: make([]byte, 434), Texts: []string{say()}}
		must(b, s.Keep(context.Background(), bus.RoomID{1}, []Frame{f}, Stretch{seq - 1, seq}))
	}
}

// BenchmarkFind looks for words among 100,000 frames in 200 rooms: in every one,
// in none, for what is typed of a word, in one room.
func BenchmarkFind(b *testing.B) {
	h, key := newHome(b)
	s := openStore(b, h, key)
	fillFrames(b, s, benchFrames)
	for _, c := range []struct {
		name, words string
		room        bus.RoomID
		min         int
	}{
		{"in all", "the", bus.RoomID{}, maxSpots},
		{"in none", "nowhere", bus.RoomID{}, 0},
		{"beginning", "aaa", bus.RoomID{}, 1},
		{"several", "the aaa nowhere", bus.RoomID{}, 0},
		{"one room", "the", bus.RoomID{7}, benchFrames / benchRooms},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if got := len(find(b, s, c.room, c.words)); got < c.min {
					b.Fatalf("found %d", got)
				}
			}
		})
	}
}

// BenchmarkUnread counts what is unread in 200 rooms of 500 frames each.
func BenchmarkUnread(b *testing.B) {
	s := newStore(b)
	fillFrames(b, s, benchFrames)
	for b.Loop() {
		for i := range benchRooms {
			if n, err := s.Unread(context.Background(), bus.RoomID{byte(i + 1)}, 480); err != nil || len(n) != 20 {
				b.Fatalf("%+v, %v", n, err)
			}
		}
	}
}
