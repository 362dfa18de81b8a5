//go:build unix

package tui

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"unibus/internal/bus"
)

// crowd is a session with so many rooms, and so many messages in one of them.
func crowd(rooms, messages int) *fake {
	f := newFake()
	f.start.Self = "bob"
	for i := range rooms {
		id := bus.RoomID{byte(i + 1), byte(i >> 8), 1}
		f.start.Rooms = append(f.start.Rooms, Room{ID: id, Name: fmt.Sprint("room-", i), Role: bus.RoleMember, Members: 5, Unread: i % 3})
	}
	first := f.start.Rooms[0].ID
	f.start.Memory.Room = first
	f.start.Rooms[0].Last = uint64(messages)
	for n := range messages {
		f.has(said(first, n+1, "alice", "one of very many messages that are kept on this machine"))
	}
	return f
}

// BenchmarkStart is from nothing to a screen that one can use, with 200 rooms
// and 100,000 messages kept: what of it is the screen's.
func BenchmarkStart(b *testing.B) {
	f := crowd(200, 100_000)
	for b.Loop() {
		d := drive(b, f, 120, 40)
		if len(d.m.View().Content) == 0 || d.m.current.list.Len() < pageSize {
			b.Fatal("nothing is shown")
		}
	}
}

// BenchmarkKey is one key in a room that is full, drawn.
func BenchmarkKey(b *testing.B) {
	d := drive(b, crowd(200, 1000), 120, 40)
	for b.Loop() {
		d.press("x", "backspace")
		_ = d.m.View()
	}
}

// BenchmarkFlood is five seconds of 10,000 messages a second through the pump onto
// the screen. That may cost two seconds of processor time, 40 us a message; the
// goal is half of it, which leaves the rest to a short run that errs.
func BenchmarkFlood(b *testing.B) {
	const rate, seconds, goal = 10_000, 5, 20
	var used time.Duration
	for b.Loop() {
		f := crowd(20, 200)
		d := drive(b, f, 120, 40)
		room := f.start.Memory.Room
		in := make(chan []Event, 64)
		p := &pump{in: in, self: "bob"}
		done := make(chan struct{})
		p.send = func(batch batchMsg) {
			d.msg(batch)
			_ = d.m.View()
			if batch.ended {
				close(done)
			}
		}
		p.show(room)
		began := cpu()
		go p.run(context.Background())
		flood(in, room, rate, seconds)
		<-done
		used += cpu() - began
		if got := d.m.rooms[room].Last; got < seconds*rate {
			b.Fatalf("the newest message is %d", got)
		}
	}
	b.ReportMetric(0, "ns/op") // five seconds, whatever it costs
	b.ReportMetric(float64(used.Microseconds())/float64(b.N*seconds*rate), "us/each")
	b.ReportMetric(goal, "us_goal")
}

// flood sends for so many seconds, every millisecond a part of the rate.
func flood(in chan<- []Event, room bus.RoomID, rate, seconds int) {
	n := 200
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := n + seconds*rate; n < end; {
		<-tick.C
		batch := make([]Event, 0, rate/1000)
		for range rate / 1000 {
			n++
			batch = append(batch, happens(said(room, n, "alice", fmt.Sprint("message number ", n, " of a flood"))))
		}
		in <- batch
	}
	close(in)
}

// cpu is the time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
