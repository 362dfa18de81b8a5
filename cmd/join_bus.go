package cmd

import (
	"context"

	"unibus/internal/bus"
	"unibus/internal/profile"
)

// enter puts keys to use that an admin added to the bus.
func (j *joiner) enter(ctx context.Context) (*place, error) {
	waits, err := j.waiting()
	if err != nil {
		return nil, err
	}
	p, err := j.open(ctx, waits)
	if err != nil {
		return nil, err
	}
	defer p.store.Close()
	if p.was = !waits.Pending; p.was {
		return p, nil
	}
	err = j.within(ctx, func(ctx context.Context) error { return j.met.Enter(ctx, p.keys.id, p.store) })
	if err != nil {
		return nil, err
	}
	p.at = at(p.at, j.met.Info())
	p.at.Bus = j.met.Bus()
	return p, j.settle(p)
}

// waiting finds the keys of `identity new` that no bus has taken in yet, or
// those that this bus did.
func (j *joiner) waiting() (found profile.Context, err error) {
	all, err := j.home.Contexts()
	if err != nil {
		return found, err
	}
	var waiting, joined []profile.Context
	for _, at := range all {
		switch {
		case j.o.name != "" && at.Name != j.o.name:
		case at.Pending && at.Bus == (bus.ID{}):
			waiting = append(waiting, at)
		case at.Bus == j.met.Bus():
			joined = append(joined, at)
		}
	}
	switch {
	case len(waiting) == 1:
		return waiting[0], nil
	case len(waiting) > 1:
		return found, bus.Errorf(bus.Invalid, "usage", "join: %d contexts wait for a bus", len(waiting)).
			WithHint("say which with --name: unibus context list")
	case len(joined) > 0:
		return joined[0], nil
	}
	return found, bus.Errorf(bus.NotFound, "no_keys", "this link is for keys that the bus added, and there are none here").
		WithHint("make them with 'unibus identity new', and give the line to an admin")
}
