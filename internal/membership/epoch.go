package membership

import (
	"bytes"
	"context"
	"slices"

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
	counted, err := s.begins(ctx, at, next.Epoch)
	if err != nil {
		return err
	}
	keys, err := s.keys(ctx, &next, e, inline)
	if err != nil {
		return err
	}
	if err := s.allowEpoch(ctx, at, e, &next); err != nil {
		return err
	}
	b.Keys = keys
	return s.commit(ctx, b, func() Change {
		s.noteRekey(at, e, next.Epoch.Number)
		at.rekeys.counted = counted
		return v.roomChange(at.room, e, func() { at.room.state = &next })
	})
}

// epochSkew is how far behind the node's clock an epoch may begin. Its time says
// whose late frames receivers take: dated back, it voids what others just sent.
const epochSkew = 2 * bus.ClockSkew

var (
	errLateEpoch = bus.Errorf(bus.Invalid, "bad_time", "the new key was not made now").
			WithHint("check the clock of this machine, and try again")
	errClosing = bus.Errorf(bus.Invalid, "bad_closing", "the entry names a message that is not stored yet").
			WithHint("read the room, and try again")
)

// begins holds an epoch to what only the node can know: that it begins now, and
// that the frame that closes the one before exists. It returns from where its
// frames count.
func (s *Service) begins(ctx context.Context, at seat, e *roomlog.Epoch) (counted, error) {
	if s.opts.Now().Sub(e.Started) > epochSkew {
		return counted{}, errLateEpoch
	}
	newest, err := s.closes(ctx, at, e.Closing)
	if err != nil && e.Closing.Seq == 0 {
		return counted{}, nil // manyFrames asks again
	}
	return counted{e.Number, newest}, err
}

// closes demands that a frame is stored that an entry names as the newest of what
// it ends: one to come would leave that open. It returns a sequence behind which
// nothing of the room is stored yet.
func (s *Service) closes(ctx context.Context, at seat, c roomlog.Closing) (newest uint64, err error) {
	if s.opts.Newest == nil {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, OpTimeout)
	defer cancel()
	newest, err = s.opts.Newest(ctx, at.record)
	if err == nil && c.Seq > newest {
		err = errClosing
	}
	return newest, err
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
