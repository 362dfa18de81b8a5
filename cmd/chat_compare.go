package cmd

import (
	"context"
	"strings"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/tui"
)

// Compare implements tui.Session.
func (s *chat) Compare(ctx context.Context, user bus.Handle) (tui.Comparison, error) {
	cmp, err := s.c.Compare(ctx, user)
	if err != nil {
		return tui.Comparison{}, err
	}
	code := pictureOf(strings.ReplaceAll(cmp.Number, " ", ""))
	return tui.Comparison{User: user, Number: cmp.Number, Trust: cmp.Trust, QR: code, Keys: cmp}, nil
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
