// Package costtest compares what an operation costs with what nobody can do it
// without, as a Go benchmark.
//
// Both are timed in turn, in bursts of about a millisecond, and what is
// reported is the median of the ratios of neighbours: what else the machine
// does falls on both, and a burst that was interrupted does not count. Times
// are those of one machine; the ratio is what a change must keep. It holds
// nothing that ships; only tests may import it.
package costtest

import (
	"slices"
	"testing"
	"time"
)

// burst is how long one side runs before the other has its turn: long against
// the clock, short against the time slices of a busy machine.
const burst = time.Millisecond

// Ratio runs ours and bare in turn and reports "x_bare", how many times the
// cost of bare ours has, beside the "x_goal" that it should not exceed, and
// "us/op" of ours. Either may run any number of times.
func Ratio(b *testing.B, goal float64, ours, bare func()) {
	b.Helper()
	our, their := fit(ours), fit(bare)
	var ratios []float64
	var times []time.Duration
	for b.Loop() {
		mine, other := pair(len(ratios)%2 == 0, our, their)
		ratios = append(ratios, float64(mine)/float64(other))
		times = append(times, mine)
	}
	report(b, times)
	b.ReportMetric(median(ratios), "x_bare")
	b.ReportMetric(goal, "x_goal")
}

// Each runs ours, which handles count things, and reports "us/each", the
// median time for one of them in microseconds, beside the "us_goal" that it
// should not exceed on a machine like ours.
func Each(b *testing.B, goal float64, count int, ours func()) {
	b.Helper()
	our := fit(ours)
	var times []time.Duration
	for b.Loop() {
		times = append(times, our.run())
	}
	report(b, times)
	b.ReportMetric(micros(median(times))/float64(count), "us/each")
	b.ReportMetric(goal, "us_goal")
}

// report hides the figures of whole rounds, which say nothing.
func report(b *testing.B, times []time.Duration) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(micros(median(times)), "us/op")
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// pair times both, one or the other first: what the first leaves to the
// garbage collector is not always the other's to pay.
func pair(first bool, ours, bare side) (mine, other time.Duration) {
	if first {
		mine = ours.run()
		return mine, bare.run()
	}
	other = bare.run()
	return ours.run(), other
}

// side is what is timed, as often as fills a burst.
type side struct {
	do    func()
	times int
}

// fit finds how often do fits a burst, after a run that warms it up.
func fit(do func()) side {
	do()
	once := max(side{do, 1}.run(), 1)
	return side{do, max(1, int(burst/once))}
}

// run returns the time of one do.
func (s side) run() time.Duration {
	start := time.Now()
	for range s.times {
		s.do()
	}
	return time.Since(start) / time.Duration(s.times)
}

func median[T float64 | time.Duration](of []T) T {
	slices.Sort(of)
	return of[len(of)/2]
}
