package membership

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
)

// rekeys is what the node remembers of a room's epochs to say when the next is due.
// A restart forgets it: then one comes sooner, or is counted from there on.
type rekeys struct {
	last, byOwner time.Time // when plain rekeys were taken, from anybody and from an owner
	complaint     bus.Epoch // the newest epoch that a complaint began
	counted       counted
}

// counted is behind which sequence the frames of an epoch count.
type counted struct {
	epoch bus.Epoch
	from  uint64
}

// rekeyPause is how long after a plain rekey the next is refused, so that
// nobody can starve a removal by taking every index first. An owner waits for
// owners only. One that an endpoint asks for by being new, revoked or over is
// not refused: a thief would keep the key for a minute, and an account has too
// few endpoints to starve anybody with.
const rekeyPause = time.Minute

var errRekeyOften = bus.Errorf(bus.Limited, "rekey_often", "this room has a new key already").
	WithHint("send with it; the next may be made in a minute")

func (s *Service) mayRekey(ctx context.Context, at seat, e entry) error {
	if e.Op != roomlog.OpRekey {
		return nil
	}
	if c, ok := roomlog.ComplaintOf(e.Entry); ok {
		return s.mayComplain(ctx, at, e, c)
	}
	owner, last := s.byOwner(at, e), at.rekeys.last
	if owner {
		last = at.rekeys.byOwner
	}
	if s.opts.Now().Sub(last) < rekeyPause && !s.moved(at, e) {
		return errRekeyOften
	}
	if !owner && roomlog.ReasonOf(e.Entry) == roomlog.ReasonFrames {
		return s.manyFrames(ctx, at)
	}
	return nil
}

// mayComplain lets a complaint wait for nobody's rekeys: whom it names could be
// there first again and again, each time with another key that does not open. But
// an epoch that a complaint began stands for a minute against the next one: else
// whoever is named answers at once, for ever, and members who complain of each
// other leave no index to a removal, however little each of them may.
func (s *Service) mayComplain(ctx context.Context, at seat, e entry, c roomlog.Complaint) error {
	if at.rekeys.complaint == at.state.Epoch.Number && s.opts.Now().Sub(at.rekeys.last) < rekeyPause {
		return errRekeyOften
	}
	return s.envelopeOf(ctx, at, e, c)
}

// moved reports whether e is the epoch that an endpoint or a right asks for.
func (s *Service) moved(at seat, e entry) bool {
	if roomlog.ReasonOf(e.Entry) != roomlog.ReasonMoved {
		return false
	}
	why, _ := at.state.Due(s.view, s.opts.Now())
	return why == roomlog.ReasonMoved
}

// byOwner reports whether an owner's endpoint that may act as one wrote e.
func (s *Service) byOwner(at seat, e entry) bool {
	m, in := at.state.Member(e.Account)
	acc := s.view.accounts[e.Account]
	if !in || acc == nil {
		return false
	}
	who := acc.Endpoint(e.Actor)
	return who != nil && who.Rights.Role(m.Role, at.state.ID) == bus.RoleOwner
}

// envelopeOf demands that a complaint names the envelope that its author got, or
// none where there is none.
func (s *Service) envelopeOf(ctx context.Context, at seat, e entry, c roomlog.Complaint) error {
	ctx, cancel := context.WithTimeout(ctx, OpTimeout)
	defer cancel()
	sealed, _, err := s.store.Envelope(ctx, at.state.ID, c.Epoch, e.Actor)
	switch {
	case errors.Is(err, ErrNoKey) && c.Envelope == (bus.Hash{}):
		return nil
	case errors.Is(err, ErrNoKey):
		return roomlog.ErrNotDue
	case err == nil && bus.Hash(sha256.Sum256(sealed)) != c.Envelope:
		return roomlog.ErrNotDue
	}
	return err
}

// manyFrames demands that the epoch in force has the frames that let a member
// end it, which the log cannot tell: those behind the one that closes the epoch
// before, as its author saw it, and behind what was stored when it began, as the
// node did. His word alone would let him end every epoch at once.
func (s *Service) manyFrames(ctx context.Context, at seat) error {
	if s.opts.Frames == nil || !at.state.Create.Persist {
		return roomlog.ErrNotDue
	}
	ep := at.state.Epoch
	if at.rekeys.counted.epoch != ep.Number {
		newest, err := s.closes(ctx, at, roomlog.Closing{})
		if err != nil {
			return err
		}
		at.rekeys.counted = counted{ep.Number, newest}
	}
	ctx, cancel := context.WithTimeout(ctx, OpTimeout)
	defer cancel()
	n, err := s.opts.Frames(ctx, at.record, max(ep.Closing.Seq, at.rekeys.counted.from))
	if err == nil && n < bus.EpochFrames {
		err = roomlog.ErrNotDue
	}
	return err
}

// noteRekey remembers an entry that begins an epoch.
func (s *Service) noteRekey(at seat, e entry, epoch bus.Epoch) {
	if e.Op != roomlog.OpRekey {
		return
	}
	at.rekeys.last = s.opts.Now()
	if s.byOwner(at, e) {
		at.rekeys.byOwner = at.rekeys.last
	}
	if _, ok := roomlog.ComplaintOf(e.Entry); ok {
		at.rekeys.complaint = epoch
	}
}
