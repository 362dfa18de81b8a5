package control

import (
	"context"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

func (x *exchange) createRoom() error {
	var n wire.NewRoom
	if err := x.decode(&n); err != nil {
		return err
	}
	return x.json(x.o.Membership.CreateRoom(x.ctx(), x.by, n))
}

func (x *exchange) room() error {
	id, err := x.roomID()
	if err != nil {
		return err
	}
	room, err := x.reader(id)
	if err != nil {
		return err
	}
	rooms := []wire.Room{room}
	err = x.addLast(x.ctx(), rooms)
	return x.json(rooms[0], err)
}

// addLast fills in the newest sequences: what is stored, membership does not
// know.
func (s *Server) addLast(ctx context.Context, rooms []wire.Room) error {
	var ids []bus.RoomID
	var at []int
	for i, r := range rooms {
		if r.Policy.Persist {
			ids, at = append(ids, r.ID), append(at, i)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	last, err := s.o.History.Last(ctx, ids)
	for i := range last {
		rooms[at[i]].Last = last[i]
	}
	return err
}

func (x *exchange) members() error {
	id, err := x.roomID()
	if err != nil {
		return err
	}
	all, err := x.o.Membership.Members(x.by, id)
	return x.json(wire.List[wire.Member]{Items: all}, err)
}

// roomLog tells a page of a room log.
func (x *exchange) roomLog() error {
	id, err := x.roomID()
	if err != nil {
		return err
	}
	from, err := x.from()
	if err != nil {
		return err
	}
	return x.json(x.o.Membership.RoomEntries(x.ctx(), x.by, id, from))
}

func (x *exchange) appendRoom() error {
	id, err := x.roomID()
	if err != nil {
		return err
	}
	var a wire.Append
	if err := x.decode(&a); err != nil {
		return err
	}
	return x.appended(x.o.Membership.AppendRoom(x.ctx(), x.by, id, a))
}

// roomID reads the room in the path.
func (x *exchange) roomID() (bus.RoomID, error) { return bus.ParseRoomID(x.values[0]) }

// keyOf reads what asks for keys of one endpoint: the room in the path, and in the
// query the endpoint and a number, 0 without it.
func (x *exchange) keyOf(name string) (room bus.RoomID, endpoint bus.EndpointID, epoch bus.Epoch, err error) {
	if room, err = x.roomID(); err != nil {
		return
	}
	if endpoint, err = bus.ParseEndpointID(x.query["endpoint"]); err != nil {
		return
	}
	n, err := x.number(name, 0)
	return room, endpoint, bus.Epoch(n), err
}
