package client_test

import (
	"fmt"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/nodetest"
)

// A room is read page by page in both directions, and every message stands on
// one page.
func TestPages(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice := b.Alice(b.General)
	var seqs []uint64
	for n := range 7 {
		seqs = append(seqs, send(t, b.Admin.Client, b.General, fmt.Sprint(n)).Seq)
	}
	page := func(s client.Span) (texts []string, first uint64, more bool) {
		t.Helper()
		events, more, err := alice.Page(nodetest.Context(t), b.General, s)
		must(t, err)
		for _, e := range events {
			if e.Message != nil {
				if first == 0 {
					first = e.Message.Seq
				}
				texts = append(texts, e.Message.Text)
			}
		}
		return texts, first, more
	}
	texts, first, more := page(client.Span{Limit: 3})
	if got := fmt.Sprint(texts, more); got != "[4 5 6] true" {
		t.Errorf("the newest page: %s", got)
	}
	texts, first, more = page(client.Span{Before: first, Limit: 3})
	if got := fmt.Sprint(texts, more); got != "[1 2 3] true" {
		t.Errorf("the page before it: %s", got)
	}
	if texts, _, more = page(client.Span{Before: first, Limit: 3}); fmt.Sprint(texts, more) != "[0] false" {
		t.Errorf("the first page: %s, more %v", texts, more)
	}
	if texts, _, more = page(client.Span{After: seqs[1], Limit: 4}); fmt.Sprint(texts, more) != "[2 3 4 5] true" {
		t.Errorf("a page after a message: %s, more %v", texts, more)
	}
	if texts, _, more = page(client.Span{After: seqs[6], Limit: 4}); fmt.Sprint(texts, more) != "[] false" {
		t.Errorf("the page after the newest: %s, more %v", texts, more)
	}
}

// What was sent before one came is not there, however far back one looks.
func TestPagesBeginWhereOneJoined(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	for n := range 5 {
		send(t, b.Admin.Client, b.General, fmt.Sprint("early ", n))
	}
	alice := b.Alice(b.General)
	events, more, err := alice.Page(nodetest.Context(t), b.General, client.Span{Limit: 2})
	must(t, err)
	if len(events) != 1 || events[0].Start == nil || more {
		t.Errorf("got %d events, more %v; want that one joined, and no more", len(events), more)
	}
}

// What waits keeps its order and its room, and is there for the next client.
func TestQueue(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	ctx := nodetest.Context(t)
	alice := b.Alice(b.General)
	first, second := text("first"), text("second")
	must(t, alice.Queue(ctx, b.General, first))
	must(t, alice.Queue(ctx, b.General, second))
	must(t, alice.Queue(ctx, b.General, first))
	must(t, alice.Queue(ctx, bus.RoomID{1}, text("elsewhere")))
	waiting, err := alice.Queued(ctx, b.General)
	must(t, err)
	if len(waiting) != 2 || waiting[0].Record.ID != first.ID || string(waiting[1].Record.Body) != "second" {
		t.Fatalf("what waits: %v", waiting)
	}
	must(t, alice.Unqueue(ctx, first.ID))
	must(t, alice.Unqueue(ctx, first.ID))
	if waiting, err = alice.Queued(ctx, b.General); err != nil || len(waiting) != 1 {
		t.Errorf("after the first was sent %d wait (%v)", len(waiting), err)
	}
	if m := client.Preview(second); m.Kind != "text" || m.Text != "second" || m.ID != second.ID {
		t.Errorf("a preview: %+v", m)
	}
	long := text("long")
	long.Body = make([]byte, bus.MaxRecords+1)
	wantError(t, "a record of no frame", alice.Queue(ctx, b.General, long), bus.TooLarge, "too_large")
}
