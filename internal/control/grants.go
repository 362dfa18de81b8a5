package control

import (
	"unibus/internal/bus"
	"unibus/internal/wire"
)

// grant keeps earlier keys that are handed on to whom an epoch let in.
func (x *exchange) grant() error {
	id, err := x.roomID()
	if err != nil {
		return err
	}
	since, err := parseNumber("epoch", x.values[1])
	if err != nil {
		return err
	}
	grants, err := wire.ParseGrants(x.raw)
	if err != nil {
		return err
	}
	return x.done(x.o.Membership.Grant(x.ctx(), x.by, id, bus.Epoch(since), grants))
}

// grants tells what was handed on to one endpoint.
func (x *exchange) grants() error {
	id, endpoint, from, err := x.keyOf("from")
	if err != nil {
		return err
	}
	return x.json(x.o.Membership.Grants(x.ctx(), x.by, id, endpoint, from))
}
