package client_test

import (
	"context"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/nodetest"
)

// A room takes one plain rekey a minute. Who owes it another one goes on
// without: neither the change that asked for it nor a message waits.
func TestRefusedRekeyHoldsNothingBack(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice, bob := b.Alice(b.General), b.Bob(b.General)
	ctx, cancel := context.WithTimeout(nodetest.Context(t), 10*time.Second)
	defer cancel()
	must(t, b.Admin.Rekey(ctx, b.General))
	changed, err := b.Admin.SetRoomRole(ctx, b.General, "alice", bus.RoleReader)
	if err != nil || !changed {
		t.Errorf("a role is changed right after a rekey: got %v, %v; want true", changed, err)
	}
	if _, err := bob.SendOne(ctx, b.General, text("at once")); err != nil {
		t.Errorf("a message to a room that is owed a key: %v", err)
	}
	got := newSeen()
	for _, e := range read(t, alice.Client, b.General) {
		must(t, got.add(e))
	}
	got.wantOnce(t, []string{"at once"})
}
