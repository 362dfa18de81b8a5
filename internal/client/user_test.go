package client_test

import (
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/identity"
	"unibus/internal/nodetest"
)

// Nobody new has a name that people read as somebody else's.
func TestReservedNames(t *testing.T) {
	t.Parallel()
	b, ctx := nodetest.Boot(t), nodetest.Context(t)
	for _, h := range []bus.Handle{"you", "somebody", "unknown"} {
		_, err := b.Admin.Invite(ctx, h, time.Hour)
		wantError(t, "an invite for "+string(h), err, bus.Invalid, "reserved_handle")
		_, _, err = b.Admin.AddUser(ctx, h, identity.KeyLine{Account: identity.NewSigningKey().Public()})
		wantError(t, "adding "+string(h), err, bus.Invalid, "reserved_handle")
	}
	_, err := b.Admin.Invite(ctx, "your", time.Hour)
	must(t, err)
}
