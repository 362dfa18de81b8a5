package cmd

import (
	"strings"
	"time"

	"unibus/internal/bus"
	"unibus/tui"
)

const (
	// measureEvery is how often a chat that is online looks how its node is.
	measureEvery = 5 * time.Minute
	// gapShown is how long reading what was missed takes before it is told: a line
	// that comes and goes at once is none.
	gapShown = 300 * time.Millisecond
)

// now tells the state of the connection.
func (s *chat) now(c tui.Conn) {
	s.connected.Lock()
	defer s.connected.Unlock()
	c.Since = s.env.Now()
	s.tellConn(c)
}

// tellConn tells of the connection, under its lock.
func (s *chat) tellConn(c tui.Conn) {
	if c.Node = s.name; c.Node == "" {
		c.Node = strings.TrimPrefix(s.c.URL(), "https://")
	}
	s.conn = c
	s.tell(tui.Event{Conn: &c})
}

// state is that of the connection now.
func (s *chat) state() tui.ConnState {
	s.connected.Lock()
	defer s.connected.Unlock()
	return s.conn.State
}

// measure tells how the node is that one is connected to: its name, how safe it
// is, how far away, and what its clock says.
func (s *chat) measure() {
	n, err := s.c.Node(s.ctx)
	if err != nil {
		return // the connection tells
	}
	s.connected.Lock()
	defer s.connected.Unlock()
	s.name = n.Name
	s.tell(tui.Event{Posture: &n.Posture})
	if c := s.conn; c.State == tui.Online {
		c.RTT, c.Skew = n.RTT, n.Ahead
		s.tellConn(c)
	}
}

// watch measures again from time to time, and looks into rooms that are not followed.
func (s *chat) watch() {
	every := time.NewTicker(measureEvery)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			if s.state() == tui.Online {
				s.measure()
				s.glance(s.missed())
			}
		case <-s.ctx.Done():
			return
		}
	}
}

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
