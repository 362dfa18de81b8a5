package client

import "unibus/internal/bus"

// Verdict is what a reading came to.
type Verdict struct {
	Good    int            // messages, late ones too
	Missing int            // frames, out of a sender's session
	Behind  int            // frames that stand behind later ones of their sender
	Bad     int            // frames that cannot be shown, but those that a person decided about
	Why     bus.FrameFault // of the last bad one
}

// Count takes an event in.
func (v *Verdict) Count(e bus.Event) {
	switch {
	case e.Message != nil, e.Late != nil:
		v.Good++
	case e.Gap != nil:
		v.Missing += int(e.Gap.Missed)
	case e.Order != nil:
		v.Behind++
		v.Missing--
	case e.Undecryptable != nil && e.Undecryptable.Reason != bus.FaultRejected:
		v.Bad, v.Why = v.Bad+1, e.Undecryptable.Reason
	}
}

// Err is an error of integrity where messages are missing, or are there and
// cannot be shown.
func (v *Verdict) Err() error {
	switch {
	case v.Bad > 0:
		return bus.Errorf(bus.Integrity, "bad_messages", "%d of %d messages cannot be shown, the last one: %s", v.Bad, v.Good+v.Bad, v.Why)
	case v.Missing > 0:
		return bus.Errorf(bus.Integrity, "missing_messages", "%d of %d messages are missing", v.Missing, v.Good+v.Missing)
	}
	return nil
}
