package profile

import (
	"context"
	"encoding/json"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

func pinPlace(h bus.Handle) string { return "pin/" + string(h) }

// Pins returns all pins by handle.
func (s *Store) Pins(ctx context.Context) (map[bus.Handle]identity.Pin, error) {
	pins := map[bus.Handle]identity.Pin{}
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
func (s *Store) PutPin(ctx context.Context, h bus.Handle, p identity.Pin) error {
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return s.exec(ctx, kept, `INSERT INTO pin (handle, sealed) VALUES (?, ?)
		ON CONFLICT DO UPDATE SET sealed = excluded.sealed`, string(h), s.key.Seal(pinPlace(h), raw))
}

func (s *Store) openPin(h bus.Handle, sealed []byte) (p identity.Pin, err error) {
	raw, err := s.key.Open(pinPlace(h), sealed)
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return p, errValue.Because(err)
	}
	return p, nil
}
