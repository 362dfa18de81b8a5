package node

import (
	"context"

	"unibus/internal/broker"
	"unibus/internal/bus"
	"unibus/internal/control"
)

// history reads stored messages for the control plane.
type history struct{ node *Node }

var errStarting = bus.Errorf(bus.Unavailable, "starting", "the node is reading its message store").WithHint("try again in a moment")

// Page reads one page of an open room.
func (h history) Page(ctx context.Context, room bus.RoomID, q control.PageQuery) (control.Page, error) {
	b, record, err := h.find(room)
	if err != nil {
		return control.Page{}, err
	}
	p, err := b.Page(ctx, record, room, broker.PageQuery{After: q.After, Before: q.Before, Limit: q.Limit, Forward: q.Forward})
	return control.Page{Messages: p.Messages, End: p.PageEnd}, err
}

// Last returns the newest sequence of each room.
func (h history) Last(ctx context.Context, rooms []bus.RoomID) ([]uint64, error) {
	out := make([]uint64, len(rooms))
	for i, room := range rooms {
		b, shard, err := h.find(room)
		if err != nil {
			return nil, err
		}
		if out[i], err = b.Last(ctx, shard, room); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (h history) find(room bus.RoomID) (b *broker.Broker, shard int, err error) {
	if b = h.node.data.Load(); b == nil {
		return nil, 0, errStarting
	}
	record, ok := h.node.members.RoomRecord(room)
	if !ok {
		return nil, 0, bus.ErrNotMember
	}
	return b, record.Shard, nil
}
