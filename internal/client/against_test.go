package client_test

import (
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/buslog"
	"unibus/internal/client"
	"unibus/internal/nodetest"
)

// admins boots a bus with admins of eight days besides the founder.
func admins(t *testing.T, names ...bus.Handle) (*nodetest.Bus, *nodetest.Clock, []*nodetest.Person) {
	t.Helper()
	b, clock := aging(t)
	var people []*nodetest.Person
	for _, name := range names {
		p := b.Join(name)
		_, err := b.Admin.SetRole(nodetest.Context(t), name, bus.RoleAdmin)
		must(t, err)
		people = append(people, p)
	}
	clock.Pass(bus.AdminAge + time.Minute)
	return b, clock, people
}

// handOn is how a proposal reaches the other admin.
func handOn(t *testing.T, h buslog.Halves) buslog.Halves {
	t.Helper()
	again, err := buslog.ParseHalves(h.String())
	must(t, err)
	return again
}

// Two admins of a week end a third without the keys of the bus, and take a role
// away; the rooms that they share with him have a new key.
func TestTwoAdminsAgainstAThird(t *testing.T) {
	t.Parallel()
	b, _, p := admins(t, "carol", "dave", "erin")
	carol, dave, erin := p[0], p[1], p[2]
	ctx := nodetest.Context(t)
	room, err := dave.CreateRoom(ctx, "ops", client.RoomOptions{})
	must(t, err)
	_, err = dave.AddMembers(ctx, room, bus.RoleOwner, "erin")
	must(t, err)
	_, err = carol.RevokeUser(ctx, "erin")
	wantError(t, "alone", err, bus.Forbidden, "needs_two")

	against := client.Against{Handle: "erin", Role: bus.RoleUser}
	halves, err := carol.Propose(ctx, against)
	must(t, err)
	if len(halves) != 2 { // the founder's and dave's
		t.Errorf("the proposal is for %d devices, want 2", len(halves))
	}
	rev, by, err := dave.Cosign(ctx, against, handOn(t, halves))
	if err != nil || by != "carol" || !rev.Changed {
		t.Errorf("dave co-signs: %+v of %s, %v", rev, by, err)
	}
	must(t, err)
	rev, _, err = dave.Cosign(ctx, against, handOn(t, halves))
	if err != nil || rev.Changed {
		t.Errorf("again: %+v, %v; want no change", rev, err)
	}
	if admin, err := erin.IsAdmin(ctx); err != nil || admin {
		t.Errorf("erin is an admin: %v, %v", admin, err)
	}
	_, err = b.Admin.SetRole(ctx, "erin", bus.RoleAdmin)
	must(t, err)

	against = client.Against{Handle: "erin"}
	halves, err = carol.Propose(ctx, against)
	must(t, err)
	rev, _, err = dave.Cosign(ctx, against, handOn(t, halves))
	if err != nil || !rev.Changed || len(rev.Rekeyed) != 1 {
		t.Errorf("dave co-signs: %+v, %v; want one new key", rev, err)
	}
	if _, err := erin.ListMyRooms(ctx); bus.CodeOf(err) != "revoked" {
		t.Errorf("erin goes on: %v", err)
	}
}

// What is not a good proposal is refused in words, and nothing happens.
func TestRefusedProposals(t *testing.T) {
	t.Parallel()
	b, clock, p := admins(t, "carol", "dave", "erin")
	carol, dave, erin := p[0], p[1], p[2]
	ctx := nodetest.Context(t)
	mallory := b.Mallory()
	frank := b.Join("frank")
	_, err := b.Admin.SetRole(ctx, "frank", bus.RoleAdmin) // today
	must(t, err)
	for _, tt := range []struct {
		what string
		by   *nodetest.Person
		a    client.Against
		kind bus.Kind
		code string
	}{
		{"by no admin", mallory, client.Against{Handle: "dave"}, bus.Forbidden, "not_admin"},
		{"by an admin of today", frank, client.Against{Handle: "dave"}, bus.Forbidden, "not_allowed"},
		{"against nobody", carol, client.Against{Handle: "nobody"}, bus.NotFound, "no_user"},
		{"against no admin", carol, client.Against{Handle: "mallory"}, bus.Conflict, "no_proposal"},
		{"against himself", carol, client.Against{Handle: "carol"}, bus.Conflict, "no_proposal"},
		{"to make an admin one", carol, client.Against{Handle: "dave", Role: bus.RoleAdmin}, bus.Conflict, "no_proposal"},
	} {
		_, err := tt.by.Propose(ctx, tt.a)
		wantError(t, tt.what, err, tt.kind, tt.code)
	}
	against := client.Against{Handle: "dave"}
	propose := func() buslog.Halves {
		halves, err := carol.Propose(ctx, against)
		must(t, err)
		return handOn(t, halves)
	}
	refused := func(what string, who *nodetest.Person, a client.Against, h buslog.Halves, kind bus.Kind, code string) {
		t.Helper()
		_, _, err := who.Cosign(ctx, a, h)
		wantError(t, what, err, kind, code)
	}
	refused("by whom it is about", dave, against, propose(), bus.Forbidden, "not_for_you")
	refused("by who proposed it", carol, against, propose(), bus.Forbidden, "not_for_you")
	refused("by an admin of today", frank, against, propose(), bus.Forbidden, "not_for_you")
	refused("somebody else is meant", erin, client.Against{Handle: "carol"}, propose(), bus.Conflict, "other_proposal")
	refused("something else is meant", erin, client.Against{Handle: "dave", Role: bus.RoleUser}, propose(), bus.Conflict, "other_proposal")

	changed := propose()
	for _, e := range changed {
		e.Sigs[0][5] ^= 1
	}
	refused("a changed signature", erin, against, changed, bus.Integrity, "bad_proposal")
	late := propose()
	clock.Pass(bus.ChainSkew + time.Second)
	refused("after five minutes", erin, against, late, bus.Conflict, "stale_proposal")
	behind := propose()
	b.Join("grace")
	refused("behind another entry", erin, against, behind, bus.Conflict, "stale_proposal")

	if admin, err := dave.IsAdmin(ctx); err != nil || !admin {
		t.Errorf("dave is an admin: %v, %v", admin, err)
	}
	_, _, err = erin.Cosign(ctx, against, propose())
	must(t, err)
	if _, err := dave.ListMyRooms(ctx); bus.CodeOf(err) != "revoked" {
		t.Errorf("dave goes on: %v", err)
	}
	_, err = erin.Propose(ctx, client.Against{Handle: "frank"})
	must(t, err)
}

// On a bus where nobody else counts, it says so.
func TestNoSecondAdmin(t *testing.T) {
	t.Parallel()
	b, _ := aging(t)
	b.Join("carol")
	ctx := nodetest.Context(t)
	_, err := b.Admin.SetRole(ctx, "carol", bus.RoleAdmin)
	must(t, err)
	_, err = b.Admin.Propose(ctx, client.Against{Handle: "carol"})
	wantError(t, "alone on the bus", err, bus.Conflict, "no_cosigner")
}
