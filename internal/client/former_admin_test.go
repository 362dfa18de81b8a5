package client_test

import (
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/nodetest"
)

// A former admin has written to the bus log, and an admin ended a device of hers
// since: whoever starts afterwards reads the bus log all the same. Her account
// chain rests on a later part of the bus log than her own entries there.
func TestFormerAdminsDeviceEnds(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	ctx := nodetest.Context(t)
	alice, bob := b.Alice(b.General), b.Bob(b.General)
	_, err := b.Admin.SetRole(ctx, "alice", bus.RoleAdmin)
	must(t, err)
	_, err = alice.Client.Invite(ctx, "carol", time.Hour)
	must(t, err)
	_, err = b.Admin.SetRole(ctx, "alice", bus.RoleUser)
	must(t, err)
	_, err = b.Admin.RevokeEndpoint(ctx, "alice", alice.Endpoint())
	must(t, err)

	send(t, forgetful(t, bob), b.General, "by who remembers nothing")
	send(t, bob.Again(), b.General, "by who remembers")
	send(t, bob.Again(), b.General, "by who remembers that, too")
	b.Join("dave", b.General)
}
