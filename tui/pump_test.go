package tui

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"unibus/internal/bus"
)

// gathered runs a pump over what feed sends, into a screen that needs a while
// for each batch.
func gathered(t *testing.T, slow time.Duration, feed func(in chan<- []Event)) (got []batchMsg) {
	t.Helper()
	in := make(chan []Event)
	p := &pump{in: in, self: "bob", send: func(b batchMsg) {
		time.Sleep(slow) // of the bubble: the screen draws
		got = append(got, b)
	}}
	p.show(ops)
	ended := make(chan struct{})
	go func() {
		p.run(context.Background())
		close(ended)
	}()
	feed(in)
	close(in)
	<-ended
	return got
}

// TestPumpBatches: what comes within 16 ms comes as one, in order, and nothing
// waits for longer.
func TestPumpBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		got := gathered(t, 0, func(in chan<- []Event) {
			for n := range 100 {
				in <- []Event{happens(said(ops, n+1, "alice", "x"))}
				time.Sleep(time.Millisecond)
			}
		})
		if len(got) < 6 || len(got) > 8 || !got[len(got)-1].ended {
			t.Errorf("%d batches for 100 ms, want one each 16 ms", len(got))
		}
		last := uint64(0)
		for _, b := range got {
			for _, e := range b.events {
				if e.Happened.Message.Seq != last+1 {
					t.Fatalf("%d after %d", e.Happened.Message.Seq, last)
				}
				last++
			}
		}
		if last != 100 {
			t.Errorf("%d of 100 came", last)
		}
	})
}

// TestPumpAndASlowScreen: the session never waits for the screen. What the
// screen does not keep is counted; of the room that is seen the newest stay,
// and what is no message is never lost.
func TestPumpAndASlowScreen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		got := gathered(t, time.Second, func(in chan<- []Event) {
			time.Sleep(20 * time.Millisecond)
			for n := range 20_000 {
				in <- []Event{happens(said(ops, n+1, "alice", "x")), happens(said(general, n+1, "alice", "@bob x"))}
			}
			in <- []Event{{Conn: &Conn{State: Online}}}
			if time.Since(began) > 30*time.Millisecond {
				t.Error("the session waited for the screen")
			}
		})
		var kept, lost, conns int
		for _, b := range got {
			if len(b.events) > pumpSize+2 {
				t.Errorf("a batch of %d events", len(b.events))
			}
			for _, e := range b.events {
				if e.Conn != nil {
					conns++
				} else {
					kept++
				}
			}
			for room, l := range b.lost {
				lost += l.unread
				if room == general && l.mentions != l.unread || room == ops && l.mentions != 0 {
					t.Errorf("lost %+v", l)
				}
			}
		}
		if kept+lost != 40_000 || conns != 1 {
			t.Errorf("%d kept and %d counted of 40000, %d states", kept, lost, conns)
		}
		end := got[len(got)-1].events
		if newestOf(end, ops) != 20_000 {
			t.Errorf("the newest message of the room that is seen is %d", newestOf(end, ops))
		}
	})
}

// TestPumpAndWhatDoesNotOpen: a member who sends what cannot be shown, and leaves
// numbers out, grows no memory while the screen is behind, and nothing that he leaves
// out is forgotten.
func TestPumpAndWhatDoesNotOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const frames = 20_000
		got := gathered(t, time.Second, func(in chan<- []Event) {
			time.Sleep(20 * time.Millisecond)
			for n := range frames {
				in <- []Event{{Room: general, Happened: &bus.Event{Undecryptable: &bus.UndecryptableEvent{Seq: uint64(n + 1)}}},
					{Room: ops, Happened: &bus.Event{Gap: &bus.GapEvent{From: "mallory", Missed: 1}}},
					{Room: ops, Happened: &bus.Event{Order: &bus.OrderEvent{From: "mallory"}}}}
			}
		})
		missed, last := uint64(0), uint64(0)
		for _, b := range got {
			if len(b.events) > pumpSize+3 {
				t.Errorf("a batch of %d events", len(b.events))
			}
			for _, e := range b.events {
				if e.Happened.Gap != nil {
					missed += uint64(e.Happened.Gap.Missed)
				}
				if u := e.Happened.Undecryptable; u != nil {
					last = max(last, u.Seq)
				}
			}
			last = max(last, b.lost[general].last)
		}
		if missed != frames || last != frames {
			t.Errorf("%d missed, last %d; want %d", missed, last, frames)
		}
	})
}

func newestOf(events []Event, room bus.RoomID) (seq uint64) {
	for _, e := range events {
		if e.Room == room && e.Happened != nil {
			seq = e.Happened.Message.Seq
		}
	}
	return seq
}

func TestPumpEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(context.Background())
		p := &pump{in: make(chan []Event), send: func(batchMsg) {}}
		ended := make(chan struct{})
		go func() {
			p.run(ctx)
			close(ended)
		}()
		stop()
		<-ended
	})
	d := online(t, 80, 24)
	d.msg(batchMsg{ended: true})
	d.wants("X the session is over")
}

// Attack: as many long messages as a stranger likes, while the screen is slow. What
// waits is bounded in bytes too.
func TestPumpIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	b, words := batchMsg{}, strings.Repeat("x", 64<<10)
	p := &pump{self: "bob"}
	p.show(ops)
	for n := range 1000 {
		p.gather(&b, []Event{happens(said(ops, n+1, "mallory", words)), happens(said(general, n+1, "mallory", words))})
		held := 0
		for i := range b.events {
			held += wordsIn(&b.events[i])
		}
		if held > pumpBytes || held != b.bytes {
			t.Fatalf("%d bytes wait, %d were counted", held, b.bytes)
		}
	}
	last := b.events[len(b.events)-1].Happened.Message
	if b.lost[general].unread+b.lost[ops].unread == 0 || b.lost[general].last != 1000 && last.Room != general {
		t.Errorf("lost %v", b.lost)
	}
}
