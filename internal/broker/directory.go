package broker

import (
	"time"

	"unibus/internal/bus"
	"unibus/internal/grant"
	"unibus/internal/identity"
)

// Directory is what the broker asks about people and rooms. It answers from
// memory, at once: it is called for every connection, for every room of an
// open request, and for all open rooms every two seconds. It is safe for
// concurrent use, and holds no lock that is held around a call of the broker.
//
// A change must be visible here before Renew or Cut announces it.
type Directory interface {
	// Endpoint returns the active endpoint that connects with t. Any error denies.
	Endpoint(t identity.TransportID) (Party, error)
	// Room returns what me may do in room: bus.ErrNotMember for a room that me
	// is not in and for one that does not exist. Any error denies.
	Room(me bus.EndpointID, room bus.RoomID) (RoomFacts, error)
	// Readers lists who may read a room, some of whom are connected; nobody
	// when that cannot be told. It is asked for rooms with news, once a second.
	Readers(room bus.RoomID) []bus.EndpointID
	// Fresh reports whether the answers above still hold (the node's lease).
	// While it is false nobody is admitted, nothing granted, nothing stored.
	Fresh() bool
}

// Party is an endpoint and whose it is.
type Party struct {
	Endpoint bus.EndpointID
	Account  bus.AccountID // whose cap connections count against
}

// RoomFacts is what the broker has to know about one endpoint in one room.
type RoomFacts struct {
	Account  bus.AccountID // whose caps posts count against; of the endpoint, never zero
	Shard    int           // 0 .. wire.Shards-1, fixed when the room was made
	Persist  bool          // else live only
	PostOnly bool          // no live messages: its scope is to publish alone
	Write    bool
	Until    time.Time  // what it posts later is refused; zero: never
	Tip      bus.Prefix // see wire.OpenRoom
}

func (f RoomFacts) grant(room bus.RoomID) grant.Room {
	return grant.Room{ID: room, Read: !f.PostOnly, Write: f.Write}
}
