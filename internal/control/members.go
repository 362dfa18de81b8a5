package control

import (
	"unibus/internal/bus"
	"unibus/internal/wire"
)

// roomsOf lists the rooms of an endpoint, to that endpoint alone.
func (x *exchange) roomsOf() error {
	me, err := bus.ParseEndpointID(x.values[0])
	if err != nil {
		return err
	}
	rooms, err := x.o.Membership.RoomsOf(x.by, me)
	if err == nil {
		err = x.addLast(x.ctx(), rooms)
	}
	return x.json(wire.List[wire.Room]{Items: rooms}, err)
}
