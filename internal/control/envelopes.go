package control

import (
	"errors"

	"unibus/internal/bus"
	"unibus/internal/membership"
	"unibus/internal/wire"
)

// stage keeps envelopes for an entry that is still to come.
func (x *exchange) stage() error {
	id, err := x.roomID()
	if err != nil {
		return err
	}
	root, err := bus.ParseHash(x.values[1])
	if err != nil {
		return err
	}
	envelopes, err := wire.ParseEnvelopes(x.raw)
	if err != nil {
		return err
	}
	return x.done(x.o.Membership.Stage(x.ctx(), x.by, id, root, envelopes))
}

// key hands out the envelope of one endpoint.
func (x *exchange) key() error {
	id, endpoint, epoch, err := x.keyOf("epoch")
	if err != nil {
		return err
	}
	k, err := x.o.Membership.Key(x.ctx(), x.by, id, epoch, endpoint)
	if errors.Is(err, membership.ErrNoKey) {
		err = errNoKey
	}
	return x.json(k, err)
}

// errNoKey is no 404: the epoch is there, it is just not for this endpoint.
var errNoKey = bus.Errorf(bus.Forbidden, membership.ErrNoKey.Code, "no key of that epoch was sealed to this endpoint").
	WithHint("it began before you joined, or you were not in the room")
