package broker

import (
	"context"
	"encoding/json"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// Notify pushes a hint to the connections of me on this node: look again.
// Nothing waits for it, and it may be lost.
func (b *Broker) Notify(me bus.EndpointID, n wire.Notice, payload any) {
	data, err := json.Marshal(payload)
	if err != nil {
		b.log.Warn("notice not sent", "notice", string(n), "err", err)
		return
	}
	if !b.sessions.connected(me) {
		return
	}
	if err := b.pipes.services.Publish(wire.EventSubject(me, n), data); err == nil {
		b.notices.Add(1)
	}
}

// tails tells every endpoint the newest sequences of its open rooms, so that
// the last message of a quiet room is missed for seconds only.
func (b *Broker) tails(ctx context.Context) {
	known := map[bus.RoomID]uint64{}
	for _, ses := range b.sessions.all() {
		tail := wire.Tail{}
		for room, f := range *ses.rooms.Load() {
			last, ok := b.tailOf(ctx, known, room, f)
			if ok {
				tail.Rooms = append(tail.Rooms, wire.RoomTail{Room: room, Last: last})
			}
		}
		if len(tail.Rooms) > 0 {
			b.Notify(ses.me, wire.NoticeTail, tail)
		}
	}
}

// tailOf asks the store once a round for each room, however many have it open.
func (b *Broker) tailOf(ctx context.Context, known map[bus.RoomID]uint64, room bus.RoomID, f RoomFacts) (uint64, bool) {
	if !f.Persist {
		return 0, false
	}
	if last, ok := known[room]; ok {
		return last, true
	}
	last, err := b.history.last(ctx, f.Shard, room)
	if err != nil {
		return 0, false
	}
	known[room] = last
	return last, true
}
