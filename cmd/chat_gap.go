package cmd

import (
	"time"

	"unibus/internal/bus"
	"unibus/tui"
)

// gapShown is how long reading what was missed takes before it is told: a line that
// comes and goes at once is none.
const gapShown = 300 * time.Millisecond

// gap is what is being read of a room because it was missed.
type gap struct {
	timer *time.Timer
	told  bool
}

// filling tells that what was missed of a room is being read, where that takes
// longer than a glance, and that it is there.
func (s *chat) filling(id bus.RoomID, begun bool) {
	s.filled.Lock()
	defer s.filled.Unlock()
	g := s.gaps[id]
	switch {
	case begun && g == nil:
		g = &gap{}
		g.timer = time.AfterFunc(gapShown, func() { s.tellGap(id, g) })
		s.gaps[id] = g
	case !begun && g != nil:
		g.timer.Stop()
		delete(s.gaps, id)
		if g.told {
			s.tell(tui.Event{Room: id, Fill: &tui.Fill{Done: true}})
		}
	}
}

func (s *chat) tellGap(id bus.RoomID, g *gap) {
	s.filled.Lock()
	defer s.filled.Unlock()
	if s.gaps[id] == g {
		g.told = true
		s.tell(tui.Event{Room: id, Fill: &tui.Fill{}})
	}
}
