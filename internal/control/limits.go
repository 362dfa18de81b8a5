package control

import "unibus/internal/wire"

func (x *exchange) limits() error {
	all, err := x.o.Membership.Limits(x.ctx(), x.by)
	return x.json(wire.List[wire.Limit]{Items: all}, err)
}
