package client_test

import (
	"slices"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/nodetest"
)

// roles are the changes of roles among what a follow told.
func (s *seen) roles() (out []bus.MemberEvent) {
	for _, e := range s.others {
		if e.Member != nil && e.Member.Change == bus.MemberRole {
			out = append(out, *e.Member)
		}
	}
	return out
}

// Whoever reads along is told who has another role now, and by whom: also of the
// one whom a leaving owner names.
func TestRolesAreTold(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	ctx := nodetest.Context(t)
	b.Alice()
	bob := b.Bob()
	room := newRoom(t, b, "ops", "alice", "bob")
	s, _ := follow(t, bob.Client, room)
	for _, role := range []bus.RoomRole{bus.RoleReader, bus.RoleReader, bus.RoleMember} { // the second changes nothing
		_, err := b.Admin.SetRoomRole(ctx, room, "alice", role)
		must(t, err)
	}
	must(t, b.Admin.Leave(ctx, room, "alice"))
	s.until(t, "the last owner's leaving", func(s *seen) bool {
		return slices.ContainsFunc(s.others, func(e bus.Event) bool { return e.Member != nil && e.Member.Change == bus.MemberLeft })
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	want := []bus.RoomRole{bus.RoleReader, bus.RoleMember, bus.RoleOwner}
	got := s.roles()
	if len(got) != len(want) {
		t.Fatalf("got %d changes of roles, want %d: %+v", len(got), len(want), got)
	}
	for i, m := range got {
		if m.User != "alice" || m.Role != want[i] || m.By != b.Admin.Handle() || m.Time.IsZero() {
			t.Errorf("change %d is %+v, want alice as %s by %s", i, m, want[i], b.Admin.Handle())
		}
	}
}
