package broker

// counter says how many messages a room has from a sequence on, and where the
// first of them is. Messages may be added between two calls.
type counter func(seq uint64) (n, first uint64, err error)

// seekRounds bounds the questions of one seek; four are the ordinary case.
const seekRounds = 12

// seek finds where to start reading so that the newest n messages below end
// lie behind it, with few others: between n and 3n in the ordinary case. It
// returns how many messages lie in front, and 0 for from when there are none
// below end. A room's messages are spread over its shard unevenly, so this is
// a search by interpolation, then by halves.
func seek(count counter, end, n uint64) (from, older uint64, err error) {
	total, first, err := count(1)
	if err != nil || total == 0 || first >= end {
		return 0, 0, err
	}
	beyond, _, err := count(end)
	if err != nil {
		return 0, 0, err
	}
	have := total - min(beyond, total)
	if have <= 3*n {
		return first, 0, nil
	}
	s := search{count: count, end: end, beyond: beyond, want: n, low: point{first, have}, high: point{end, 0}}
	found, err := s.run()
	return found.seq, have - min(found.n, have), err
}

// point is a sequence, and how many messages lie from it to the end.
type point struct{ seq, n uint64 }

// search narrows where want to 3*want messages lie before end: too many from
// low on, too few from high on.
type search struct {
	count     counter
	end       uint64
	beyond    uint64 // messages at end or later
	want      uint64
	low, high point
}

// run returns low when it finds nothing better: more to read, but nothing missed.
func (s *search) run() (point, error) {
	for round := 0; round < seekRounds && s.high.seq-s.low.seq > 1; round++ {
		at := s.guess(round)
		n, first, err := s.count(at)
		if err != nil {
			return point{}, err
		}
		if n -= min(s.beyond, n); n == 0 || first >= s.end {
			n = 0
		}
		switch {
		case n < s.want:
			s.high = point{at, n}
		case n > 3*s.want:
			s.low = point{first, n}
		default:
			return point{first, n}, nil
		}
	}
	return s.low, nil
}

// guess returns a sequence strictly between low and high where 1.5 want
// messages would lie before the end if they were spread evenly.
func (s *search) guess(round int) uint64 {
	width := s.high.seq - s.low.seq
	back := width / 2
	if round < 4 {
		share := (1.5*float64(s.want) - float64(s.high.n)) / float64(s.low.n-s.high.n)
		back = uint64(float64(width) * share)
	}
	return s.high.seq - min(max(back, 1), width-1)
}
