package cmd

import (
	"strings"
	"time"

	"unibus/tui"
)

// measureEvery is how often a chat that is online looks how its node is.
const measureEvery = 5 * time.Minute

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
