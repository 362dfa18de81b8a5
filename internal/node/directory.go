package node

import (
	"unibus/internal/broker"
	"unibus/internal/bus"
	"unibus/internal/identity"
	"unibus/internal/membership"
)

// directory answers the data plane's questions about people and rooms.
type directory struct{ members *membership.Service }

// Endpoint is asked for every connection.
func (d directory) Endpoint(t identity.TransportID) (broker.Party, error) {
	by, err := d.members.Endpoint(t)
	return broker.Party{Endpoint: by.Endpoint, Account: by.Account}, err
}

// Room is asked for every room that is opened, and again while it is open.
func (d directory) Room(me bus.EndpointID, room bus.RoomID) (broker.RoomFacts, error) {
	f, err := d.members.RoomFacts(me, room)
	if err != nil {
		return broker.RoomFacts{}, err
	}
	return broker.RoomFacts{Account: f.Account, Shard: f.Shard, Persist: f.Persist, PostOnly: !f.Read,
		Write: f.Write, Until: f.Until, Tip: f.Tip}, nil
}

// Readers are who may be told that a room has news.
func (d directory) Readers(room bus.RoomID) []bus.EndpointID { return d.members.Readers(room) }

// Fresh is true: a node that is alone is its own quorum.
func (d directory) Fresh() bool { return true }
