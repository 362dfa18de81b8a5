package membership

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
)

// endedEpoch is an epoch of a room that is not in force any more, and whose
// envelopes may still be stored.
type endedEpoch struct {
	number bus.Epoch
	at     time.Time      // when it ended
	by     bus.AccountID  // who made it
	actor  bus.EndpointID // with which endpoint
	bytes  int64          // of its envelopes
}

// end notes that the next epoch began. Last is nil when the first one begins.
func (r *room) end(last *roomlog.Epoch, bytes int64) {
	if last == nil || bytes == 0 {
		return
	}
	r.ended = append(r.ended, endedEpoch{last.Number, last.End(r.state.Epoch), last.Author, last.Actor, bytes})
}

// over counts the ended epochs of which the room keeps no message any more.
func (r *room) over(now time.Time) (n int) {
	for n < len(r.ended) && roomlog.Over(r.ended[n].at, r.state.Retention, now) {
		n++
	}
	return n
}

// ExpireKeys deletes the envelopes and grants of epochs of which no message is
// kept any more, and of closed rooms. What was sealed to a key that somebody
// steals later is then not here to be opened. Those of the epoch in force stay:
// they hold the room's name. A room whose keys cannot be deleted keeps nobody
// else's: its error comes in the end, with all others.
func (s *Service) ExpireKeys(ctx context.Context) error {
	var failed []error
	for id, through := range s.overKeys() {
		if err := s.store.DeleteKeys(ctx, id, through); err != nil {
			failed = append(failed, fmt.Errorf("delete the keys of room %s: %w", id, err))
			continue
		}
		s.mu.Lock()
		s.view.forgetKeys(id, through)
		s.mu.Unlock()
	}
	return errors.Join(failed...)
}

// overKeys is, for each room, the newest epoch whose envelopes may go.
func (s *Service) overKeys() map[bus.RoomID]bus.Epoch {
	s.mu.RLock()
	defer s.mu.RUnlock()
	due := map[bus.RoomID]bus.Epoch{}
	for id, r := range s.view.rooms {
		n := r.over(s.opts.Now())
		switch {
		case r.state.Closed && !r.emptied:
			due[id] = r.state.Epoch.Number
		case n > 0:
			due[id] = r.ended[n-1].number
		}
	}
	return due
}

// forgetKeys gives the authors of epochs back what their envelopes took.
func (v *view) forgetKeys(id bus.RoomID, through bus.Epoch) {
	r := v.rooms[id]
	r.ended = slices.DeleteFunc(r.ended, func(e endedEpoch) bool {
		if e.number <= through {
			v.sealed[e.by] -= e.bytes
		}
		return e.number <= through
	})
	if r.state.Closed && !r.emptied {
		v.sealed[r.state.Epoch.Author] -= sealedBytes(r.state)
		r.emptied = true
	}
}
