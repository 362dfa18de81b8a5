package node

import (
	"sync"

	"unibus/internal/broker"
	"unibus/internal/bus"
	"unibus/internal/identity"
)

// directory answers the data plane's questions about people and rooms.
type directory struct{ node *Node }

// Endpoint is asked for every connection.
func (d directory) Endpoint(t identity.TransportID) (bus.EndpointID, error) {
	who, err := d.node.members.Authorize(t)
	if err != nil {
		return bus.EndpointID{}, err
	}
	if who.Invite != nil {
		return bus.EndpointID{}, bus.ErrUnknownSigner // one-time keys do not connect
	}
	d.node.owners.Store(who.Endpoint, who.Account)
	return who.Endpoint, nil
}

// Room is asked for every room that is opened, and again while it is open.
func (d directory) Room(me bus.EndpointID, room bus.RoomID) (broker.RoomFacts, error) {
	owner, ok := d.node.owners.Load(me)
	if !ok {
		return broker.RoomFacts{}, bus.ErrNotMember
	}
	f, err := d.node.members.RoomFacts(me, room)
	if err != nil {
		return broker.RoomFacts{}, err
	}
	return broker.RoomFacts{Account: owner, Shard: f.Shard, Persist: f.Persist, Write: f.Write, Tip: f.Tip}, nil
}

// Fresh is true: a node that is alone is its own quorum.
func (d directory) Fresh() bool { return true }

// owners are the accounts of endpoints that were admitted; whose an endpoint
// is never changes.
type owners struct{ m sync.Map }

// Store remembers whose me is.
func (o *owners) Store(me bus.EndpointID, account bus.AccountID) { o.m.LoadOrStore(me, account) }

// Load tells whose me is.
func (o *owners) Load(me bus.EndpointID) (bus.AccountID, bool) {
	account, ok := o.m.Load(me)
	if !ok {
		return bus.AccountID{}, false
	}
	return account.(bus.AccountID), true
}
