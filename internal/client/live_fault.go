package client

import (
	"context"
	"errors"

	"unibus/internal/bus"
	"unibus/internal/client/call"
)

// ended takes what a follow ended with, and returns why the others end too; nil: they
// go on.
func (l *Live) ended(ctx context.Context, f *follower, err error) error {
	if !ofOneRoom(err) {
		err = l.lost(ctx, f.id, err)
	}
	if !ofOneRoom(err) {
		return err
	}
	return l.spoilt(f, err)
}

// spoilt ends the follow of a room of which the node shows what does not hold, and
// tells its reader. Whoever damages one room must not keep people from all others.
// With the last one it is the end of all.
func (l *Live) spoilt(f *follower, err error) error {
	last := l.mark(f, err)
	if f.sub != nil {
		_ = f.sub.Unsubscribe() // the connection may be over
	}
	if told := f.emit(bus.Event{Fault: &bus.FaultEvent{Err: err}}); told != nil {
		return told
	}
	if last {
		return l.first
	}
	return nil
}

// mark notes why a follow ended, and reports whether nothing is left to do.
func (l *Live) mark(f *follower, err error) (last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.fault = err; l.first == nil {
		l.first = err
	}
	for _, other := range l.followers {
		if other.fault == nil {
			return false
		}
	}
	return len(l.outboxes) == 0
}

// ofOneRoom reports whether an error says that what the node shows of a room does
// not hold. Who answers in the place of the node says so of all.
func ofOneRoom(err error) bool {
	return bus.KindOf(err) == bus.Integrity && !errors.Is(err, errWrongBus) && !errors.Is(err, call.ErrWrongPin)
}
