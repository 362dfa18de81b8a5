package profile

import (
	"context"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/identity"
)

// maxSeenRooms bounds what an export says of rooms, about 130 bytes each.
const maxSeenRooms = 1000

// Seen sums up what is kept of the bus, of rooms and of users, for an export:
// nil where nothing of this bus was seen yet.
func (s *Store) Seen(ctx context.Context, b bus.ID) (*identity.Seen, error) {
	log, known, err := s.newest(ctx, LogBus, chain.ID(b))
	if err != nil || !known {
		return nil, err
	}
	seen := &identity.Seen{Bus: log, Rooms: map[bus.RoomID]bus.Head{}}
	rooms, err := s.Rooms(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range rooms[:min(len(rooms), maxSeenRooms)] {
		h, known, err := s.newest(ctx, LogRoom, chain.ID(r.Room))
		if err != nil {
			return nil, err
		}
		if known && r.Out == nil {
			seen.Rooms[r.Room] = h
		}
	}
	seen.Users, err = s.Pins(ctx)
	return seen, err
}

// newest is the last entry of a chain that is kept.
func (s *Store) newest(ctx context.Context, log Log, id chain.ID) (h bus.Head, known bool, err error) {
	entries, err := s.Entries(ctx, log, id)
	if err != nil || len(entries) == 0 {
		return h, false, err
	}
	e, err := chain.Parse(entries[len(entries)-1])
	if err != nil {
		return h, false, err
	}
	return bus.Head{Index: e.Index, Hash: e.Hash()}, true, nil
}
