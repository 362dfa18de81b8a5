package client

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"unibus/internal/bus"
	"unibus/internal/seal"
)

func TestPack(t *testing.T) {
	t.Parallel()
	empty := seal.Record{}.Size()
	tests := []struct {
		name  string
		sizes []int // of records as encoded
		want  []int // letters a frame
	}{
		{"one", []int{100}, []int{1}},
		{"small ones", []int{100, 200, 300}, []int{3}},
		{"to the brim", []int{batch - empty, empty}, []int{2}},
		{"one byte over", []int{batch - empty, empty + 1}, []int{1, 1}},
		{"the largest", []int{bus.MaxRecords, 100}, []int{1, 1}},
		{"a large one between", []int{100, batch, 100, 100}, []int{1, 1, 2}},
		{"many", slices.Repeat([]int{1000}, 200), []int{batch / 1000, batch / 1000, batch / 1000, 200 - 3*(batch/1000)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := &outbox{}
			for i, size := range tt.sizes {
				o.add(letter{record: seal.Record{Kind: seal.KindText, Body: bytes.Repeat([]byte{byte(i)}, size-empty)}})
			}
			for len(o.waiting) > 0 {
				o.pack()
			}
			var got []int
			var order []letter
			for _, p := range o.parcels {
				got = append(got, len(p.letters))
				order = append(order, p.letters...)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("letters a frame: got %v, want %v", got, tt.want)
			}
			for i, l := range order {
				if l.record.Size() != tt.sizes[i] || len(l.record.Body) > 0 && l.record.Body[0] != byte(i) {
					t.Fatalf("letter %d is out of order", i)
				}
			}
			if o.size != 0 {
				t.Errorf("size of what waits: got %d, want 0", o.size)
			}
		})
	}
}

func TestPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &outbox{}
		want := func(when string, left time.Duration) {
			t.Helper()
			if got := o.patience(); got != left {
				t.Errorf("%s: got %v left, want %v", when, got, left)
			}
		}
		want("nothing was posted", answerWait)
		first, second := &parcel{posted: true, since: time.Now()}, &parcel{}
		o.parcels = []*parcel{second, first}
		time.Sleep(answerWait / 2)
		want("one is on its way", answerWait-answerWait/2)
		second.posted, second.since = true, time.Now()
		want("two are", answerWait-answerWait/2)
		o.remove(first)
		want("the older one was answered", answerWait)
		time.Sleep(answerWait)
		want("the other was lost", 0)
	})
}
