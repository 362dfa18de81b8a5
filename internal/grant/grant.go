// Package grant turns facts about an endpoint into the NATS subjects that its
// connection may use.
//
// It promises allow-lists only, in which every room subject is a literal and
// the two wildcards end in the endpoint's own name space, and never an empty
// list: NATS reads an empty subscribe list as "everything". It must not ask
// who is a member; whoever calls it has checked.
package grant

import (
	"unibus/internal/bus"
	"unibus/internal/wire"
)

// Room is what an endpoint may do in one room.
type Room struct {
	ID    bus.RoomID
	Read  bool // subscribe to its live messages
	Write bool // post to the node that holds the connection
}

// Set is everything that a connection may publish and subscribe.
type Set struct {
	Publish, Subscribe []string
}

// Base is what every admitted connection of me to server has: its own answers
// and notices, and asking for more.
func Base(me bus.EndpointID, server wire.ServerToken) Set {
	return Set{
		Publish:   []string{wire.OpenSubject(me, server)},
		Subscribe: []string{wire.InboxWildcard(me), wire.EventWildcard(me)},
	}
}

// With is Base and the given rooms.
func With(me bus.EndpointID, server wire.ServerToken, rooms ...Room) Set {
	s := Base(me, server)
	for _, r := range rooms {
		if r.Write {
			s.Publish = append(s.Publish, wire.PostSubject(server, r.ID, me))
		}
		if r.Read {
			s.Subscribe = append(s.Subscribe, wire.OutSubject(r.ID))
		}
	}
	return s
}
