package membership

import (
	"context"
	"slices"
	"time"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

// Granting is what the grants of one request have in common.
type Granting struct {
	Room  bus.RoomID
	Since bus.Epoch      // that let the recipients in
	Actor bus.EndpointID // who hands the keys on
	By    bus.AccountID
}

var errGrant = bus.Errorf(bus.Forbidden, "bad_grant", "an earlier key is handed on by who let an endpoint in, or by its user, to it alone").
	WithHint("see who let whom in: unibus room log ROOM")

// Grant keeps keys of earlier epochs that the signer hands on to endpoints that
// an epoch let in: he began it, or they are of his account. Only what may still
// be of use is taken; whether it is the key of its epoch the recipient finds out.
// What became useless meanwhile, or is more than one user gets, is left out: the
// others of the request are not to miss theirs for it.
func (s *Service) Grant(ctx context.Context, by Signer, id bus.RoomID, since bus.Epoch, grants []wire.Grant) error {
	if err := checkGrants(grants); err != nil {
		return err
	}
	at := Granting{Room: id, Since: since}
	var to heirs
	err := s.ask(by, func(v *view, by Signer) error {
		at.Actor, at.By = by.Endpoint, by.Account
		switch {
		case by.unsigned: // whose grant it is must be known
			return bus.ErrUnknownSigner
		case by.OneTime():
			return errGuest
		}
		in, err := v.seat(by, id)
		if err == nil && !v.mayGrant(by, in.room, since, grants) {
			err = errGrant
		}
		if err == nil {
			to = v.heirs(in.room, grants)
		}
		return err
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, OpTimeout)
	defer cancel()
	if err := s.cameWith(ctx, at, grants); err != nil {
		return err
	}
	return s.putGrants(ctx, at, to, grants)
}

func checkGrants(grants []wire.Grant) error {
	if len(grants) == 0 || len(grants) > bus.MaxEnvelopes ||
		slices.ContainsFunc(grants, func(g wire.Grant) bool { return len(g.Sealed) != envelopeSize }) {
		return wire.ErrGrants
	}
	return nil
}

// putGrants stores what is within the bounds, one request at a time, so that
// parallel ones do not pass them together.
func (s *Service) putGrants(ctx context.Context, at Granting, to heirs, grants []wire.Grant) error {
	s.granting.Lock()
	defer s.granting.Unlock()
	grants, err := s.takeable(ctx, at, to, grants)
	if err != nil || len(grants) == 0 {
		return err
	}
	if err := s.allowGrants(ctx, at.By, len(grants)); err != nil {
		return err
	}
	return s.store.PutGrants(ctx, at, grants)
}

// mayGrant holds grants to their author, and to epochs before the one that let
// the recipients in of which messages are kept.
func (v *view) mayGrant(by Signer, r *room, since bus.Epoch, grants []wire.Grant) bool {
	actor, ok := r.actor(since)
	if !ok || !r.state.Create.Persist {
		return false
	}
	oldest := r.oldest(v.now())
	return !slices.ContainsFunc(grants, func(g wire.Grant) bool {
		own := v.endpoints[g.Endpoint] == by.Account && by.Rights.Scope == nil
		return g.Epoch < oldest || g.Epoch >= since || actor != by.Endpoint && !own
	})
}

// actor is who began an epoch of which something is kept.
func (r *room) actor(epoch bus.Epoch) (id bus.EndpointID, ok bool) {
	if ep := r.state.Epoch; ep.Number == epoch {
		return ep.Actor, true
	}
	i := slices.IndexFunc(r.ended, func(e endedEpoch) bool { return e.number == epoch })
	if i < 0 {
		return id, false
	}
	return r.ended[i].actor, true
}

// oldest is the first epoch of which the room may keep a message.
func (r *room) oldest(now time.Time) bus.Epoch {
	if n := r.over(now); n < len(r.ended) {
		return r.ended[n].number
	}
	return r.state.Epoch.Number
}

// cameWith demands that all recipients came with an epoch.
func (s *Service) cameWith(ctx context.Context, at Granting, grants []wire.Grant) error {
	now, err := s.store.Leaves(ctx, at.Room, at.Since)
	if err != nil {
		return err
	}
	before, err := s.store.Leaves(ctx, at.Room, at.Since-1)
	if err != nil {
		return err
	}
	came := map[bus.EndpointID]bool{}
	for _, l := range now {
		came[l.Endpoint] = true
	}
	for _, l := range before {
		delete(came, l.Endpoint)
	}
	if slices.ContainsFunc(grants, func(g wire.Grant) bool { return !came[g.Endpoint] }) {
		return errGrant
	}
	return nil
}

// allowGrants holds an account to what it may hand on, and counts that with its
// envelopes.
func (s *Service) allowGrants(ctx context.Context, by bus.AccountID, n int) error {
	granted, err := s.store.GrantCount(ctx, by)
	if err != nil {
		return err
	}
	if granted+n > s.opts.Caps.Grants {
		return errGrantCap
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.view.sealed[by]+int64(granted+n)*envelopeSize > s.opts.Caps.SealBytes {
		return errSealCap
	}
	return nil
}

// Grants returns what was handed on to an endpoint whose keys the signer may
// have, see Key: of an epoch and those behind it.
func (s *Service) Grants(ctx context.Context, by Signer, id bus.RoomID, endpoint bus.EndpointID, from bus.Epoch) (wire.Grants, error) {
	out := wire.Grants{Items: []wire.Granted{}}
	err := s.ask(by, func(v *view, by Signer) error {
		if _, err := v.seat(by, id); err != nil {
			return err
		}
		return v.mayOpen(by, endpoint)
	})
	if err != nil {
		return out, err
	}
	ctx, cancel := context.WithTimeout(ctx, OpTimeout)
	defer cancel()
	items, err := s.store.Grants(ctx, id, endpoint, from, bus.MaxEnvelopes)
	out.More = len(items) == bus.MaxEnvelopes
	out.Items = append(out.Items, items...)
	return out, err
}
