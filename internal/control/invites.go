package control

import (
	"unibus/internal/bus"
	"unibus/internal/wire"
)

// acceptInvite takes an invite up. It is signed by the invite's one-time key,
// which the node no longer knows when the answer to the first try was lost.
func (x *exchange) acceptInvite() error {
	id, err := bus.ParseInviteID(x.values[0])
	if err != nil {
		return err
	}
	var a wire.Accept
	if err := x.decode(&a); err != nil {
		return err
	}
	return x.appended(x.o.Membership.AcceptInvite(x.ctx(), x.by, id, a))
}

// link tells who holds a device link whose it is.
func (x *exchange) link() error {
	id, err := bus.ParseInviteID(x.values[0])
	if err != nil {
		return err
	}
	return x.json(x.o.Membership.LinkOwner(x.by, id))
}

// acceptLink takes a device link up, signed as an accepted invite is.
func (x *exchange) acceptLink() error {
	id, err := bus.ParseInviteID(x.values[0])
	if err != nil {
		return err
	}
	a, err := x.entry()
	if err != nil {
		return err
	}
	return x.appended(x.o.Membership.AcceptLink(x.ctx(), x.by, id, a.Entry))
}
