package client

import (
	"context"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
	"unibus/internal/frame"
)

// maxDoubts is how often the log is read on for the word of one account that
// did not hold: who lies must not make his readers ask the node without end.
const maxDoubts = 8

// hold compares the log with the entry that a frame's author says he knew. Cause
// is why the frame is not shown, "" when it is. An error means that the node
// shows different people different things, and ends the reading.
//
// Only a frame that opened is believed so far. Even then its author may lie, to
// end the reading for all: an entry that he alone knows of counts against him.
func (o *opener) hold(ctx context.Context, r *room, ep *roomlog.Epoch, h frame.Header) (cause bus.FrameFault, err error) {
	from, _ := ep.Recipient(h.Endpoint)
	if h.Head.Index >= r.Len && o.doubts[from.Account] < maxDoubts {
		if _, err := o.c.world.syncRoom(ctx, o.id); err != nil {
			return "", err
		}
	}
	if cause = r.dispute(ep, h.Head); cause == "" || cause == bus.FaultHead {
		return cause, nil
	}
	o.doubts[from.Account]++
	switch {
	case !o.proven(r):
		return cause, nil
	case cause == bus.FaultUnknownHead:
		return "", errWithheld
	}
	return "", errForked
}

// dispute says what is wrong with a head that a frame of an epoch names: the
// node shows no such entry, or another one, or the author lies about the log up
// to the epoch, which he and the reader share. The
// frame's key was derived from the hash of the epoch's entry, so that its author
// has the log up to there as we have it, whatever he says.
func (r *room) dispute(ep *roomlog.Epoch, head bus.Ref) bus.FrameFault {
	switch {
	case head.Index >= r.Len:
		return bus.FaultUnknownHead
	case r.changes[head.Index].hash == head.Hash:
		return ""
	case head.Index <= ep.Index:
		return bus.FaultHead
	}
	return bus.FaultOtherHead
}

// proven reports whether those whose frames name another log than ours are to
// be believed: this account, an owner, who could end the reading anyway, or two
// members. One member alone may have made it up.
func (o *opener) proven(r *room) bool {
	members := 0
	for id := range o.doubts {
		m, in := r.Member(id)
		switch {
		case !in:
			continue
		case id == o.c.id.Account, m.Role == bus.RoleOwner:
			return true
		}
		members++
	}
	return members > 1
}
