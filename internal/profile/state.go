package profile

import (
	"context"

	"unibus/internal/bus"
)

var errNoState = bus.Errorf(bus.NotFound, "no_state", "nothing is kept under that name")

func statePlace(name string) string { return "state/" + name }

// State returns a value that PutState kept, for what has no table of its own,
// like an invite that is being taken up; NotFound, code no_state, where there
// is none. The name stands unsealed.
func (s *Store) State(ctx context.Context, name string) ([]byte, error) {
	return s.sealed(ctx, s.db, statePlace(name), errNoState, "SELECT sealed FROM state WHERE name = ?", name)
}

// PutState keeps a value in place of the one before, on disk when it returns.
func (s *Store) PutState(ctx context.Context, name string, value []byte) error {
	return s.exec(ctx, kept, `INSERT INTO state (name, sealed) VALUES (?, ?)
		ON CONFLICT DO UPDATE SET sealed = excluded.sealed`, name, s.key.Seal(statePlace(name), value))
}
