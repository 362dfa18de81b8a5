package timeline

import (
	"testing"
	"time"

	"unibus/internal/costtest"
)

const (
	small = 100
	large = 100_000
	// goal is how much dearer a large room may be.
	goal = 2
)

// rooms are a large and a small one, as after a while of use.
func rooms() (big, little *List) {
	big, little = filled(large, 96, 36), filled(small, 96, 36)
	for _, l := range []*List{big, little} {
		_ = l.View()
	}
	return big, little
}

func BenchmarkAppendAndView(b *testing.B) {
	big, little := rooms()
	n := large
	add := func(l *List) func() {
		return func() {
			n++
			l.Append(message(n, "one more message that came over the wire"))
			if l == little {
				l.Trim(small * 2 * entryWeight)
			}
			_ = l.View()
		}
	}
	costtest.Ratio(b, goal, add(big), add(little))
}

func BenchmarkPageUpAndView(b *testing.B) {
	big, little := rooms()
	page := func(l *List) func() {
		return func() {
			if l.bottom()-l.first() < 2*l.height {
				l.Bottom()
			}
			l.look.serial++ // nothing is remembered: the dearest case
			l.Page(-1)
			_ = l.View()
		}
	}
	costtest.Ratio(b, goal, page(big), page(little))
}

func BenchmarkResizeAndView(b *testing.B) {
	big, little := rooms()
	width := 96
	resize := func(l *List) func() {
		return func() {
			width = 60 + (width+1)%60
			l.Size(width, 36)
			_ = l.View()
		}
	}
	costtest.Ratio(b, goal, resize(big), resize(little))
}

func BenchmarkPrepend(b *testing.B) {
	big, little := rooms()
	page := make([]*Entry, 200)
	prepend := func(l *List) func() {
		return func() {
			for i := range page {
				page[i] = &Entry{Seq: 1, Time: noon, From: "alice", Text: "older"}
			}
			l.Prepend(page)
			l.old = l.old[:len(l.old)-len(page)]
			_ = l.View()
		}
	}
	costtest.Ratio(b, goal, prepend(big), prepend(little))
}

// TestAllocationsAreFlat: what is allocated for one more message does not grow
// with the room.
func TestAllocationsAreFlat(t *testing.T) {
	cost := func(n int) float64 {
		l := filled(n, 96, 36)
		i := n
		return testing.AllocsPerRun(200, func() {
			i++
			l.Append(&Entry{Seq: uint64(i), Time: noon.Add(time.Duration(i)), From: "alice", Text: "one more"})
			_ = l.View()
		})
	}
	few, many := cost(small), cost(20_000)
	t.Logf("%v allocations in a small room, %v in a large one", few, many)
	if many > few+2 {
		t.Errorf("%v allocations in a large room, %v in a small one", many, few)
	}
}
