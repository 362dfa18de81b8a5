package control

import "unibus/internal/wire"

// found takes the founding of a bus on a node that was started without an
// admin.
func (x *exchange) found() error {
	var f wire.Found
	if err := x.decode(&f); err != nil {
		return err
	}
	return x.done(x.o.Found(x.ctx(), f))
}
