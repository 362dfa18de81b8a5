package control

import "unibus/internal/wire"

// health answers anybody, before there is a bus and whatever the mode.
func (x *exchange) health() error {
	return x.json(wire.Health{Status: x.o.Status(), Posture: x.o.Posture(), Version: x.o.Server().Version}, nil)
}

// describe tells anybody what a client needs to begin.
func (x *exchange) describe() error {
	about := x.o.Server()
	about.Time = x.o.Now().UTC()
	return x.json(about, nil)
}
