package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"unibus/internal/bus"
)

// shelf has pieces and counts who holds one open. Later pieces come sooner, as
// they may from a network.
type shelf struct {
	pieces map[bus.Hash][]byte
	fail   map[bus.Hash]error
	open   atomic.Int32
	most   atomic.Int32
}

// newShelf keeps data and, under the id of piece i, bad[i] in place of it.
func newShelf(data []byte, bad map[int][]byte) (*shelf, Manifest) {
	s := &shelf{pieces: map[bus.Hash][]byte{}, fail: map[bus.Hash]error{}}
	m := Manifest{Total: int64(len(data))}
	for i := 0; len(data) > 0; i++ {
		piece := data[:min(bus.PieceSize, len(data))]
		data = data[len(piece):]
		id := ID(piece)
		if b, ok := bad[i]; ok {
			piece = b
		}
		s.pieces[id] = piece
		m.Pieces = append(m.Pieces, id)
	}
	return s, m
}

func (s *shelf) fetch(ctx context.Context, id bus.Hash) (io.ReadCloser, error) {
	if err := s.fail[id]; err != nil {
		return nil, err
	}
	n := s.open.Add(1)
	s.most.Store(max(s.most.Load(), n))
	// The last piece, shorter than the others, is there first.
	select {
	case <-time.After(time.Duration(len(s.pieces[id])) * time.Nanosecond):
	case <-ctx.Done():
		s.open.Add(-1)
		return nil, ctx.Err()
	}
	return &lent{Reader: bytes.NewReader(s.pieces[id]), shelf: s}, nil
}

type lent struct {
	io.Reader
	shelf *shelf
}

func (l *lent) Close() error {
	l.shelf.open.Add(-1)
	return nil
}

func TestJoin(t *testing.T) {
	t.Parallel()
	for _, size := range []int{bus.PieceSize + 1, 2 * bus.PieceSize, 3*bus.PieceSize + 777} {
		for _, inflight := range []int{0, 1, 2, 8} {
			synctest.Test(t, func(t *testing.T) {
				data := ciphertext(size)
				s, m := newShelf(data, nil)
				j := Join(t.Context(), m, inflight, s.fetch)
				got, err := io.ReadAll(j)
				if err != nil || !bytes.Equal(got, data) {
					t.Errorf("%d bytes, %d in flight: got %d, %v", size, inflight, len(got), err)
				}
				if err := j.Close(); err != nil || s.open.Load() != 0 {
					t.Errorf("close: %v, %d pieces open", err, s.open.Load())
				}
				if most := int(s.most.Load()); most > max(inflight, 1) {
					t.Errorf("%d pieces open at a time, want %d", most, inflight)
				}
			})
		}
	}
}

func TestJoinRefuses(t *testing.T) {
	t.Parallel()
	data := ciphertext(2*bus.PieceSize + 777)
	flip := func(b []byte) []byte {
		b = bytes.Clone(b)
		b[len(b)-1] ^= 1
		return b
	}
	middle, last := data[bus.PieceSize:2*bus.PieceSize], data[2*bus.PieceSize:]
	for name, c := range map[string]struct {
		bad  map[int][]byte
		want error
		good int // bytes that come out before
	}{
		"first piece damaged":  {map[int][]byte{0: flip(data[:bus.PieceSize])}, ErrDigest, 0},
		"middle piece damaged": {map[int][]byte{1: flip(middle)}, ErrDigest, bus.PieceSize},
		"last piece damaged":   {map[int][]byte{2: flip(last)}, ErrDigest, 2 * bus.PieceSize},
		"pieces swapped":       {map[int][]byte{0: middle, 1: data[:bus.PieceSize]}, ErrDigest, 0},
		"piece cut":            {map[int][]byte{1: middle[:1000]}, ErrSize, bus.PieceSize},
		"piece gone":           {map[int][]byte{2: {}}, ErrSize, 2 * bus.PieceSize},
		"piece longer":         {map[int][]byte{2: append(bytes.Clone(last), 1)}, ErrSize, 2 * bus.PieceSize},
	} {
		for _, inflight := range []int{1, 3} {
			synctest.Test(t, func(t *testing.T) {
				s, m := newShelf(data, c.bad)
				j := Join(t.Context(), m, inflight, s.fetch)
				defer j.Close()
				got, err := io.ReadAll(j)
				if !errors.Is(err, c.want) || !bytes.Equal(got, data[:c.good]) {
					t.Errorf("%s: got %d bytes, %v; want %d, %v", name, len(got), err, c.good, c.want)
				}
				if _, again := j.Read(make([]byte, 1)); !errors.Is(again, c.want) {
					t.Errorf("%s: then %v", name, again)
				}
			})
		}
	}
}

// TestJoinLyingManifest: sizes that the manifest claims are held to as well.
func TestJoinLyingManifest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, m := newShelf(ciphertext(bus.PieceSize+777), nil)
		m.Total++
		j := Join(t.Context(), m, 2, s.fetch)
		defer j.Close()
		if got, err := io.ReadAll(j); !errors.Is(err, ErrSize) || len(got) != bus.PieceSize {
			t.Errorf("got %d bytes, %v; want ErrSize after the first piece", len(got), err)
		}
	})
	j := Join(t.Context(), Manifest{Total: 5, Pieces: make([]bus.Hash, 1)}, 2, nil)
	defer j.Close()
	if _, err := j.Read(make([]byte, 1)); !errors.Is(err, ErrManifest) {
		t.Errorf("a manifest of one piece: %v, want ErrManifest", err)
	}
}

func TestJoinFetchFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, m := newShelf(ciphertext(3*bus.PieceSize), nil)
		s.fail[m.Pieces[1]] = errSource
		j := Join(t.Context(), m, 2, s.fetch)
		defer j.Close()
		if got, err := io.ReadAll(j); !errors.Is(err, errSource) || len(got) != bus.PieceSize {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
	})
	broken := func(context.Context, bus.Hash) (io.ReadCloser, error) {
		return io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF)), nil
	}
	_, m := newShelf(ciphertext(bus.PieceSize+1), nil)
	j := Join(t.Context(), m, 2, broken)
	defer j.Close()
	if _, err := io.ReadAll(j); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("body cut off: %v", err)
	}
}

// TestJoinStops: synctest fails when a goroutine is left.
func TestJoinStops(t *testing.T) {
	t.Parallel()
	for _, byClose := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, m := newShelf(ciphertext(4*bus.PieceSize), nil)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			j := Join(ctx, m, 2, s.fetch)
			if _, err := io.ReadFull(j, make([]byte, 10)); err != nil {
				t.Fatal(err)
			}
			want := io.ErrClosedPipe
			if !byClose {
				cancel()
				_, err := io.Copy(io.Discard, j)
				want = context.Canceled
				if !errors.Is(err, want) {
					t.Errorf("read after cancel: %v", err)
				}
			}
			if err := j.Close(); err != nil || s.open.Load() != 0 {
				t.Errorf("close: %v, %d pieces open", err, s.open.Load())
			}
			if _, err := j.Read(make([]byte, 1)); !errors.Is(err, want) {
				t.Errorf("read after close: %v, want %v", err, want)
			}
		})
	}
}
