package control

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

// history is a History of messages in memory.
type history struct {
	mu     sync.Mutex
	rooms  map[bus.RoomID][]wire.StoredMessage
	before func(bus.RoomID) // called before a page is read
}

func newHistory() *history { return &history{rooms: map[bus.RoomID][]wire.StoredMessage{}} }

func (h *history) fill(room bus.RoomID, n, size int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range n {
		m := wire.StoredMessage{Seq: uint64(10 * (i + 1)), At: time.UnixMilli(int64(i)).UTC(), Frame: bytes.Repeat([]byte{byte(i)}, size)}
		h.rooms[room] = append(h.rooms[room], m)
	}
}

func (h *history) Page(_ context.Context, room bus.RoomID, q PageQuery) (p Page, err error) {
	if h.before != nil {
		h.before(room)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.rooms[room] {
		if m.Seq > q.After && (q.Before == 0 || m.Seq < q.Before) {
			p.Messages = append(p.Messages, m)
		}
	}
	if len(p.Messages) > q.Limit {
		p.End.More = true
		if q.Forward {
			p.Messages = p.Messages[:q.Limit]
		} else {
			p.Messages = p.Messages[len(p.Messages)-q.Limit:]
		}
	}
	if len(p.Messages) > 0 {
		p.End.Through = p.Messages[len(p.Messages)-1].Seq
	}
	return p, nil
}

func (h *history) Last(_ context.Context, rooms []bus.RoomID) ([]uint64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]uint64, len(rooms))
	for i, room := range rooms {
		if m := h.rooms[room]; len(m) > 0 {
			out[i] = m[len(m)-1].Seq
		}
	}
	return out, nil
}

// trouble is a store whose reads and commits fail as told.
type trouble struct {
	membership.Store
	err atomic.Pointer[error]
}

func (s *trouble) fail(err error) { s.err.Store(&err) }

func (s *trouble) now() error {
	if err := s.err.Load(); err != nil {
		return *err
	}
	return nil
}

func (s *trouble) Commit(ctx context.Context, b membership.Batch) error {
	if err := s.now(); err != nil {
		return err
	}
	return s.Store.Commit(ctx, b)
}

func (s *trouble) Entries(ctx context.Context, log membership.Log, id chain.ID, from uint32, limit int) ([][]byte, error) {
	if err := s.now(); err != nil {
		return nil, err
	}
	return s.Store.Entries(ctx, log, id, from, limit)
}

func (s *trouble) Blobs(ctx context.Context, id bus.Hash) ([]membership.BlobRow, error) {
	if err := s.now(); err != nil {
		return nil, err
	}
	return s.Store.Blobs(ctx, id)
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex
	b    bytes.Buffer
	mute bool
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mute {
		return len(p), nil
	}
	return b.b.Write(p)
}

// off lets the log go, so that a benchmark does not grow it.
func (b *lockedBuffer) off() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mute = true
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// eventually waits for something that another goroutine does.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 20_000 {
		if ok() {
			return
		}
		<-tick.C
	}
	tb.Fatalf("%s: did not happen", what)
}
