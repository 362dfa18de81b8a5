package chain_test

import (
	"errors"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/identity"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 123456789, time.UTC)

// grow is a chain of n entries, a minute apart, and its newest entry.
func grow(t *testing.T, n int) (chain.Tail, *chain.Entry) {
	t.Helper()
	tail, last := chain.Tail{Bus: bus.ID{1}, Chain: chain.ID{2}}, (*chain.Entry)(nil)
	for i := range n {
		last = tail.New(1, nil, chain.Author{}, start.Add(time.Duration(i)*time.Minute)).Sign(identity.ContextBus, key(1))
		if err := tail.Link(last); err != nil {
			t.Fatal(err)
		}
		tail = tail.After(last)
	}
	return tail, last
}

func TestTailGrows(t *testing.T) {
	t.Parallel()
	tail, last := grow(t, 3)
	if tail.Len != 3 || tail.Hash != last.Hash() || tail.Head() != last.Head() {
		t.Errorf("after entry %d: %+v", last.Index, tail)
	}
	author := chain.Author{Account: bus.AccountID{3}, Endpoint: bus.EndpointID{4}, Seen: bus.Ref{Index: 5}}
	e := tail.New(7, []byte("x"), author, start)
	if e.Bus != tail.Bus || e.Chain != tail.Chain || e.Index != 3 || e.Prev != last.Hash() || e.Op != 7 ||
		string(e.Body) != "x" || e.Account != author.Account || e.Actor != author.Endpoint || e.Seen != author.Seen {
		t.Errorf("got %+v", e)
	}
	if want := start.Truncate(time.Millisecond); !e.Time.Equal(want) {
		t.Errorf("time is %v, want %v: entries hold milliseconds", e.Time, want)
	}
}

func TestLink(t *testing.T) {
	t.Parallel()
	tail, last := grow(t, 2)
	for _, tc := range []struct {
		name   string
		change func(*chain.Entry)
		want   error
	}{
		{"the next entry", func(*chain.Entry) {}, nil},
		{"of another bus", func(e *chain.Entry) { e.Bus[0]++ }, chain.ErrLink},
		{"of another chain", func(e *chain.Entry) { e.Chain[0]++ }, chain.ErrLink},
		{"of no chain", func(e *chain.Entry) { e.Chain = chain.ID{} }, chain.ErrLink},
		{"at a taken index", func(e *chain.Entry) { e.Index-- }, chain.ErrBehind},
		{"beyond the end", func(e *chain.Entry) { e.Index++ }, chain.ErrBehind},
		{"on another entry", func(e *chain.Entry) { e.Prev[0]++ }, chain.ErrBehind},
		{"on nothing", func(e *chain.Entry) { e.Prev = bus.Hash{} }, chain.ErrBehind},
		{"five minutes older", func(e *chain.Entry) { e.Time = last.Time.Add(-bus.ChainSkew) }, nil},
		{"a millisecond more", func(e *chain.Entry) { e.Time = last.Time.Add(-bus.ChainSkew - time.Millisecond) }, chain.ErrTime},
		{"a year newer", func(e *chain.Entry) { e.Time = last.Time.AddDate(1, 0, 0) }, nil},
	} {
		e := tail.New(1, nil, chain.Author{}, last.Time)
		tc.change(e)
		if err := tail.Link(e); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.name, err, tc.want)
		}
	}
}

// TestSkewDoesNotAddUp goes back by almost five minutes again and again.
func TestSkewDoesNotAddUp(t *testing.T) {
	t.Parallel()
	tail, last := grow(t, 1)
	back := tail.New(1, nil, chain.Author{}, last.Time.Add(-4*time.Minute)).Sign(identity.ContextBus, key(1))
	if err := tail.Link(back); err != nil {
		t.Fatal(err)
	}
	tail = tail.After(back)
	if !tail.Time.Equal(last.Time) {
		t.Errorf("the chain's time went back to %v", tail.Time)
	}
	again := tail.New(1, nil, chain.Author{}, back.Time.Add(-4*time.Minute))
	if err := tail.Link(again); !errors.Is(err, chain.ErrTime) {
		t.Errorf("eight minutes back in two steps: got %v, want bad_time", err)
	}
}
