package membership

import (
	"context"
	"crypto/sha256"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/chain/roomlog"
	"unibus/internal/identity"
	"unibus/internal/wire"
)

// Key returns the envelope of an epoch, 0 for the newest, that was sealed to
// the signer's own endpoint; an account that took an invite up also gets those
// of the invite's endpoint, and every account those of its recovery endpoint.
// Others in the room get Forbidden (not_your_key).
func (s *Service) Key(ctx context.Context, by Signer, id bus.RoomID, epoch bus.Epoch, endpoint bus.EndpointID) (wire.Key, error) {
	err := s.ask(by, func(v *view, by Signer) error {
		at, err := v.seat(by, id)
		if err != nil {
			return err
		}
		if epoch == 0 {
			epoch = at.state.Epoch.Number
		}
		return v.mayOpen(by, endpoint)
	})
	if err != nil {
		return wire.Key{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, OpTimeout)
	defer cancel()
	sealed, leaves, err := s.store.Envelope(ctx, id, epoch, endpoint)
	return wire.Key{Sealed: sealed, Leaves: leaves}, err
}

var errNotYourKey = bus.Errorf(bus.Forbidden, "not_your_key", "a room key is given to the endpoint it was sealed to")

// mayOpen refuses what was sealed to endpoints that are not by's.
func (v *view) mayOpen(by Signer, endpoint bus.EndpointID) error {
	if !by.unsigned && endpoint != by.Endpoint && !v.ownsInvite(by, endpoint) && !v.ownsRecovery(by, endpoint) {
		return errNotYourKey
	}
	return nil
}

// ownsInvite reports whether endpoint is the one-time endpoint of the invite
// that by's account took up: what was sealed to it until then is his.
func (v *view) ownsInvite(by Signer, endpoint bus.EndpointID) bool {
	invite, ok := v.invite(by)
	return ok && v.log.Invite(invite).Endpoint() == endpoint
}

// ownsRecovery reports whether endpoint is a recovery endpoint of by's account
// that stands. An endpoint with a scope has no use for what opens every room.
func (v *view) ownsRecovery(by Signer, endpoint bus.EndpointID) bool {
	acc := v.accounts[by.Account]
	if by.OneTime() || acc == nil || by.Rights.Scope != nil {
		return false
	}
	e := acc.Endpoint(endpoint)
	return e != nil && e.Kind == account.KindRecovery && !e.Revoked
}

// Stage keeps envelopes for an entry that the signer will append, also for a
// room that he is about to make. It says nothing about whether there is such a
// room: what is staged is his own until his entry names it.
func (s *Service) Stage(ctx context.Context, by Signer, id bus.RoomID, root bus.Hash, envelopes []wire.Envelope) error {
	if err := checkEnvelopes(envelopes); err != nil {
		return err
	}
	at := Staging{Room: id, Root: root}
	err := s.ask(by, func(v *view, by Signer) error {
		at.By = by.Account
		switch {
		case by.Link != nil:
			return errGuest
		case by.Invite == nil:
			return nil
		}
		accepted := v.log.Invite(*by.Invite).Accepted
		if accepted == nil {
			return errGuest
		}
		at.By = *accepted
		return nil
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, OpTimeout)
	defer cancel()
	used, err := s.store.StagedCount(ctx, at.By)
	if err != nil {
		return err
	}
	if used+len(envelopes) > s.opts.Caps.Staged {
		return errStageCap
	}
	return s.store.Stage(ctx, at, envelopes, s.opts.Now())
}

// envelopeSize is that of every envelope: a secret of 32 bytes, sealed.
const envelopeSize = 32 + identity.KEMOverhead

func checkEnvelopes(envelopes []wire.Envelope) error {
	if len(envelopes) > bus.MaxEnvelopes {
		return wire.ErrEnvelopes
	}
	for _, e := range envelopes {
		if len(e.Sealed) != envelopeSize {
			return wire.ErrEnvelopes
		}
	}
	return nil
}

// LeafOf is the leaf of an envelope under its audience root.
func LeafOf(e wire.Envelope) wire.Leaf {
	return wire.Leaf{Endpoint: e.Endpoint, Serial: e.Serial, Envelope: sha256.Sum256(e.Sealed)}
}

func roomLeaves(leaves []wire.Leaf) []roomlog.Leaf {
	out := make([]roomlog.Leaf, len(leaves))
	for i, l := range leaves {
		out[i] = roomlog.Leaf(l)
	}
	return out
}

// checkClear verifies the audience root of an epoch that has no key.
func checkClear(st *roomlog.State, inline []wire.Envelope) error {
	if len(inline) > 0 {
		return wire.ErrEnvelopes
	}
	var leaves []roomlog.Leaf
	for _, r := range st.Epoch.Audience {
		leaves = append(leaves, roomlog.Leaf{Endpoint: r.Endpoint, Serial: r.Serial})
	}
	return st.Epoch.CheckLeaves(st.ID, leaves)
}
