package profile

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"unibus/internal/bus"
)

// Pin is the account that a handle was first seen with.
type Pin struct {
	Handle   bus.Handle    `json:"-"`
	Account  bus.AccountID `json:"account"`
	Verified bool          `json:"verified"` // fingerprints were compared
}

// Errors of pins.
var (
	errNoPin      = bus.Errorf(bus.NotFound, "no_pin", "this user was not seen before")
	errKeyChanged = bus.Errorf(bus.Integrity, "key_changed", "this user has another key than before").
			WithHint("compare fingerprints: unibus identity verify USER")
)

func pinPlace(h bus.Handle) string { return "pin/" + string(h) }

// Pin returns the account that a handle is pinned to; NotFound, code no_pin,
// where it is not.
func (s *Store) Pin(ctx context.Context, h bus.Handle) (Pin, error) { return s.pin(ctx, s.db, h) }

// PutPin pins a handle that has no pin. The same account again may add the
// mark that it was verified, and never takes it away. Another account is
// refused with Integrity, code key_changed, unless it was verified: then a
// person has decided.
func (s *Store) PutPin(ctx context.Context, p Pin) error {
	return s.write(ctx, kept, func(tx *sql.Tx) error {
		old, err := s.pin(ctx, tx, p.Handle)
		switch {
		case errors.Is(err, errNoPin):
		case err != nil:
			return err
		case old.Account == p.Account && (old.Verified || !p.Verified):
			return nil
		case old.Account != p.Account && !p.Verified:
			return errKeyChanged
		}
		raw, err := json.Marshal(p)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO pin (handle, sealed) VALUES (?, ?)
			ON CONFLICT DO UPDATE SET sealed = excluded.sealed`, string(p.Handle), s.key.Seal(pinPlace(p.Handle), raw))
		return err
	})
}

func (s *Store) pin(ctx context.Context, q querier, h bus.Handle) (Pin, error) {
	raw, err := s.sealed(ctx, q, pinPlace(h), errNoPin, "SELECT sealed FROM pin WHERE handle = ?", string(h))
	if err != nil {
		return Pin{}, err
	}
	p := Pin{Handle: h}
	if err := json.Unmarshal(raw, &p); err != nil {
		return Pin{}, errValue.Because(err)
	}
	return p, nil
}
