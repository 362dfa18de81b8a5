package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"unibus/internal/bus"
)

// ciphertext is size bytes that do not repeat.
func ciphertext(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// cut returns the pieces of r as they were when they came.
func cut(t *testing.T, c *Cutter) (pieces [][]byte, err error) {
	t.Helper()
	for {
		p, err := c.Next(t.Context())
		if err != nil {
			if _, again := c.Next(t.Context()); !errors.Is(again, err) {
				t.Errorf("after %v comes %v", err, again)
			}
			return pieces, err
		}
		if p.Index != len(pieces) || p.ID != ID(p.Data) {
			t.Errorf("piece %d of %d bytes has index %d and id %s", len(pieces), len(p.Data), p.Index, p.ID)
		}
		pieces = append(pieces, bytes.Clone(p.Data))
		p.Release()
		p.Release()
	}
}

func TestCutter(t *testing.T) {
	t.Parallel()
	data := ciphertext(2*bus.PieceSize + 12345)
	for name, c := range map[string]struct {
		size   int
		pieces int
	}{
		"one byte":             {1, 1},
		"less than a piece":    {1000, 1},
		"a piece":              {bus.PieceSize, 1},
		"a piece and one byte": {bus.PieceSize + 1, 2},
		"two pieces":           {2 * bus.PieceSize, 2},
		"two and a part":       {len(data), 3},
	} {
		t.Run(name, func(t *testing.T) {
			cutter := NewCutter(iotest.DataErrReader(bytes.NewReader(data[:c.size])), 1)
			pieces, err := cut(t, cutter)
			if err != io.EOF || !bytes.Equal(bytes.Join(pieces, nil), data[:c.size]) {
				t.Fatalf("%d pieces, other bytes or %v", len(pieces), err)
			}
			m := cutter.Manifest()
			if len(pieces) != c.pieces || len(m.Pieces) != c.pieces || m.Total != int64(c.size) {
				t.Fatalf("%d pieces, manifest %d of %d; want %d of %d", len(pieces), m.Total, len(m.Pieces), c.size, c.pieces)
			}
			for i, p := range pieces {
				if m.Pieces[i] != ID(p) || m.Size(i) != int64(len(p)) {
					t.Errorf("manifest has piece %d as %s of %d", i, m.Pieces[i], m.Size(i))
				}
			}
			if _, err := m.Encode(); (err == nil) != (c.pieces > 1) {
				t.Errorf("encode: %v", err)
			}
		})
	}
}

func TestCutterRefuses(t *testing.T) {
	t.Parallel()
	after := func(err error) io.Reader { return io.MultiReader(strings.NewReader("some"), iotest.ErrReader(err)) }
	for name, c := range map[string]struct {
		src  io.Reader
		want error
	}{
		"empty":             {strings.NewReader(""), ErrEmpty},
		"source breaks":     {after(errSource), errSource},
		"source is cut off": {after(io.ErrUnexpectedEOF), io.ErrUnexpectedEOF},
		"source idles":      {io.MultiReader(strings.NewReader("some"), idle{}), io.ErrNoProgress},
	} {
		cutter := NewCutter(c.src, 2)
		if pieces, err := cut(t, cutter); !errors.Is(err, c.want) || len(pieces) != 0 {
			t.Errorf("%s: %d pieces, %v, want %v", name, len(pieces), err, c.want)
		}
		if m := cutter.Manifest(); len(m.Pieces) != 0 {
			t.Errorf("%s: manifest has %d pieces", name, len(m.Pieces))
		}
	}
}

func TestCutterTooLarge(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]error{2 * bus.PieceSize: io.EOF, 2*bus.PieceSize + 1: ErrTooLarge} {
		cutter := NewCutter(bytes.NewReader(make([]byte, size)), 1)
		cutter.most = 2
		if pieces, err := cut(t, cutter); !errors.Is(err, want) || len(pieces) != 2 {
			t.Errorf("%d bytes: %d pieces, %v; want 2, %v", size, len(pieces), err, want)
		}
	}
}

// TestCutterWaits: with all buffers out Next waits for one to come back, and
// a cancel while it waits loses nothing.
func TestCutterWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		data := ciphertext(2*bus.PieceSize + 1)
		cutter := NewCutter(bytes.NewReader(data), 2)
		first, err1 := cutter.Next(t.Context())
		second, err2 := cutter.Next(t.Context())
		if err1 != nil || err2 != nil || &first.Data[0] == &second.Data[0] {
			t.Fatalf("two pieces: %v, %v", err1, err2)
		}
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan error)
		go func() {
			_, err := cutter.Next(ctx)
			got <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-got; !errors.Is(err, context.Canceled) {
			t.Errorf("next with no buffer: %v, want cancelled", err)
		}
		if first.ID != ID(first.Data) || second.ID != ID(second.Data) {
			t.Error("a piece changed before its release")
		}
		first.Release()
		third, err := cutter.Next(t.Context())
		if err != nil || !bytes.Equal(third.Data, data[2*bus.PieceSize:]) {
			t.Errorf("third piece: %v", err)
		}
	})
}

// TestCutterIsFlat is not parallel: it counts what the process allocates.
func TestCutterIsFlat(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cutter := NewCutter(io.LimitReader(zeros{}, 8*bus.PieceSize), 2)
	for {
		p, err := cutter.Next(t.Context())
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		p.Release()
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 3*bus.PieceSize {
		t.Errorf("8 pieces, 2 at a time, allocated %d MiB", grown>>20)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func BenchmarkCutter(b *testing.B) {
	b.SetBytes(4 * bus.PieceSize)
	b.ReportAllocs()
	for b.Loop() {
		cutter := NewCutter(io.LimitReader(zeros{}, 4*bus.PieceSize), 2)
		for p, err := cutter.Next(b.Context()); err == nil; p, err = cutter.Next(b.Context()) {
			p.Release()
		}
	}
}
