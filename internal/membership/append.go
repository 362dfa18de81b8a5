package membership

import (
	"context"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
	"unibus/internal/wire"
)

// AppendRoom appends what its signer wrote to a room log. An entry that starts
// an epoch must name the bus log's and every member's newest entry, and its
// envelopes, inline or staged, must be exactly those of its audience. On
// bus.ErrBehind the answer holds the head.
func (s *Service) AppendRoom(ctx context.Context, by Signer, id bus.RoomID, a wire.Append) (wire.Appended, error) {
	e, err := s.parse(a.Entry)
	if err != nil {
		return wire.Appended{}, err
	}
	defer s.tell()
	s.order.RLock()
	defer s.order.RUnlock()
	at, err := s.mayAppendRoom(by, id, e)
	if err != nil {
		return wire.Appended{}, err
	}
	at.append.Lock()
	defer at.append.Unlock()
	if !isHead(at.state.Tail, e) {
		err = s.appendRoom(ctx, at, e, a.Envelopes)
	}
	return wire.Appended{Head: at.state.Head()}, err
}

// mayAppendRoom finds the room if by may offer e to it: a member his own
// entry, a guest the one accept of the account that took its invite up.
func (s *Service) mayAppendRoom(by Signer, id bus.RoomID, e entry) (at seat, err error) {
	err = s.ask(by, func(v *view, by Signer) error {
		if at, err = v.seat(by, id); err != nil {
			return err
		}
		inv := by.Invite
		switch {
		case by.unsigned:
		case at.role == wire.RoleGuest && e.Op != roomlog.OpAccept:
			return bus.ErrNotMember
		case inv != nil && !v.tookUp(*inv, e.Account):
			return errNotYours
		case inv == nil && (e.Account != by.Account || e.Actor != by.Endpoint):
			return errNotYours
		}
		return nil
	})
	if err != nil {
		return at, err
	}
	return at, s.allow(e.Account, len(e.raw), isUrgentRoom(e))
}

func (v *view) tookUp(invite bus.InviteID, account bus.AccountID) bool {
	inv := v.log.Invite(invite)
	return inv.Accepted != nil && *inv.Accepted == account
}

// isUrgentRoom reports whether an entry takes rights away.
func isUrgentRoom(e entry) bool {
	return e.Op == roomlog.OpRemove || e.Op == roomlog.OpLeave || e.Op == roomlog.OpClose
}

// appendRoom stores the next entry of a room.
func (s *Service) appendRoom(ctx context.Context, at seat, e entry, inline []wire.Envelope) error {
	v, b := s.view, Batch{Entries: []StoredEntry{e.stored(LogRoom, at.state.Chain)}, Urgent: isUrgentRoom(e)}
	if startsEpoch(e) {
		return s.appendEpoch(ctx, at, e, b, inline)
	}
	step, err := at.state.Check(e.Entry, v)
	if err != nil {
		return err
	}
	switch e.Op {
	case roomlog.OpClose:
		b.CloseRoom = &at.state.ID
	case roomlog.OpLeave:
		if err := s.leaves(ctx, at, e); err != nil {
			return err
		}
	}
	return s.commit(ctx, b, func() Change { return v.roomChange(at.room, e, step) })
}

// roomChange takes an entry of a room in.
func (v *view) roomChange(r *room, e entry, step func()) Change {
	c := v.change([]*room{r}, nil, func() { v.place(r, e, step) })
	if r.state.Closed {
		r.record.Closed = true
		c.Closed = []RoomRecord{r.record}
	}
	return c
}

// leaves holds who leaves to a last frame that is stored: what he sends later counts
// no more.
func (s *Service) leaves(ctx context.Context, at seat, e entry) error {
	last := roomlog.ClosingOf(e.Entry)
	if last.Seq == 0 {
		return nil
	}
	_, err := s.closes(ctx, at, last)
	return err
}
