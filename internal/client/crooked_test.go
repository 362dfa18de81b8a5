package client

import (
	"testing"

	"unibus/internal/bus"
)

// A member who gives away something else than the key of his epoch stops the
// room for no longer than until an owner makes a new key: owners go on, the
// room keeps its name, and who was invited before can still join.
func TestCrookedEpochEndsNoRoom(t *testing.T) {
	t.Parallel()
	for how, name := range []string{"noise", "another's envelope", "another secret", "a ghost"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newModel(t.Context(), 1, nothing)
			owner, id := m.devices[0], m.roomIDs[0]
			m.invitePerson(owner)
			guest := m.invites[len(m.invites)-1]
			m.attemptGuest(owner, id, guest, bus.RoleMember)
			crook := m.devices[1]
			m.crooked(crook, id, crookedness(how))
			if m.taken != 1 {
				t.Fatalf("%s wrote %d crooked epochs, want 1", crook.name, m.taken)
			}
			file := newIdentity("d0", m.now)
			p := &human{name: guest.name, account: file.Account, seed: *file.Seed}
			if err := m.takeUp(m.device(p, file, m.branches[0]), guest); err != nil {
				t.Errorf("join with an invite from before: %v", err)
			}
			m.intents = []intent{}
			if err := owner.Rekey(t.Context(), id); err != nil {
				t.Errorf("an owner makes a new key: %v", err)
			}
			called, err := owner.learnName(t.Context(), id)
			if err != nil || called.Name != "room" {
				t.Errorf("the room is called %q, %v; want its old name", called.Name, err)
			}
			for _, f := range m.faults {
				t.Error(f)
			}
		})
	}
}
