package profile

import (
	"context"
	"testing"

	"unibus/internal/bus"
)

// BenchmarkOpen is what every command pays: open, one value, close.
func BenchmarkOpen(b *testing.B) {
	h, key := newHome(b)
	ctx := context.Background()
	s := openStore(b, h, key)
	must(b, s.PutSecret(ctx, bus.RoomID{1}, 1, make([]byte, 32)))
	must(b, s.Append(ctx, LogBus, [16]byte{}, 0, entries(0, 1000)))
	must(b, s.Close())
	for b.Loop() {
		s, err := h.Open(ctx, "work", key)
		must(b, err)
		_, err = s.Secret(ctx, bus.RoomID{1}, 1)
		must(b, err)
		must(b, s.Close())
	}
}

func BenchmarkMemory(b *testing.B) {
	_, key := newHome(b)
	for b.Loop() {
		s, err := Memory(context.Background(), key)
		must(b, err)
		must(b, s.Close())
	}
}

func BenchmarkSecret(b *testing.B) {
	s, ctx := newStore(b), context.Background()
	must(b, s.PutSecret(ctx, bus.RoomID{1}, 1, make([]byte, 32)))
	for b.Loop() {
		_, err := s.Secret(ctx, bus.RoomID{1}, 1)
		must(b, err)
	}
}

func BenchmarkRooms1000(b *testing.B) {
	s, ctx := memory(b), context.Background()
	for i := range 1000 {
		must(b, s.PutRoom(ctx, RoomName{Room: bus.RoomID{byte(i), byte(i >> 8)}, Name: "operations", Epoch: 7}))
	}
	for b.Loop() {
		_, err := s.Rooms(ctx)
		must(b, err)
	}
}

func BenchmarkEntries1000(b *testing.B) {
	s, ctx := newStore(b), context.Background()
	raw := make([][]byte, 1000)
	for i := range raw {
		raw[i] = make([]byte, 400)
	}
	must(b, s.Append(ctx, LogBus, [16]byte{}, 0, raw))
	for b.Loop() {
		_, err := s.Entries(ctx, LogBus, [16]byte{})
		must(b, err)
	}
}

func BenchmarkSetCursor(b *testing.B) {
	s, seq := newStore(b), uint64(0)
	for b.Loop() {
		seq++
		must(b, s.SetCursor(context.Background(), bus.RoomID{1}, "", seq))
	}
}

func BenchmarkPutOutbox(b *testing.B) {
	s := newStore(b)
	for b.Loop() {
		must(b, s.PutOutbox(context.Background(), OutboxRecord{ID: bus.RecordID{1}, Record: make([]byte, 200)}))
	}
}
