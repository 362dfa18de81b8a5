package node

import (
	"context"

	"unibus/internal/broker"
	"unibus/internal/bus"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

// maxHints is how many changes may wait for their notices; what is over it is
// dropped, as clients look anyway.
const maxHints = 256

// changed puts a change of the facts into force on live connections before the
// request that made it is answered. What takes rights away comes first.
func (n *Node) changed(c membership.Change) {
	n.sweep.close(c.Closed)
	b := n.data.Load()
	if b == nil {
		return // nobody was let in yet
	}
	n.cut(b, c.Cut)
	for me, rooms := range byEndpoint(c.Removed) {
		for _, room := range rooms {
			b.Notify(me, wire.NoticeLeft, wire.RoomNotice{Room: room})
		}
		b.Renew(me, rooms)
	}
	if len(c.Removed)+len(c.Joined) == 0 {
		for _, me := range c.Notify { // a role may have changed
			b.Renew(me, nil)
		}
	}
	select {
	case n.hints <- c:
	default:
	}
}

// cut ends the connections of those who may not use the bus any more, and
// counts them.
func (n *Node) cut(b *broker.Broker, gone []bus.EndpointID) {
	if len(gone) == 0 {
		return
	}
	before := b.Stats().Kicks
	for _, me := range gone {
		b.Notify(me, wire.NoticeRevoked, wire.RoomNotice{})
		b.Cut(me)
	}
	n.cuts.Add(int64(b.Stats().Kicks - before))
}

func byEndpoint(list []membership.Access) map[bus.EndpointID][]bus.RoomID {
	out := map[bus.EndpointID][]bus.RoomID{}
	for _, a := range list {
		out[a.Endpoint] = append(out[a.Endpoint], a.Room)
	}
	return out
}

// hint tells those whom changes concern to look. It does so apart from the
// change, as a room may have thousands of endpoints.
func (n *Node) hint(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-n.hints:
			n.notify(n.data.Load(), c)
		}
	}
}

func (n *Node) notify(b *broker.Broker, c membership.Change) {
	for me, rooms := range byEndpoint(c.Joined) {
		for _, room := range rooms {
			b.Notify(me, wire.NoticeJoined, wire.RoomNotice{Room: room})
		}
	}
	for _, me := range c.Notify {
		for _, room := range c.Moved {
			// With one room all are its members; else only some of each.
			if len(c.Moved) == 1 || n.inRoom(me, room) {
				b.Notify(me, wire.NoticeLog, wire.RoomNotice{Room: room})
			}
		}
	}
}

func (n *Node) inRoom(me bus.EndpointID, room bus.RoomID) bool {
	_, err := n.members.RoomFacts(me, room)
	return err == nil
}
