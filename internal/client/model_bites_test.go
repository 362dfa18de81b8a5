package client

import (
	"testing"

	"unibus/internal/bus"
)

// wrong is what is wrong on purpose with the oracle, or with the clients.
type wrong int

const (
	nothing          wrong = iota
	missesRevocation       // the oracle overlooks that users are revoked
	missesNewcomers        // the oracle gives newcomers the key before theirs
	missesLeavers          // the oracle counts what somebody sent after he left
	missesLies             // the oracle thinks that no lie is noticed
	missesRollback         // the oracle thinks that a shorter chain is not noticed
	forgets                // clients that start again remember nothing
	leaks                  // keys get to devices that they were not sealed to
	oldKeys                // clients make no new key when one is owed
	missesGrants           // the oracle thinks that nobody may have an earlier key
	wrongs
)

// TestModelBites shows that the model finds what is wrong.
func TestModelBites(t *testing.T) {
	t.Parallel()
	for w := nothing + 1; w < wrongs; w++ {
		found := false
		for life := uint64(0); life < 25 && !found; life++ {
			m := newModel(t.Context(), 1000+life, w)
			m.live()
			found = len(m.faults) > 0
			if found {
				t.Logf("%d, life %d: %.200s", w, life, m.faults[0])
			}
		}
		if !found {
			t.Errorf("nobody found wrong %d", w)
		}
	}
}

// leak gives a device the newest key of a room that another one has.
func (m *model) leak(d *device, id bus.RoomID) {
	n := bus.Epoch(len(d.at.table.rooms[id].epochs))
	for _, other := range m.devices {
		if raw, err := other.profile.Secret(m.ctx, id, n); err == nil && other.at == d.at && !other.torn {
			m.must(d.profile.PutSecret(m.ctx, id, n, raw))
		}
	}
}
