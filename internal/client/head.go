package client

import (
	"context"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
	"unibus/internal/frame"
)

// maxDoubts is how often the log is read on for the word of one endpoint that
// did not hold: who lies must not make his readers ask the node without end.
const maxDoubts = 8

// doubt is how often frames of one endpoint named another log than ours.
type doubt struct {
	from  roomlog.Recipient // with the most that it was in an epoch
	times int
}

// trusts reports whether the log is read on for the word of an endpoint.
func (o *opener) trusts(id bus.EndpointID) bool {
	d := o.doubts[id]
	return d == nil || d.times < maxDoubts
}

// hold compares the log with the entry that a frame's author says he knew. Cause
// is why the frame is not shown, "" when it is. An error means that the node
// shows different people different things, and ends the reading.
//
// Only a frame that opened is believed so far. Even then its author may lie, to
// end the reading for all: an entry that he alone knows of counts against him.
func (o *opener) hold(ctx context.Context, r *room, ep *roomlog.Epoch, h frame.Header) (cause bus.FrameFault, err error) {
	from, _ := ep.Recipient(h.Endpoint)
	if h.Head.Index >= r.Len && o.trusts(h.Endpoint) {
		if _, err := o.c.world.syncRoom(ctx, o.id); err != nil {
			return "", err
		}
	}
	if cause = r.dispute(ep, h.Head); cause == "" || cause == bus.FaultHead {
		return cause, nil
	}
	o.doubt(from)
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
// to the epoch, which he and the reader share: the frame's key was derived from
// the hash of the epoch's entry, so that he has the log up to there as we have it.
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

func (o *opener) doubt(from roomlog.Recipient) {
	d := o.doubts[from.Endpoint]
	if d == nil {
		d = &doubt{from: from}
		o.doubts[from.Endpoint] = d
	}
	d.times++
	if from.Role > d.from.Role {
		d.from = from
	}
}

// proven reports whether those whose frames name another log than ours are to
// be believed: a device of this account, or one with which an owner decides, who
// could end the reading anyway, or two members. One member alone may have made
// it up, and so may a bot, whoever it is of.
func (o *opener) proven(r *room) bool {
	members := map[bus.AccountID]bool{}
	for id, d := range o.doubts {
		m, in := r.Member(d.from.Account)
		switch {
		case !in:
			continue
		case m.Role == bus.RoleOwner && d.from.Role == bus.RoleOwner, o.own(d.from.Account, id):
			return true
		}
		members[d.from.Account] = true
	}
	return len(members) > 1
}

// own reports whether an endpoint is one of this account's without a scope.
func (o *opener) own(id bus.AccountID, endpoint bus.EndpointID) bool {
	acc := o.c.world.accounts[id]
	if id != o.c.id.Account || acc == nil {
		return false
	}
	e := acc.Endpoint(endpoint)
	return e != nil && e.Rights.Scope == nil
}
