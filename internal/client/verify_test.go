package client_test

import (
	"fmt"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/nodetest"
)

// A room that grew old holds: that a key was erased here when it was due, the
// secret of an epoch or the kem key that it was sealed to, is nobody's lie.
func TestOldRoomsHold(t *testing.T) {
	t.Parallel()
	b, clock := aging(t)
	alice := b.Alice(b.General)
	for week := range 7 {
		send(t, alice.Again(), b.General, fmt.Sprint("week ", week))
		clock.Pass(8 * 24 * time.Hour)
	}
	send(t, alice.Again(), b.General, "today")
	if kept := keptKeys(t, alice); kept[0] == 1 {
		t.Fatalf("the kem keys %v are kept: this test proves nothing", kept)
	}
	findings, err := alice.Again().VerifyRoom(nodetest.Context(t), b.General)
	must(t, err)
	for _, f := range findings {
		if !f.OK {
			t.Errorf("%s: %v (%s)", f.Check, f.Err, bus.CodeOf(f.Err))
		}
	}
}
