package profile

import (
	"context"
	"encoding/json"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

// Pin is the account that a handle stands for here, whatever a bus log says
// later, and what a person decided about it.
type Pin struct {
	Handle  bus.Handle         `json:"-"`
	Account bus.AccountID      `json:"account"`
	Key     identity.VerifyKey `json:"key"` // of the account when that was decided
	Mark    bus.Trust          `json:"mark,omitempty"`
}

func pinPlace(h bus.Handle) string { return "pin/" + string(h) }

// Pins returns all pins by handle.
func (s *Store) Pins(ctx context.Context) (map[bus.Handle]Pin, error) {
	pins := map[bus.Handle]Pin{}
	err := each(ctx, s.db, func(scan func(...any) error) error {
		var h bus.Handle
		var sealed []byte
		if err := scan(&h, &sealed); err != nil {
			return err
		}
		p, err := s.openPin(h, sealed)
		pins[h] = p
		return err
	}, "SELECT handle, sealed FROM pin")
	if err != nil {
		return nil, storeError(ctx, err)
	}
	return pins, nil
}

// PutPin pins a handle in place of what it was pinned to: a person has decided.
func (s *Store) PutPin(ctx context.Context, p Pin) error {
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return s.exec(ctx, kept, `INSERT INTO pin (handle, sealed) VALUES (?, ?)
		ON CONFLICT DO UPDATE SET sealed = excluded.sealed`, string(p.Handle), s.key.Seal(pinPlace(p.Handle), raw))
}

func (s *Store) openPin(h bus.Handle, sealed []byte) (Pin, error) {
	p := Pin{Handle: h}
	raw, err := s.key.Open(pinPlace(h), sealed)
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return p, errValue.Because(err)
	}
	return p, nil
}
