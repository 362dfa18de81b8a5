package control

import (
	"errors"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// busLog tells a page of the bus log.
func (x *exchange) busLog() error {
	from, err := x.from()
	if err != nil {
		return err
	}
	return x.json(x.o.Membership.Bus(x.ctx(), x.by, from))
}

func (x *exchange) appendBus() error {
	a, err := x.entry()
	if err != nil {
		return err
	}
	return x.appended(x.counted(func() (wire.Appended, error) {
		return x.o.Membership.AppendBus(x.ctx(), x.by, a.Entry)
	}))
}

// entry is the body of an append to a log that knows no envelopes.
func (x *exchange) entry() (a wire.Append, err error) {
	if err := x.decode(&a); err != nil {
		return a, err
	}
	if len(a.Envelopes) > 0 {
		return a, errJSON
	}
	return a, nil
}

// appended answers an append; who came too late hears what the head is.
func (x *exchange) appended(a wire.Appended, err error) error {
	if errors.Is(err, bus.ErrBehind) && a.Head != (bus.Head{}) {
		x.head, x.chainOf = &a.Head, a.Account
	}
	return x.json(a, err)
}

// counted runs an append that may take somebody's rights away, and adds how
// many connections that closed. One at a time, so that nobody is told of the
// connections that another's entry closed; they wait for each other anyway,
// and membership bounds how long.
func (s *Server) counted(run func() (wire.Appended, error)) (wire.Appended, error) {
	s.cutting.Lock()
	defer s.cutting.Unlock()
	before := s.o.Cuts()
	a, err := run()
	if err == nil {
		a.Cut = s.o.Cuts() - before
	}
	return a, err
}
