package membership

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/roomlog"
	"unibus/internal/wire"
)

func startsEpoch(e entry) bool {
	return slices.Contains([]chain.Op{roomlog.OpRekey, roomlog.OpAdd, roomlog.OpRemove, roomlog.OpAccept}, e.Op)
}

// appendEpoch stores an entry that starts an epoch. It is first taken into a
// copy of the state, because only the epoch it brings about says whom its
// envelopes must be for. Starting an epoch replaces what the copy shares with
// the original, but for the positions below which no pin may go: those rise to
// the newest entries, which a fresh entry names anyway.
func (s *Service) appendEpoch(ctx context.Context, at seat, e entry, b Batch, inline []wire.Envelope) error {
	if err := s.mayRekey(ctx, at, e); err != nil {
		return err
	}
	v, next := s.view, *at.state
	if err := v.fresh(e); err != nil {
		return err
	}
	if err := take(&next, e, v); err != nil {
		return err
	}
	if err := s.begins(ctx, at, next.Epoch); err != nil {
		return err
	}
	keys, err := s.keys(ctx, &next, e, inline)
	if err != nil {
		return err
	}
	if err := s.allowEpoch(at, e, &next); err != nil {
		return err
	}
	b.Keys = keys
	return s.commit(ctx, b, func() Change {
		s.noteRekey(at, e)
		return v.roomChange(at.room, e, func() { at.room.state = &next })
	})
}

// epochSkew is how far behind the node's clock an epoch may begin. Its time says
// whose late frames receivers take: dated back, it voids what others just sent.
const epochSkew = 2 * bus.ClockSkew

var (
	errLateEpoch = bus.Errorf(bus.Invalid, "bad_time", "the new key was not made now").
			WithHint("check the clock of this machine, and try again")
	errClosing = bus.Errorf(bus.Invalid, "bad_closing", "the new key names a message that is not stored yet").
			WithHint("read the room, and try again")
)

// begins holds an epoch to what only the node can know: that it begins now, and
// that the frame that closes the one before exists. A frame to come would leave
// the old epoch open.
func (s *Service) begins(ctx context.Context, at seat, e *roomlog.Epoch) error {
	if s.opts.Now().Sub(e.Started) > epochSkew {
		return errLateEpoch
	}
	if e.Closing.Seq == 0 || s.opts.Newest == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, OpTimeout)
	defer cancel()
	newest, err := s.opts.Newest(ctx, at.record)
	if err == nil && e.Closing.Seq > newest {
		err = errClosing
	}
	return err
}

// rekeyPause is how long after a plain rekey the next is refused, so that
// nobody can starve a removal by taking every index first. An owner waits for
// owners only. One that an endpoint asks for by being new, revoked or over is
// not refused: a thief would keep the key for a minute, and an account has too
// few endpoints to starve anybody with.
const rekeyPause = time.Minute

func (s *Service) mayRekey(ctx context.Context, at seat, e entry) error {
	if e.Op != roomlog.OpRekey {
		return nil
	}
	owner, last := s.byOwner(at, e), at.rekeyed
	if owner {
		last = at.rekeyedByOwner
	}
	if s.opts.Now().Sub(last) < rekeyPause && !s.moved(at, e) {
		return errRekeyOften
	}
	if !owner && roomlog.ReasonOf(e.Entry) == roomlog.ReasonFrames {
		return s.manyFrames(ctx, at)
	}
	if c, ok := roomlog.ComplaintOf(e.Entry); ok {
		return s.envelopeOf(ctx, at, e, c)
	}
	return nil
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

var errRekeyOften = bus.Errorf(bus.Limited, "rekey_often", "this room has a new key already").
	WithHint("send with it; the next may be made in a minute")

// manyFrames demands that the epoch in force has the frames that let a member
// end it, which the log cannot tell.
func (s *Service) manyFrames(ctx context.Context, at seat) error {
	if s.opts.Frames == nil || !at.state.Create.Persist {
		return roomlog.ErrNotDue
	}
	ctx, cancel := context.WithTimeout(ctx, OpTimeout)
	defer cancel()
	n, err := s.opts.Frames(ctx, at.record, at.state.Epoch.Closing.Seq)
	if err == nil && n < bus.EpochFrames {
		err = roomlog.ErrNotDue
	}
	return err
}

func (s *Service) noteRekey(at seat, e entry) {
	if e.Op != roomlog.OpRekey {
		return
	}
	at.room.rekeyed = s.opts.Now()
	if s.byOwner(at, e) {
		at.room.rekeyedByOwner = at.room.rekeyed
	}
}

// fresh demands that the author of an entry knew the newest entry of every
// chain it rests on: an epoch must not be sealed to somebody who was revoked
// meanwhile.
func (v *view) fresh(e entry) error {
	if v.log.Len == 0 || e.Seen != v.log.Head().Ref() {
		return bus.ErrBehind
	}
	for _, p := range roomlog.Pins(e.Entry) {
		if acc := v.accounts[p.Account]; acc == nil || p.At != acc.Head().Ref() {
			return bus.ErrBehind
		}
	}
	return nil
}

// keys checks the envelopes of the epoch that e started in st: exactly one for
// each endpoint of its audience, under its root. A cleartext room has none.
func (s *Service) keys(ctx context.Context, st *roomlog.State, e entry, inline []wire.Envelope) (keys *EpochKeys, err error) {
	if st.Create.Suite == bus.SuiteClear {
		return nil, checkClear(st, inline)
	}
	if err := checkEnvelopes(inline); err != nil {
		return nil, err
	}
	at := Staging{Room: st.ID, Root: st.Epoch.Root, By: e.Account}
	var leaves []wire.Leaf
	if len(inline) < len(st.Epoch.Audience) {
		leaves, err = within(ctx, func(ctx context.Context) ([]wire.Leaf, error) { return s.store.Staged(ctx, at) })
		if err != nil {
			return nil, err
		}
	}
	for _, env := range inline {
		leaves = append(leaves, LeafOf(env))
	}
	slices.SortFunc(leaves, func(a, b wire.Leaf) int { return bytes.Compare(a.Endpoint[:], b.Endpoint[:]) })
	if err := st.Epoch.CheckLeaves(st.ID, roomLeaves(leaves)); err != nil {
		return nil, err
	}
	return &EpochKeys{Staging: at, Epoch: st.Epoch.Number, Leaves: leaves, Inline: inline}, nil
}
