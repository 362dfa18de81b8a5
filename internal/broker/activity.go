package broker

import (
	"sync"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

const (
	// activityBudget bounds the readers that are looked at in one round, so
	// that many messages in many large rooms cost no more than that. Rooms that
	// are over it wait for the next.
	activityBudget = 16 << 10
	// maxActivity bounds the rooms of one notice.
	maxActivity = 256
)

// activity is the rooms that have news of which nobody was told yet: each once,
// however many messages came. It is safe for concurrent use.
type activity struct {
	mu    sync.Mutex
	rooms map[bus.RoomID]struct{}
}

// note remembers that a room has news.
func (a *activity) note(room bus.RoomID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.rooms == nil {
		a.rooms = map[bus.RoomID]struct{}{}
	}
	a.rooms[room] = struct{}{}
}

// take removes all rooms.
func (a *activity) take() map[bus.RoomID]struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	rooms := a.rooms
	a.rooms = nil
	return rooms
}

// gather takes rooms as far as the budget goes, in no order, and says for each
// endpoint which of them it should look at; has tells whom that would be news.
func (a *activity) gather(budget int, readers func(bus.RoomID) []bus.EndpointID, has func(bus.EndpointID, bus.RoomID) bool) map[bus.EndpointID][]bus.RoomID {
	out := map[bus.EndpointID][]bus.RoomID{}
	for room := range a.take() {
		if budget <= 0 {
			a.note(room)
			continue
		}
		list := readers(room)
		budget -= 1 + len(list)
		for _, me := range list {
			if len(out[me]) < maxActivity && has(me, room) {
				out[me] = append(out[me], room)
			}
		}
	}
	return out
}

// tellActivity tells the connected readers of rooms with news, other than those
// who have them open: one notice an endpoint and round.
func (b *Broker) tellActivity() {
	for me, rooms := range b.posts.activity.gather(activityBudget, b.posts.dir.Readers, b.sessions.misses) {
		b.Notify(me, wire.NoticeActivity, wire.Activity{Rooms: rooms})
	}
}

// misses reports whether me has a connection that does not have room open.
func (s *sessions) misses(me bus.EndpointID, room bus.RoomID) bool {
	ses := s.find(me)
	if ses == nil {
		return false
	}
	ses.mu.Lock()
	defer ses.mu.Unlock()
	for _, c := range ses.conns {
		if _, open := c.open[room]; !open {
			return true
		}
	}
	return false
}
