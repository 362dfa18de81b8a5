package cmd

import (
	"context"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/tui"
)

// History implements tui.Session. Nothing of it is kept here yet: it needs the
// node.
func (s *chat) History(ctx context.Context, room bus.RoomID, at tui.Span) (tui.Page, error) {
	s.mu.Lock()
	r := s.rooms[room]
	gone := r == nil || r.info.Gone != ""
	s.mu.Unlock()
	if gone {
		return tui.Page{}, bus.ErrNotMember
	}
	limit := min(max(at.Limit, 1), bus.MaxPageMessages)
	events, more, err := s.c.Page(ctx, room, client.Span{Before: at.Before, After: at.After, Limit: limit})
	return tui.Page{Events: events, More: more}, err
}

// Search implements tui.Session.
func (s *chat) Search(context.Context, tui.Query) ([]bus.Message, error) {
	return nil, bus.Errorf(bus.Invalid, "no_search", "searching is not there yet").WithHint("scroll with PgUp, or use: unibus read ROOM")
}

// Compare implements tui.Session.
func (s *chat) Compare(ctx context.Context, user bus.Handle) (tui.Comparison, error) {
	cmp, err := s.c.Compare(ctx, user)
	return tui.Comparison{User: user, Number: cmp.Number, Trust: cmp.Trust, Keys: cmp}, err
}

// Decide implements tui.Session.
func (s *chat) Decide(ctx context.Context, shown tui.Comparison, same bool) error {
	now, err := s.c.Compare(ctx, shown.User)
	if err != nil {
		return err
	}
	was, ok := shown.Keys.(client.Comparison)
	if !ok || !now.SameKeys(was) {
		return bus.Errorf(bus.Conflict, "keys_changed", "the keys of %s changed meanwhile", shown.User).WithHint("compare again: /verify %s", shown.User)
	}
	mark := bus.TrustRejected
	if same {
		mark = bus.TrustVerified
	}
	if err := s.c.Decide(ctx, was, mark); err != nil {
		return err
	}
	return s.judged(ctx)
}

// judged tells of every room what is known of its members now.
func (s *chat) judged(ctx context.Context) error {
	if err := s.c.ReadDecisions(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	var ids []bus.RoomID
	for id := range s.rooms {
		ids = append(ids, id)
	}
	s.mu.Unlock()
	for _, id := range ids {
		if err := s.inform(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
