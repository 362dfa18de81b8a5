package limit

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"unibus/internal/bus"
)

func TestInflightLimiterBasics(t *testing.T) {
	t.Parallel()
	f := NewInflight(100)
	steps := []struct {
		reserve, release int64
		refused          bool
		want             int64
	}{
		{reserve: 60, want: 60},
		{reserve: 41, refused: true, want: 60},
		{reserve: 40, want: 100},
		{reserve: 1, refused: true, want: 100},
		{release: 40, want: 60},
		{release: 1000, want: 0}, // over-release
		{reserve: 101, refused: true, want: 0},
		{reserve: math.MaxInt64, refused: true, want: 0},
		{reserve: -5, want: 0},
		{release: -5, want: 0},
		{reserve: 100, want: 100},
		{reserve: math.MaxInt64, refused: true, want: 100},
		{release: 100, want: 0},
	}
	for i, s := range steps {
		err := f.Reserve(s.reserve)
		f.Release(s.release)
		if refused := err != nil; refused != s.refused || f.InFlight() != s.want {
			t.Fatalf("step %d: refused %v in flight %d, want %v and %d", i, refused, f.InFlight(), s.refused, s.want)
		}
		if err != nil && (bus.KindOf(err) != bus.Unavailable || bus.CodeOf(err) != "busy") {
			t.Fatalf("step %d: got %v (%s)", i, err, bus.CodeOf(err))
		}
	}
}

func TestInflightLimiterDisabled(t *testing.T) {
	t.Parallel()
	for _, limit := range []int64{0, -1} {
		f := NewInflight(limit)
		for range 3 {
			if err := f.Reserve(math.MaxInt64); err != nil {
				t.Errorf("limit %d: disabled budget refused: %v", limit, err)
			}
		}
		f.Release(5)
		if got := f.InFlight(); got != 0 {
			t.Errorf("limit %d: in flight %d, want 0", limit, got)
		}
	}
}

func TestInflightLimiterConcurrent(t *testing.T) {
	t.Parallel()
	const limit, each = 48, 16
	f := NewInflight(limit)
	var group sync.WaitGroup
	for range 40 {
		group.Go(func() {
			for range 500 {
				if f.Reserve(each) != nil {
					continue
				}
				if got := f.InFlight(); got < each || got > limit {
					t.Errorf("in flight %d, want %d to %d", got, each, limit)
				}
				f.Release(each)
			}
		})
	}
	group.Wait()
	if got := f.InFlight(); got != 0 {
		t.Errorf("in flight %d after all released, want 0", got)
	}
}

func TestReaderReservesWhatItReceives(t *testing.T) {
	t.Parallel()
	f := NewInflight(100)
	r := f.Reader(iotest.OneByteReader(strings.NewReader(strings.Repeat("x", 60))), 0)
	if f.InFlight() != 0 {
		t.Errorf("in flight %d before a byte came, want 0", f.InFlight())
	}
	got, err := io.ReadAll(r)
	if err != nil || len(got) != 60 || f.InFlight() != 60 {
		t.Fatalf("read %d bytes, %v, in flight %d; want 60", len(got), err, f.InFlight())
	}
	for range 2 {
		if err := r.Close(); err != nil || f.InFlight() != 0 {
			t.Fatalf("close: %v, in flight %d, want 0", err, f.InFlight())
		}
	}
	if _, err := r.Read(make([]byte, 1)); err == nil {
		t.Error("a closed reader went on reading")
	}
}

func TestReaderSheds(t *testing.T) {
	t.Parallel()
	f := NewInflight(48 << 20)
	var readers []*Reader
	shed := 0
	for range 60 {
		r := f.Reader(bytes.NewReader(make([]byte, 1<<20)), 0)
		readers = append(readers, r)
		if _, err := io.Copy(io.Discard, r); errors.Is(err, errBusy) {
			shed++
		}
	}
	if shed != 12 {
		t.Errorf("%d of 60 bodies of 1 MiB shed under 48 MiB, want 12", shed)
	}
	if _, err := readers[59].Read(make([]byte, 1)); !errors.Is(err, errBusy) {
		t.Errorf("a shed body reads on: %v", err)
	}
	for _, r := range readers {
		r.Close()
	}
	if got := f.InFlight(); got != 0 {
		t.Errorf("in flight %d after all closed, want 0", got)
	}
}

// A small body passes when the budget is spent, and one byte more does not.
func TestReaderLetsSmallBodiesPass(t *testing.T) {
	t.Parallel()
	f := NewInflight(100)
	if err := f.Reserve(100); err != nil {
		t.Fatal(err)
	}
	small := f.Reader(strings.NewReader(strings.Repeat("x", 10)), 10)
	if got, err := io.ReadAll(small); err != nil || len(got) != 10 || f.InFlight() != 100 {
		t.Errorf("small: %d bytes, %v, in flight %d", len(got), err, f.InFlight())
	}
	large := f.Reader(iotest.OneByteReader(strings.NewReader(strings.Repeat("x", 11))), 10)
	if _, err := io.ReadAll(large); !errors.Is(err, errBusy) {
		t.Errorf("large: %v, want busy", err)
	}
	f.Release(100)
	large = f.Reader(strings.NewReader(strings.Repeat("x", 11)), 10)
	if _, err := io.ReadAll(large); err != nil || f.InFlight() != 11 {
		t.Errorf("large, with room: %v, in flight %d, want all 11", err, f.InFlight())
	}
	small.Close()
	large.Close()
	if got := f.InFlight(); got != 0 {
		t.Errorf("in flight %d after all closed, want 0", got)
	}
}

func TestReaderPassesErrors(t *testing.T) {
	t.Parallel()
	f := NewInflight(10)
	r := f.Reader(iotest.ErrReader(io.ErrUnexpectedEOF), 0)
	if _, err := io.ReadAll(r); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want the error of the source", err)
	}
}
